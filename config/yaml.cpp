#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace dormouse::config {
namespace {

std::string at_depth_limit() { return "nested deeper than " + std::to_string(kMaxNesting) + " levels"; }

/// Builds our tree from the parser's events. The parser reports a collection before it descends into it,
/// so throwing here bounds its recursion.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    place(leaf(mark, Node::Kind::null, {}, false));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw complaint(locate(mark), {}, "aliases are not allowed here");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    place(leaf(mark, Node::Kind::scalar, value, tag == "!"));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A collection being read, and in a map the key that waits for its value.
  struct Level {
    Node node;
    bool has_key = false;
    std::string key;
    Location key_location;
  };

  Location locate(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) throw complaint(locate(mark), {}, "anchors are not allowed here");
  }

  Node leaf(const YAML::Mark& mark, Node::Kind kind, std::string text, bool quoted) const {
    Node node;
    node.kind = kind;
    node.location = locate(mark);
    node.path = next_path();
    node.text = std::move(text);
    node.quoted = quoted;
    return node;
  }

  std::string next_path() const {
    if (levels_.empty()) return {};
    const Level& level = levels_.back();
    if (level.node.kind == Node::Kind::list) {
      return level.node.path + "[" + std::to_string(level.node.items.size()) + "]";
    }
    return level.node.path.empty() ? level.key : level.node.path + "." + level.key;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind) {
    refuse_anchor(mark, anchor);
    if (levels_.size() >= kMaxNesting) throw complaint(locate(mark), {}, at_depth_limit());
    if (awaits_key()) throw complaint(locate(mark), levels_.back().node.path, "a key must be plain text");
    levels_.push_back({leaf(mark, kind, {}, false), false, {}, {}});
  }

  void close() {
    Node done = std::move(levels_.back().node);
    levels_.pop_back();
    place(std::move(done));
  }

  bool awaits_key() const {
    return !levels_.empty() && levels_.back().node.kind == Node::Kind::map && !levels_.back().has_key;
  }

  void place(Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (awaits_key()) {
      take_key(node);
    } else if (Level& level = levels_.back(); level.node.kind == Node::Kind::list) {
      level.node.items.push_back(std::move(node));
    } else {
      level.node.entries.push_back({std::move(level.key), level.key_location, std::move(node)});
      level.has_key = false;
    }
  }

  void take_key(const Node& node) {
    Level& level = levels_.back();
    if (node.kind != Node::Kind::scalar) throw complaint(node.location, level.node.path, "a key is missing");
    if (level.node.entries.size() >= kMaxKeys)
      throw complaint(node.location, level.node.path, "too many keys");
    for (const Entry& entry : level.node.entries) {
      if (entry.key != node.text) continue;
      throw complaint(node.location, entry.value.path,
                      "given twice, first in line " + std::to_string(entry.location.line));
    }
    level.key = node.text;
    level.key_location = node.location;
    level.has_key = true;
  }

  std::shared_ptr<const std::string> file_;
  std::vector<Level> levels_;
  Node root_;
};

/// The parser queues unclosed brackets without limit before it reports the first, so they are counted here.
/// Brackets inside quotes count too: no sensible file has kMaxNesting of them open.
void check_brackets(std::string_view text, const std::shared_ptr<const std::string>& file) {
  std::size_t open = 0;
  Location here{file, 1, 0};
  for (char c : text) {
    ++here.column;
    if (c == '\n') here = {file, here.line + 1, 0};
    if (c == '[' || c == '{') ++open;
    if ((c == ']' || c == '}') && open > 0) --open;
    if (open > kMaxNesting) throw complaint(here, {}, at_depth_limit());
  }
}

std::string read_all(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw Failure(Errc::configuration, path.string() + ": no such file");
  if (std::filesystem::is_directory(path, error)) {
    throw Failure(Errc::configuration, path.string() + ": expected a file, found a folder");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) throw Failure(Errc::configuration, path.string() + ": cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::vector<std::filesystem::path> fragments_beside(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path.parent_path() / "conf.d", error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".yaml") found.push_back(it->path());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::string to_string(const Location& location) {
  return (location.file ? *location.file : std::string("?")) + ":" + std::to_string(location.line) + ":" +
         std::to_string(location.column);
}

Failure complaint(const Location& location, std::string_view path, std::string_view message) {
  std::string text = to_string(location) + ": ";
  if (!path.empty()) text.append(path).append(": ");
  return Failure(Errc::configuration, text.append(message));
}

const Node* Node::find(std::string_view key) const {
  const auto entry = std::ranges::find(entries, key, &Entry::key);
  return entry == entries.end() ? nullptr : &entry->value;
}

Node load_text(std::string_view text, std::string_view name) {
  const auto file = std::make_shared<const std::string>(name);
  const Location start{file, 1, 1};
  if (text.size() > kMaxBytes)
    throw complaint(start, {}, "longer than " + std::to_string(kMaxBytes) + " bytes");
  if (const auto zero = text.find('\0'); zero != text.npos)
    throw complaint(start, {}, "not text: holds a zero byte");
  check_brackets(text, file);
  try {
    // Without the end mark the parser takes a quote that is never closed for a whole string.
    std::istringstream stream{std::string(text).append(text.ends_with('\n') ? "...\n" : "\n...\n")};
    YAML::Parser parser(stream);
    TreeBuilder builder(file);
    Node root;
    root.location = start;
    if (!parser.HandleNextDocument(builder)) return root;
    root = builder.take();
    TreeBuilder second(file);
    if (parser.HandleNextDocument(second)) {
      throw complaint(second.take().location, {}, "a second document: one file holds one");
    }
    return root;
  } catch (const YAML::Exception& error) {
    throw complaint({file, error.mark.line + 1, error.mark.column + 1}, {}, "not valid YAML: " + error.msg);
  }
}

Node merge(Node base, Node over) {
  if (over.kind == Node::Kind::null && base.kind == Node::Kind::map)
    return base;  // "memory:" with nothing below
  if (base.kind != Node::Kind::map || over.kind != Node::Kind::map) return over;
  for (Entry& entry : over.entries) {
    const auto known = std::ranges::find(base.entries, entry.key, &Entry::key);
    if (known == base.entries.end()) {
      base.entries.push_back(std::move(entry));
    } else {
      known->value = merge(std::move(known->value), std::move(entry.value));
      known->location = entry.location;
    }
  }
  return base;
}

Node load_file(const std::filesystem::path& path) {
  Node root = load_text(read_all(path), path.string());
  for (const auto& fragment : fragments_beside(path)) {
    root = merge(std::move(root), load_text(read_all(fragment), fragment.string()));
  }
  return root;
}

}  // namespace dormouse::config

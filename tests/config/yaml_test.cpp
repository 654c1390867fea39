#include "config/yaml.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

using namespace dormouse;
using namespace dormouse::config;

namespace {

std::string message(const std::string& text) {
  try {
    load_text(text, "t.yaml");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::configuration);
    return failure.what();
  }
  return {};
}

std::string repeat(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

/// A folder that goes away with the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "dormouse-config-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("every value knows its place and its path", "[config]") {
  const Node root = load_text("hrm:\n  accept: 0.9\nmodels:\n  - name: a\n  - name: 'b'\n", "t.yaml");
  const Node& accept = *root.find("hrm")->find("accept");
  CHECK(to_string(accept.location) == "t.yaml:2:11");
  CHECK(accept.path == "hrm.accept");
  const Node& second = *root.find("models")->items.at(1).find("name");
  CHECK(second.path == "models[1].name");
  CHECK(second.text == "b");
  CHECK(second.quoted);
  CHECK_FALSE(accept.quoted);
}

TEST_CASE("an empty file is an empty configuration", "[config]") {
  CHECK(load_text("", "t.yaml").kind == Node::Kind::null);
  CHECK(load_text("# nothing\n", "t.yaml").kind == Node::Kind::null);
}

TEST_CASE("what is not one plain YAML document is refused with its place", "[config]") {
  struct Case {
    std::string text, expected;
  };
  const Case cases[] = {
      {"a: [1, 2", "t.yaml:2:1: not valid YAML"},
      {"a: 1\n b: 2\n", "t.yaml:2:"},
      {"a: \"x\n", "t.yaml:2:1: not valid YAML"},
      {"a: 'x\nb: 1\n\n", "not valid YAML"},
      {"a: 1\na: 2\n", "t.yaml:2:1: a: given twice, first in line 1"},
      {"a: &x 1\n", "anchors are not allowed"},
      {"a: *x\n", "t.yaml:1:"},
      {"? [1, 2]\n: 3\n", "a key must be plain text"},
      {"~: 3\n", "a key is missing"},
      {"a: 1\n---\nb: 2\n", "a second document"},
      {std::string("a: \0b\n", 6), "zero byte"},
      {"\t a: 1\n\t- b", "t.yaml:"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK_THAT(message(c.text), Catch::Contains(c.expected));
  }
}

TEST_CASE("hostile nesting and size end in a message, not in a crash", "[config]") {
  for (std::string_view piece : {"[", "{a: ", "- ", "? ", "[{", "!t [", "\"\": {"}) {
    INFO(piece);
    CHECK_THAT(message(repeat(piece, kMaxBytes / piece.size())), Catch::Contains("t.yaml:1:"));
  }
  std::string stairs;
  for (std::size_t i = 0; i <= kMaxNesting + 1; ++i) stairs.append(i, ' ').append("a:\n");
  CHECK_THAT(message(stairs), Catch::Contains("nested deeper than 64"));
  CHECK_THAT(message(std::string(kMaxBytes + 1, ' ')), Catch::Contains("longer than 1048576 bytes"));
  std::string keys;
  for (int i = 0; i < 5000; ++i) keys.append("k").append(std::to_string(i)).append(": 1\n");
  CHECK_THAT(message(keys), Catch::Contains("t.yaml:4097:1: too many keys"));
}

TEST_CASE("nesting up to the limit is read", "[config]") {
  CHECK(message(repeat("[", kMaxNesting) + repeat("]", kMaxNesting)).empty());
}

TEST_CASE("files of conf.d win key by key in lexical order", "[config]") {
  const Folder folder;
  folder.write("dormouse.yaml", "hrm: {accept: 0.9, target: 1}\nlist: [1, 2, 3]\nmemory: {a: 1}\n");
  folder.write("conf.d/20-late.yaml", "hrm: {accept: 0.7}\n");
  folder.write("conf.d/10-early.yaml", "hrm:\n  accept: 0.8\n  extra: 2\nlist: [4]\nmemory:\n");
  folder.write("conf.d/ignored.txt", "][");
  const Node root = load_file(folder.path / "dormouse.yaml");
  CHECK(root.find("hrm")->find("accept")->text == "0.7");
  CHECK(root.find("hrm")->find("target")->text == "1");
  CHECK(root.find("list")->items.size() == 1);
  CHECK(root.find("memory")->find("a")->text == "1");
  CHECK(to_string(root.find("hrm")->find("extra")->location) ==
        (folder.path / "conf.d/10-early.yaml").string() + ":3:10");
}

TEST_CASE("a configuration file that is not there is said to be missing", "[config]") {
  CHECK_THROWS_WITH(load_file("/nonexistent/dormouse.yaml"), "/nonexistent/dormouse.yaml: no such file");
  CHECK_THROWS_WITH(load_file("/tmp"), "/tmp: expected a file, found a folder");
}

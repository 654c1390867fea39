#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"

namespace dormouse::config {

/// A place in a configuration file; lines and columns count from 1.
struct Location {
  std::shared_ptr<const std::string> file;
  int line = 1;
  int column = 1;
};

/// "dormouse.yaml:12:5"
std::string to_string(const Location& location);

struct Entry;

/// One value of a configuration, which knows where it stands and what it is called.
struct Node {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  Location location;
  std::string path;            ///< "models[0].path"; empty at the root
  std::string text;            ///< of a scalar, quotes removed
  bool quoted = false;         ///< the scalar was quoted, so it is text whatever it looks like
  std::vector<Node> items;     ///< of a list
  std::vector<Entry> entries;  ///< of a map, in the order of the file

  /// The value under `key`, or nullptr.
  const Node* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Location location;  ///< of the key
  Node value;
};

/// Failure(configuration): "dormouse.yaml:12:5: memory.capacity: MESSAGE"; the path is left out at the root.
Failure complaint(const Location& location, std::string_view path, std::string_view message);

inline constexpr std::size_t kMaxBytes = 1 << 20;
inline constexpr std::size_t kMaxNesting = 64;
inline constexpr std::size_t kMaxKeys = 4096;  ///< of one map

/// Parses one YAML document; `name` stands for it in messages.
/// Throws Failure(configuration), with the place, for what is not YAML, repeats a key, uses anchors or
/// aliases, has a second document, or passes one of the limits above.
Node load_text(std::string_view text, std::string_view name);

/// The file `path`, and over it `conf.d/*.yaml` beside it in lexical order: later files win, key by key
/// through maps; lists are replaced whole. Every value keeps its own location.
Node load_file(const std::filesystem::path& path);

/// `over` laid on `base` as load_file does it.
Node merge(Node base, Node over);

}  // namespace dormouse::config

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml.h"

/// One value of the configuration as one C++ value. Each throws complaint() at the value's own place,
/// saying what was expected and what was given.
namespace dormouse::config {

/// A count of bytes, written "512MiB", "64kB" or plainly in bytes.
struct Bytes {
  std::uint64_t count = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

bool read_bool(const Node& node);  ///< true/false, on/off, yes/no
std::int64_t read_integer(const Node& node, std::int64_t low, std::int64_t high);
double read_number(const Node& node, double low, double high);  ///< finite
std::string read_string(const Node& node);
/// Relative paths start at the folder of the file that names them.
std::filesystem::path read_path(const Node& node, bool must_exist);
/// "10ms", "1.5s", "5min", "1h", "2d"; us too. Zero needs no unit.
std::chrono::nanoseconds read_duration(const Node& node, std::chrono::nanoseconds low,
                                       std::chrono::nanoseconds high);
Bytes read_bytes(const Node& node, Bytes low, Bytes high);
/// The index of the value among `words`.
std::size_t read_word(const Node& node, const std::vector<std::string_view>& words);

/// "expected WHAT, got GIVEN"
Failure mismatch(const Node& node, std::string_view what);
/// The word of `words` nearest to `word` by edit distance; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words);
/// "; did you mean 'NEAREST'?", or nothing when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& words);

}  // namespace dormouse::config

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.h"

namespace dormouse::engine {

/// The JSON at the front of a safetensors file, its form checked, its numbers not yet.
struct SafetensorsHeader {
  struct Entry {
    std::string name;
    std::optional<std::string> dtype;
    std::optional<Shape> shape;
    std::vector<std::uint64_t> offsets;  ///< begin and end
  };
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
};

/// Parses without building a JSON tree: a header may be 100 MB. Throws Failure(corrupt) naming `file`.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& file);

}  // namespace dormouse::engine

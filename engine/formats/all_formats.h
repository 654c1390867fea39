#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/graph.h"

namespace dormouse::engine {

/// Rows of numbers to feed a model: a clip of sound, a stretch of sensor samples, a table.
struct Clip {
  Tensor rows;      ///< f32 [rows, channels]
  double rate = 0;  ///< rows a second; 0 where the file does not say
};

/// One kind of file, known by its content and never by its name.
struct Format {
  std::string_view name;
  bool (*detect)(std::span<const std::byte> bytes);
  Graph (*load_graph)(const std::string& path,
                      std::span<const Op* const> more) = nullptr;  ///< null: holds no model
  Clip (*load_clip)(const std::string& path) = nullptr;            ///< null: holds no rows of numbers
};

/// Every format, in the order in which they are tried.
std::span<const Format> all_formats();

/// The model in `path`; `more` are operators besides those of the table, borrowed for the graph's life.
/// Throws Failure(unsupported) naming what the file is instead.
Graph load_graph(const std::string& path, std::span<const Op* const> more = {});

/// The numbers in `path` (npy, WAV, csv); other element types become f32, a vector one channel. Throws
/// Failure(invalid) for arrays of more than two dimensions, Failure(unsupported) for other files.
Clip load_clip(const std::string& path);

}  // namespace dormouse::engine

#pragma once

#include <random>

#include "memory/graph_file.h"

/// A small memory and the graph over it, the same on every machine: for tests, and the corpus of the fuzz
/// target (tests/data/fuzz/graph).
namespace dormouse::memory {

inline constexpr std::size_t kSampleWidth = 8;
inline constexpr std::size_t kSampleRows = 200;

inline std::vector<std::int8_t> sample_codes(std::mt19937& random) {
  std::vector<std::int8_t> codes(kSampleWidth);
  for (auto& code : codes) code = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
  return codes;
}

/// Rows 0 to 9 are of a seed, the others episodes 1, 2, 3 …
inline VectorIndex sample_index() {
  std::mt19937 random(7);
  VectorIndex index(kSampleWidth, 10'000);
  for (std::size_t i = 0; i < kSampleRows; ++i)
    ensure(index.load({.id = i < 10 ? 0 : i - 9, .label = static_cast<std::uint32_t>(i % 3)},
                      {sample_codes(random), 0.01f}),
           "room");
  return index;
}

inline GraphBuilder sample_graph(const VectorIndex& index) {
  GraphBuilder builder = index.begin_graph();
  while (!builder.advance(50)) {
  }
  return builder;
}

inline constexpr std::size_t kSampleBeam = 64;

}  // namespace dormouse::memory

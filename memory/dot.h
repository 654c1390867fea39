#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dormouse::memory {

/// Rows of codes are padded with zeros to a multiple of this many.
inline constexpr std::size_t kDotStep = 32;

/// products[i] = Σ query[j] · rows[i][j] over n codes, for i < count.
///
/// `n` is a multiple of kDotStep and at most 65,536: then int32 holds every sum. Exact for all codes.
using DotKernel = void (*)(const std::int8_t* query, const std::int8_t* const* rows, std::size_t n,
                           std::size_t count, std::int32_t* products) noexcept;

struct NamedDotKernel {
  std::string_view name;
  DotKernel kernel;
};

/// Those that this processor runs, the fastest first, the portable one last.
std::span<const NamedDotKernel> dot_kernels();
inline DotKernel best_dot() { return dot_kernels().front().kernel; }

/// What turns a product of codes into a distance.
struct Measure {
  float norm;  ///< |x|²
  float scale;
};

/// Squared distance less |q|², which is the same for every row: |x|² − 2·q·x; `factor` is −2 and the query's
/// scale.
inline float score(float factor, std::int32_t product, const Measure& row) {
  return row.norm + factor * row.scale * static_cast<float>(product);
}

/// Σ (query[i] − scale · codes[i])² and Σ (a[i] − b[i])² over n elements, of gaps that are f32 and f64, as
/// sum_of_squares() adds them up: the same on every processor.
struct SquaresKernels {
  double (*of_codes)(const float* query, const std::int8_t* codes, float scale, std::size_t n) noexcept;
  double (*of_floats)(const float* a, const float* b, std::size_t n) noexcept;
};
const SquaresKernels& portable_squares();
/// The fastest that there are here.
const SquaresKernels& best_squares();

/// Scores are made, and looked through, this many at a time.
inline constexpr std::size_t kScoreBlock = 32;

/// score() of `count` rows that lie side by side, `n` codes from one to the next, and the least of each block
/// of them, the last of which may be short: the same on every processor. `n` as for a DotKernel.
using ScoreKernel = void (*)(const std::int8_t* query, float factor, const std::int8_t* rows, std::size_t n,
                             std::size_t count, const Measure* measures, float* scores,
                             float* least) noexcept;
/// By the fastest dot kernel.
void score_rows(const std::int8_t* query, float factor, const std::int8_t* rows, std::size_t n,
                std::size_t count, const Measure* measures, float* scores, float* least) noexcept;
/// The fastest that there is here.
ScoreKernel best_score();

/// Of scores, those that lie in (above, upto].
struct Between {
  float above, upto;
};
/// The numbers of those in whole blocks, rising; `found` has room for all. Returns how many.
using SelectKernel = std::size_t (*)(const float* scores, const float* least, std::size_t blocks,
                                     Between between, std::uint32_t* found) noexcept;
std::size_t select_rows(const float* scores, const float* least, std::size_t blocks, Between between,
                        std::uint32_t* found) noexcept;
/// The fastest that there is here.
SelectKernel best_select();

}  // namespace dormouse::memory

#pragma once

#include <vector>

#include "engine/ops/inference.h"

/// What the quantised operators share. A quantised number q stands for (q - zero point) · scale; scales and
/// zero points come one per tensor, or one per slice along an axis.
namespace dormouse::engine {

bool is_quantized8(DType type);  ///< i8 or u8

/// fail()s unless input `i`, where given, has one element, or `extent` of them in a vector.
void require_one_or_each(const InferContext& context, std::size_t i, std::int64_t extent,
                         std::string_view what);

/// fail()s unless inputs scale and zero_point (absent: 0) fit one another and quantised numbers of `type`.
void check_scale(const InferContext& context, std::size_t scale, std::size_t zero_point, DType type,
                 std::int64_t extent);

/// Input `i` in kernels: zero points of any type, 0 where absent; scales.
std::vector<std::int32_t> zero_points(const KernelContext& context, std::size_t i);
std::vector<float> scales(const KernelContext& context, std::size_t i);

/// The element of a list that has one for all or one for each.
template <class T>
const T& each_or_all(const std::vector<T>& list, std::int64_t i) {
  return list.size() == 1 ? list[0] : list[static_cast<std::size_t>(i)];
}

/// `count` elements of an i8 or u8 tensor from element `first` on, less their zero points: one, or one each.
void load_centred(const View& view, std::int64_t first, std::int64_t count,
                  std::span<const std::int32_t> zero_points, std::int16_t* to);

/// a + b, as sums beyond 32 bits are: without what does not fit.
inline std::int32_t wrapping_sum(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// Writes `count` sums as i8 or u8: round(sum · scale) + zero point.
void store_requantized(const std::int32_t* sums, std::int64_t count, float scale, std::int32_t zero_point,
                       const View& output, std::int64_t first);
/// The same with a scale for each.
void store_requantized(const std::int32_t* sums, std::int64_t count, std::span<const float> scales,
                       std::int32_t zero_point, const View& output, std::int64_t first);

}  // namespace dormouse::engine

#include "engine/ops/quantization.h"

#include <string>

#include "engine/kernels/convert.h"
#include "engine/kernels/quantize.h"

namespace dormouse::engine {
namespace {

template <class T>
std::vector<T> converted(const View& view, DType type) {
  std::vector<T> result(static_cast<std::size_t>(view.elements()));
  convert(view.dtype, view.data, type, reinterpret_cast<std::byte*>(result.data()), result.size());
  return result;
}

template <class Q>
void load(const Q* from, std::int64_t count, std::span<const std::int32_t> zero_points, std::int16_t* to) {
  if (zero_points.size() == 1) {
    const std::int16_t zero = static_cast<std::int16_t>(zero_points[0]);
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::int16_t>(from[i] - zero);
  } else {
    const std::int32_t* const zero = zero_points.data();
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::int16_t>(from[i] - zero[i]);
  }
}

template <class Q, class Scale>
void store(const std::int32_t* sums, std::int64_t count, Scale scale, std::int32_t zero_point, Q* to) {
  for (std::int64_t i = 0; i < count; ++i)
    to[i] = quantized<Q>(static_cast<float>(sums[i]) * scale(i), zero_point);
}

template <class Scale>
void store(const std::int32_t* sums, std::int64_t count, Scale scale, std::int32_t zero_point,
           const View& output, std::int64_t first) {
  if (output.dtype == DType::u8)
    store(sums, count, scale, zero_point, output.values<std::uint8_t>().data() + first);
  else
    store(sums, count, scale, zero_point, output.values<std::int8_t>().data() + first);
}

}  // namespace

bool is_quantized8(DType type) { return type == DType::i8 || type == DType::u8; }

void require_one_or_each(const InferContext& context, std::size_t i, std::int64_t extent,
                         std::string_view what) {
  if (!context.has_input(i) || !context.has_shape(i)) return;
  const Shape& shape = context.shape(i);
  if (!shape.is_static() || (shape.rank() <= 1 && shape.elements() == 1)) return;
  context.require(shape.rank() == 1 && (extent == kDynamic || shape[0] == extent),
                  std::string(what) + " has neither one element nor one for each of its axis");
}

void check_scale(const InferContext& context, std::size_t scale, std::size_t zero_point, DType type,
                 std::int64_t extent) {
  context.require(context.dtype(scale) == DType::f32, "a scale is not f32");
  context.require(!context.has_input(zero_point) || context.dtype(zero_point) == type,
                  "a zero point has not the type of what it belongs to");
  require_one_or_each(context, scale, extent, "a scale");
  require_one_or_each(context, zero_point, extent, "a zero point");
}

std::vector<std::int32_t> zero_points(const KernelContext& context, std::size_t i) {
  if (!context.has_input(i)) return {0};
  return converted<std::int32_t>(context.inputs[i], DType::i32);
}

std::vector<float> scales(const KernelContext& context, std::size_t i) {
  return converted<float>(context.inputs[i], DType::f32);
}

void load_centred(const View& view, std::int64_t first, std::int64_t count,
                  std::span<const std::int32_t> zero_points, std::int16_t* to) {
  if (view.dtype == DType::u8)
    load(view.values<std::uint8_t>().data() + first, count, zero_points, to);
  else
    load(view.values<std::int8_t>().data() + first, count, zero_points, to);
}

void store_requantized(const std::int32_t* sums, std::int64_t count, float scale, std::int32_t zero_point,
                       const View& output, std::int64_t first) {
  store(
      sums, count, [scale](std::int64_t) { return scale; }, zero_point, output, first);
}

void store_requantized(const std::int32_t* sums, std::int64_t count, std::span<const float> scales,
                       std::int32_t zero_point, const View& output, std::int64_t first) {
  store(
      sums, count, [scale = scales.data()](std::int64_t i) { return scale[i]; }, zero_point, output, first);
}

}  // namespace dormouse::engine

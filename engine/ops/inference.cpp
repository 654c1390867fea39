#include "engine/ops/inference.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace dormouse::engine {
namespace {

constexpr DType kAllTypes[] = {DType::f32, DType::f64, DType::f16,    DType::bf16, DType::i8,
                               DType::u8,  DType::i16, DType::u16,    DType::i32,  DType::u32,
                               DType::i64, DType::u64, DType::boolean};

template <class Source>
std::vector<std::int64_t> widened(const Source& source) {
  if (source.dtype() == DType::i64) {
    const auto values = source.template values<std::int64_t>();
    return {values.begin(), values.end()};
  }
  const auto values = source.template values<std::int32_t>();
  return {values.begin(), values.end()};
}

// View with the accessors of Tensor.
struct ViewSource {
  const View& view;
  DType dtype() const { return view.dtype; }
  template <class T>
  std::span<T> values() const {
    return view.values<T>();
  }
};

void copy(const KernelContext& context) noexcept {
  const std::size_t bytes =
      static_cast<std::size_t>(context.inputs[0].elements()) * size_of(context.inputs[0].dtype);
  if (bytes > 0) std::memmove(context.outputs[0].data, context.inputs[0].data, bytes);
}

}  // namespace

void set_checked_output(InferContext& context, std::size_t i, DType type, Shape shape) {
  // Empty tensors too: a 0 among huge extents leaves no elements, but strides that overflow.
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (extent <= 0) continue;
    if (extent > kMaxElements / product)
      context.fail("the output " + to_string(shape) + " has extents whose product is over 2^30");
    product *= extent;
  }
  context.set_output(i, type, std::move(shape));
}

std::vector<std::int64_t> integer_values(const InferContext& context, const Tensor& tensor) {
  if (tensor.dtype() != DType::i64 && tensor.dtype() != DType::i32)
    context.fail("expects i64 or i32 where " + std::string(word(tensor.dtype())) + " is given");
  return widened(tensor);
}

std::vector<std::int64_t> integer_values(const View& view) { return widened(ViewSource{view}); }

IntegerList integer_list(const InferContext& context, std::string_view name, std::size_t i) {
  if (context.has_input(i)) {
    const DType type = context.dtype(i);
    context.require(type == DType::i64 || type == DType::i32, "a list of integers is expected as i64 or i32");
    const Tensor* const value = context.constant(i);
    if (value == nullptr) return {.given = true, .known = false};
    context.require(value->shape().rank() <= 1, "a list of integers is expected as a vector");
    return {.given = true, .values = integer_values(context, *value)};
  }
  const auto* const attribute = context.attributes().find<std::vector<std::int64_t>>(name);
  if (attribute == nullptr) return {};
  return {.given = true, .values = *attribute};
}

IntegerList integer_list(const KernelContext& context, std::string_view name, std::size_t i) {
  if (context.has_input(i)) return {.given = true, .values = integer_values(context.inputs[i])};
  const auto* const attribute = context.attributes.find<std::vector<std::int64_t>>(name);
  if (attribute == nullptr) return {};
  return {.given = true, .values = *attribute};
}

void set_output_of_length(InferContext& context, DType type, std::size_t i, std::size_t least) {
  constexpr std::int64_t kMost = 64;  // what nobody's tensor has is not to be allocated for
  if (!context.has_shape(i) || context.shape(i).rank() != 1) return context.set_output(0, type);
  const std::int64_t length = context.shape(i)[0];
  if (length == kDynamic || length > kMost) return context.set_output(0, type);
  const std::size_t rank = std::max(static_cast<std::size_t>(length), least);
  context.set_output(0, type, Shape(std::vector<std::int64_t>(rank, kDynamic)));
}

std::vector<bool> axis_mask(const InferContext& context, const std::vector<std::int64_t>& axes,
                            std::size_t rank) {
  std::vector<bool> mask(rank, false);
  for (const std::int64_t axis : axes) {
    const std::size_t d = context.axis(axis, rank);
    context.require(!mask[d], "an axis is named twice");
    mask[d] = true;
  }
  return mask;
}

std::vector<bool> axis_mask(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<bool> mask(rank, false);
  for (const std::int64_t axis : axes) mask[axis_index(axis, rank)] = true;
  return mask;
}

Kernels moving_kernels(Kernel size1, Kernel size2, Kernel size4, Kernel size8) {
  Kernels result;
  for (const DType type : kAllTypes) {
    const std::size_t size = size_of(type);
    result.emplace_back(type, size == 1 ? size1 : size == 2 ? size2 : size == 4 ? size4 : size8);
  }
  return result;
}

Kernels copy_kernels() { return moving_kernels(copy, copy, copy, copy); }

}  // namespace dormouse::engine

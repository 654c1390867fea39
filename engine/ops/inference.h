#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/op.h"

/// What the infer functions and kernels of many operators share.
namespace dormouse::engine {

/// The extents of a tensor multiply to no more than this: a model that asks for more is wrong or hostile.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 30;

/// set_output() that refuses shapes beyond kMaxElements; for operators whose output outgrows their inputs.
void set_checked_output(InferContext& context, std::size_t i, DType type, Shape shape);

/// An i32 or i64 tensor's elements; fail()s for other types.
std::vector<std::int64_t> integer_values(const InferContext& context, const Tensor& tensor);
/// The same for kernels, whose infer() has checked the type.
std::vector<std::int64_t> integer_values(const View& view);

/// A list that older opsets give as attribute `name` and newer ones as input `i`.
struct IntegerList {
  bool given = false;
  bool known = true;  ///< false: an input whose value is not known yet
  std::vector<std::int64_t> values = {};
};
IntegerList integer_list(const InferContext& context, std::string_view name, std::size_t i);
IntegerList integer_list(const KernelContext& context, std::string_view name, std::size_t i);

/// Output 0 takes a shape from input `i`, a list of extents that is not known yet: all that is known of the
/// shape is its rank, and that only where the list's length is; at least `least`.
void set_output_of_length(InferContext& context, DType type, std::size_t i, std::size_t least = 0);

/// `axes` as a mask of `rank` flags; fail()s on axes outside the rank or named twice.
std::vector<bool> axis_mask(const InferContext& context, const std::vector<std::int64_t>& axes,
                            std::size_t rank);
/// The same for kernels, whose infer() has checked the axes.
std::vector<bool> axis_mask(const std::vector<std::int64_t>& axes, std::size_t rank);

/// A checked axis in kernels: negative counts from the end.
inline std::size_t axis_index(std::int64_t axis, std::size_t rank) {
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

/// Reads attribute `name` as T, so that a wrong type is refused before a kernel reads it.
template <class T>
void check_attribute(const InferContext& context, std::string_view name) {
  static_cast<void>(context.attributes().find<T>(name));
}

/// Kernels of operators that move elements and never compute with them: one per element size serves every
/// type.
Kernels moving_kernels(Kernel size1, Kernel size2, Kernel size4, Kernel size8);

/// Output 0 is input 0's elements under its own shape: Reshape, Flatten, Identity.
Kernels copy_kernels();

}  // namespace dormouse::engine

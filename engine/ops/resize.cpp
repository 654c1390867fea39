#include <algorithm>
#include <numeric>

#include "engine/kernels/convert.h"
#include "engine/kernels/rows.h"
#include "engine/ops/resizing.h"
#include "engine/ops/types.h"

/// Resize(x, roi, scales, sizes), in the modes nearest, linear and cubic: dimension by dimension, since each
/// is resampled for itself.
namespace dormouse::engine {
namespace {

void infer(InferContext& context) {
  check_resize(context, 1);
  if (!context.has_shape(0)) return context.set_output(0, context.dtype(0));
  std::optional<Shape> shape = resized_shape(context, context.shape(0), 1);
  if (!shape) return context.set_output(0, context.dtype(0));
  set_checked_output(context, 0, context.dtype(0), *std::move(shape));
}

// Elements between the resampling of one dimension and the next, the last dimension first; the first one of
// `dimensions` makes the output.
std::int64_t intermediate(const Shape& x, const Shape& y, const std::vector<std::size_t>& dimensions) {
  std::int64_t largest = 0;
  for (std::size_t i = 1; i < dimensions.size(); ++i)
    largest = std::max(largest, x.elements(0, dimensions[i]) * y.elements(dimensions[i], y.rank()));
  return largest;
}

std::vector<std::size_t> resampled_dimensions(const std::vector<Resampling>& how, const Shape& x) {
  std::vector<std::size_t> result;
  for (std::size_t d = 0; d < how.size(); ++d)
    if (!how[d].is_identity(x[d])) result.push_back(d);
  return result;
}

// Scales and sizes are known when this is asked; a region of interest, which may move, can need all
// dimensions.
std::size_t scratch(const KernelContext& context) {
  if (is_nearest(context.attributes)) return 0;
  const Shape &x = context.shape(0), &y = context.output_shape(0);
  std::vector<std::size_t> dimensions(x.rank());
  std::iota(dimensions.begin(), dimensions.end(), std::size_t{0});
  if (!is_crop(context.attributes)) dimensions = resampled_dimensions(resamplings(context, x, y, 1), x);
  const std::size_t each = std::max<std::size_t>(size_of(context.inputs[0].dtype), sizeof(float));
  return 2 * static_cast<std::size_t>(intermediate(x, y, dimensions)) * each;
}

template <class T>
T extrapolated(const KernelContext& context) {
  const float value = context.attributes.get<float>("extrapolation_value", 0);
  T result{};
  convert(DType::f32, reinterpret_cast<const std::byte*>(&value), context.inputs[0].dtype,
          reinterpret_cast<std::byte*>(&result), 1);
  return result;
}

template <class T>
void pick(const KernelContext& context, const std::vector<Resampling>& how) {
  const std::vector<std::int64_t> step = strides(context.shape(0));
  const Resampling& columns = how.back();
  const T outside = extrapolated<T>(context);
  for_rows(context.output_shape(0), [&](std::int64_t first, const std::vector<std::size_t>& index) {
    T* const y = context.out<T>(0).data() + first;
    const T* x = context.in<T>(0).data();
    bool inside = true;
    for (std::size_t d = 0; d + 1 < how.size(); ++d) {
      const std::size_t tap = how[d].begin[index[d]];
      if (tap == how[d].begin[index[d] + 1])
        inside = false;
      else
        x += how[d].position[tap] * step[d];
    }
    for (std::size_t i = 0; i + 1 < columns.begin.size(); ++i) {
      const bool here = inside && columns.begin[i] < columns.begin[i + 1];
      y[i] = here ? x[columns.position[columns.begin[i]]] : outside;
    }
  });
}

template <class T>
void interpolate(const KernelContext& context, const std::vector<Resampling>& how) {
  const Shape &x = context.shape(0), &y = context.output_shape(0);
  const std::vector<std::size_t> dimensions = resampled_dimensions(how, x);
  T* const out = context.out<T>(0).data();
  const T* from = context.in<T>(0).data();
  if (dimensions.empty()) std::copy_n(from, y.elements(), out);
  T* spare = reinterpret_cast<T*>(context.scratch.data());
  T* other = spare + intermediate(x, y, dimensions);
  for (std::size_t i = dimensions.size(); i-- > 0;) {
    const std::size_t d = dimensions[i];
    T* const to = i == 0 ? out : spare;
    resample(how[d], x.elements(0, d), x[d], y.elements(d + 1, y.rank()), from, to);
    from = to;
    std::swap(spare, other);
  }
}

// Outputs that a dimension puts outside of the region of interest.
template <class T>
void extrapolate(const KernelContext& context, const std::vector<Resampling>& how) {
  if (std::ranges::all_of(how, [](const Resampling& axis) {
        for (std::size_t i = 0; i + 1 < axis.begin.size(); ++i)
          if (axis.begin[i] == axis.begin[i + 1]) return false;
        return true;
      }))
    return;
  const T outside = extrapolated<T>(context);
  for_rows(context.output_shape(0), [&](std::int64_t first, std::vector<std::size_t> index) {
    for (index.back() = 0; index.back() + 1 < how.back().begin.size(); ++index.back()) {
      bool inside = true;
      for (std::size_t d = 0; d < how.size(); ++d)
        inside = inside && how[d].begin[index[d]] < how[d].begin[index[d] + 1];
      if (!inside) context.out<T>(0)[static_cast<std::size_t>(first) + index.back()] = outside;
    }
  });
}

template <class T>
void compute_nearest(const KernelContext& context) noexcept {
  const Shape& shape = context.shape(0);
  if (shape.rank() == 0) {
    context.out<T>(0)[0] = context.in<T>(0)[0];
    return;
  }
  pick<T>(context, resamplings(context, shape, context.output_shape(0), 1));
}

template <class T>
void compute_filtered(const KernelContext& context) noexcept {
  const std::vector<Resampling> how = resamplings(context, context.shape(0), context.output_shape(0), 1);
  interpolate<T>(context, how);
  if (!how.empty()) extrapolate<T>(context, how);
}

// Halves are widened only where they are computed with.
template <class T, class Bits>
void compute(const KernelContext& context) noexcept {
  if (is_nearest(context.attributes)) return compute_nearest<Bits>(context);
  widening<T, compute_filtered<Widened<T>>>(context);
}

Kernels all_kernels() {
  Kernels result = moving_kernels(compute_nearest<std::uint8_t>, compute_nearest<std::uint16_t>,
                                  compute_nearest<std::uint32_t>, compute_nearest<std::uint64_t>);
  for (auto& [type, kernel] : result) {
    if (type == DType::f32) kernel = compute<float, std::uint32_t>;
    if (type == DType::f64) kernel = compute<double, std::uint64_t>;
    if (type == DType::f16) kernel = compute<Half, std::uint16_t>;
    if (type == DType::bf16) kernel = compute<BFloat16, std::uint16_t>;
  }
  return result;
}

Gradients gradient(const GradientContext& context) {
  std::vector<ValueId> inputs = context.node().inputs;
  inputs.insert(inputs.begin(), context.upstream().id);  // then x, roi, scales and sizes
  Graph& graph = context.graph();
  return {Value{&graph,
                graph.add_node(*find_op("dormouse", "ResizeGrad"), inputs, context.attributes()).front()}};
}

Tensor scales(std::initializer_list<float> values) {
  return Tensor::from<float>({static_cast<std::int64_t>(values.size())}, values);
}

Attributes mode(std::string mode, std::string coordinates) {
  return {{"mode", std::move(mode)}, {"coordinate_transformation_mode", std::move(coordinates)}};
}

std::vector<Sample> samples() {
  const Tensor none = scales({});
  const Tensor roi = scales({0, 0, 0.25f, 0.5f, 1, 1, 0.75f, 1.25f});
  const Tensor sizes = Tensor::from<std::int64_t>({4}, {1, 2, 3, 4});
  return {{.shapes = {{1, 2, 3, 4}, {0}, {4}}, .fixed = {{1, none}, {2, scales({1, 1, 2, 1.5f})}}},
          {.shapes = {{1, 2, 3, 4}, {0}, {4}},
           .attributes = mode("linear", "pytorch_half_pixel"),
           .fixed = {{1, none}, {2, scales({1, 1, 2, 0.5f})}}},
          {.shapes = {{1, 2, 4, 4}, {8}, {0}, {4}},
           .attributes = mode("cubic", "tf_crop_and_resize"),
           .fixed = {{1, roi}, {2, none}, {3, sizes}}}};
}

}  // namespace

namespace ops {
extern const Op resize{.name = "Resize",
                       .since = 11,
                       .max_inputs = 4,
                       .infer = infer,
                       .kernels = all_kernels(),
                       .gradient = gradient,
                       .scratch = scratch,
                       .samples = samples()};
}  // namespace ops

}  // namespace dormouse::engine

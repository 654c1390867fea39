#include <complex>

#include "engine/kernels/fourier.h"
#include "engine/kernels/lines.h"
#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// DFT(x [batch, …, 1 or 2], dft_length?, axis?): the Fourier transform along an axis, of x cut or filled
/// with zeros to dft_length. The last dimension holds real and imaginary parts.
namespace dormouse::engine {
namespace {

constexpr std::int64_t kDefaultAxis = -2;
constexpr std::int64_t kLongest = 1 << 24;  // a line is transformed as a whole, 16 bytes a number

std::int64_t scalar(const InferContext& context, const Tensor& tensor) {
  context.require(tensor.elements() == 1, "the length and the axis are scalars");
  return integer_values(context, tensor)[0];
}

std::size_t checked_axis(const InferContext& context, std::size_t rank) {
  if (context.has_input(2) && !context.constant(2)) context.unsupported("an axis that is computed");
  const std::int64_t given = context.has_input(2) ? scalar(context, *context.constant(2)) : kDefaultAxis;
  const std::size_t axis = context.axis(given, rank);
  context.require(axis + 1 < rank, "the last dimension holds the parts of a number and is no axis");
  return axis;
}

void infer(InferContext& context) {
  const bool inverse = context.attributes().integer("inverse", 0) != 0;
  const bool onesided = context.attributes().integer("onesided", 0) != 0;
  if (inverse && onesided) context.unsupported("the inverse of one side");
  const DType type = context.dtype(0);
  const Tensor* const length = context.constant(1);
  if (!context.has_shape(0)) return context.set_output(0, type);
  Shape shape = context.shape(0);
  context.require(shape.rank() >= 2, "expects [batch, …, 1 or 2]");
  const std::size_t axis = checked_axis(context, shape.rank()), last = shape.rank() - 1;
  context.require(shape[last] == 1 || shape[last] == 2 || shape[last] == kDynamic,
                  "the last dimension holds real and imaginary parts: 1 or 2");
  if (context.has_input(1)) shape[axis] = length ? scalar(context, *length) : kDynamic;
  context.require(!length || shape[axis] > 0, "the length is not positive");
  context.require(shape[axis] <= kLongest, "the transform is longer than 2^24");
  if (onesided && shape[axis] != kDynamic) shape[axis] = shape[axis] / 2 + 1;
  shape[last] = 2;
  set_checked_output(context, 0, type, std::move(shape));
}

// Lines of the signal along the axis, each number being `parts` elements.
Lines lines_of(const Shape& shape, std::size_t axis) {
  Shape numbers = shape;
  numbers[shape.rank() - 1] = 1;
  return {numbers, axis};
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape &in = context.shape(0), &out = context.output_shape(0);
  const std::int64_t given = context.has_input(2) ? integer_values(context.inputs[2])[0] : kDefaultAxis;
  const std::size_t axis = axis_index(given, in.rank());
  const std::int64_t length = context.has_input(1) ? integer_values(context.inputs[1])[0] : in[axis];
  const std::int64_t parts = in[in.rank() - 1];
  const bool inverse = context.attributes.integer("inverse", 0) != 0;
  const Lines from = lines_of(in, axis), to = lines_of(out, axis);
  std::vector<std::complex<double>> line(static_cast<std::size_t>(length));
  const T* const x = context.in<T>(0).data();
  T* const y = context.out<T>(0).data();
  for (std::int64_t number = 0; number < from.outer_count * from.inner_count; ++number) {
    const std::int64_t outer = number / from.inner_count, inner = number % from.inner_count;
    for (std::int64_t n = 0; n < length; ++n) {
      const std::int64_t at = ((outer * from.length + n) * from.inner_count + inner) * parts;
      const bool inside = n < from.length;
      line[static_cast<std::size_t>(n)] = {inside ? static_cast<double>(x[at]) : 0,
                                           inside && parts == 2 ? static_cast<double>(x[at + 1]) : 0};
    }
    fourier(line, inverse);
    for (std::int64_t k = 0; k < to.length; ++k) {
      const std::int64_t at = ((outer * to.length + k) * to.inner_count + inner) * 2;
      y[at] = static_cast<T>(line[static_cast<std::size_t>(k)].real());
      y[at + 1] = static_cast<T>(line[static_cast<std::size_t>(k)].imag());
    }
  }
}

Tensor number(std::int64_t value) { return Tensor::scalar(value); }

}  // namespace

namespace ops {
extern const Op dft{
    .name = "DFT",
    .since = 20,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .samples = {{.shapes = {{2, 8, 1}}},
                {.shapes = {{2, 5, 2}}, .attributes = {{"inverse", std::int64_t{1}}}},
                {.shapes = {{2, 3, 6, 1}, {}, {}},
                 .attributes = {{"onesided", std::int64_t{1}}},
                 .fixed = {{1, number(4)}, {2, number(1)}}}}};
}  // namespace ops

}  // namespace dormouse::engine

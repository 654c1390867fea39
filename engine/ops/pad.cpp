#include <algorithm>
#include <string>

#include "engine/kernel_call.h"
#include "engine/kernels/convert.h"
#include "engine/kernels/rows.h"
#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

// Before opset 11 pads and value are attributes; later inputs, and from 18 on with axes.
std::string mode_of(const Attributes& attributes) { return attributes.get<std::string>("mode", "constant"); }

// Begin and end of every dimension, from lists that name some of them.
struct Pads {
  std::vector<std::int64_t> begin, end;
};

Pads spread(const std::vector<std::int64_t>& pads, const IntegerList& axes, std::size_t rank) {
  Pads result{std::vector<std::int64_t>(rank, 0), std::vector<std::int64_t>(rank, 0)};
  const std::size_t count = pads.size() / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t d = axes.given ? axis_index(axes.values[i], rank) : i;
    result.begin[d] = pads[i];
    result.end[d] = pads[i + count];
  }
  return result;
}

void check_extent(const InferContext& context, const std::string& mode, std::int64_t in, std::int64_t begin,
                  std::int64_t end) {
  for (const std::int64_t pad : {begin, end})
    context.require(pad >= -kMaxElements && pad <= kMaxElements, "a pad is out of range");
  if (in == kDynamic) return;
  context.require(in + begin + end >= 0 && in + begin >= 0 && in + end >= 0, "more is cut off than there is");
  if (mode == "reflect")
    context.require(std::max(begin, end) < std::max<std::int64_t>(in, 1), "reflects more than there is");
  if (mode == "edge" || mode == "wrap")
    context.require(in > 0 || (begin <= 0 && end <= 0), "there is nothing to repeat");
}

void infer(InferContext& context) {
  check_attribute<float>(context, "value");
  const std::string mode = mode_of(context.attributes());
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    context.unsupported("mode " + mode);
  if (context.has_input(2)) {
    context.require(context.dtype(2) == context.dtype(0), "the constant value and the input differ in type");
    context.require(!context.has_shape(2) || context.shape(2) == Shape{} || context.shape(2) == Shape{1},
                    "the constant value is not a scalar");
  }
  const IntegerList pads = integer_list(context, "pads", 1), axes = integer_list(context, "axes", 3);
  context.require(pads.given, "pads are missing");
  if (!pads.known || !axes.known || !context.has_shape(0)) return context.set_output(0, context.dtype(0));
  Shape shape = context.shape(0);
  axis_mask(context, axes.values, shape.rank());
  const std::size_t padded = axes.given ? axes.values.size() : shape.rank();
  context.require(pads.values.size() == 2 * padded, "pads has not two entries per padded dimension");
  const Pads full = spread(pads.values, axes, shape.rank());
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    check_extent(context, mode, shape[d], full.begin[d], full.end[d]);
    if (shape[d] != kDynamic) shape[d] += full.begin[d] + full.end[d];
  }
  set_checked_output(context, 0, context.dtype(0), std::move(shape));
}

// For every position along a dimension, the input position it copies; -1 in the padding.
std::vector<std::int64_t> sources(const std::string& mode, std::int64_t in, std::int64_t out,
                                  std::int64_t begin) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    std::int64_t from = i - begin;
    if (mode == "edge") from = std::clamp<std::int64_t>(from, 0, in - 1);
    if (mode == "wrap") from = (from % in + in) % in;
    if (mode == "reflect" && from < 0) from = -from;
    if (mode == "reflect" && from >= in) from = 2 * (in - 1) - from;
    result[static_cast<std::size_t>(i)] = from >= 0 && from < in ? from : -1;
  }
  return result;
}

template <class T>
T filling(const KernelContext& context) {
  if (context.has_input(2)) return context.in<T>(2)[0];
  T result{};
  const float value = context.attributes.get<float>("value", 0);
  convert(DType::f32, reinterpret_cast<const std::byte*>(&value), context.inputs[0].dtype,
          reinterpret_cast<std::byte*>(&result), 1);
  return result;
}

// One row: what comes from the input as it stands is copied, the rest is looked up.
template <class T>
void pad_row(const T* x, std::int64_t in, std::int64_t begin, const std::vector<std::int64_t>& from, T value,
             std::span<T> y) {
  const std::int64_t out = static_cast<std::int64_t>(y.size());
  const std::int64_t first = std::clamp<std::int64_t>(begin, 0, out),
                     last = std::clamp<std::int64_t>(begin + in, first, out);
  const auto look_up = [&](std::int64_t i) {
    const std::int64_t source = from[static_cast<std::size_t>(i)];
    y[static_cast<std::size_t>(i)] = source >= 0 ? x[source] : value;
  };
  for (std::int64_t i = 0; i < first; ++i) look_up(i);
  if (last > first) std::copy_n(x + first - begin, last - first, y.data() + first);
  for (std::int64_t i = last; i < out; ++i) look_up(i);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Shape &in = context.shape(0), &out = context.output_shape(0);
  const std::size_t rank = in.rank();
  if (rank == 0) {
    context.out<T>(0)[0] = context.in<T>(0)[0];
    return;
  }
  const Pads pads = spread(integer_list(context, "pads", 1).values, integer_list(context, "axes", 3), rank);
  const std::string mode = mode_of(context.attributes);
  std::vector<std::vector<std::int64_t>> from;
  for (std::size_t d = 0; d < rank; ++d) from.push_back(sources(mode, in[d], out[d], pads.begin[d]));
  const std::vector<std::int64_t> step = strides(in);
  const T value = filling<T>(context);
  for_rows(out, [&](std::int64_t first, const std::vector<std::size_t>& index) {
    std::int64_t offset = 0;
    bool inside = true;
    for (std::size_t d = 0; d + 1 < rank; ++d) {
      const std::int64_t source = from[d][index[d]];
      inside = inside && source >= 0;
      offset += source * step[d];
    }
    const std::span<T> y =
        context.out<T>(0).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(out.back()));
    if (inside)
      pad_row(context.in<T>(0).data() + offset, in.back(), pads.begin.back(), from.back(), value, y);
    else
      std::ranges::fill(y, value);
  });
}

// A list that was an attribute once; it must be known when a gradient is built.
IntegerList known_list(const GradientContext& context, std::string_view name, std::size_t i) {
  if (!context.has_input(i))
    return {.given = context.attributes().has(name), .values = context.attributes().integers(name)};
  const std::optional<Tensor>& known = context.input(i).info().constant;
  if (!known)
    throw Failure(Errc::unsupported, "Pad: no gradient when the " + std::string(name) + " are computed");
  return {.given = true, .values = integer_values(view_of(*known))};
}

// What was padded is cropped and what was cropped is padded: the same operator with the pads negated.
Value constant_gradient(const GradientContext& context) {
  std::vector<std::int64_t> pads = known_list(context, "pads", 1).values;
  for (std::int64_t& pad : pads) pad = -pad;
  const Value negated = integers(context.graph(), pads);
  if (context.has_input(3)) return apply("Pad", {context.upstream(), negated, Value{}, context.input(3)});
  return apply("Pad", {context.upstream(), negated});
}

// The other modes gather from every padded dimension in turn; their gradient is that of these gathers.
Value gathered_gradient(const GradientContext& context, const std::string& mode) {
  const Value x = context.input(0);
  const Shape in = x.shape(), out = context.output(0).shape();
  if (!in.is_static() || !out.is_static())
    throw Failure(Errc::unsupported, "Pad: no gradient of mode " + mode + " when extents are open");
  const Pads pads = spread(known_list(context, "pads", 1).values, known_list(context, "axes", 3), in.rank());
  struct Gathered {
    Value from, places;
    Attributes axis;
  };
  std::vector<Gathered> steps;
  Value padded = x;
  for (std::size_t d = 0; d < in.rank(); ++d) {
    if (pads.begin[d] == 0 && pads.end[d] == 0) continue;
    const Value places = integers(context.graph(), sources(mode, in[d], out[d], pads.begin[d]));
    steps.push_back({padded, places, {{"axis", static_cast<std::int64_t>(d)}}});
    padded = apply("Gather", {padded, places}, steps.back().axis);
  }
  Value gradient = context.upstream();
  for (auto step = steps.rbegin(); step != steps.rend(); ++step)
    gradient = apply("GatherGrad", {gradient, step->places, step->from}, step->axis, "dormouse");
  return gradient;
}

Gradients gradient(const GradientContext& context) {
  const std::string mode = mode_of(context.attributes());
  return {mode == "constant" ? constant_gradient(context) : gathered_gradient(context, mode)};
}

}  // namespace

namespace ops {
extern const Op pad{
    .name = "Pad",
    .since = 2,
    .max_inputs = 4,
    .infer = infer,
    .kernels = moving_kernels(compute<std::uint8_t>, compute<std::uint16_t>, compute<std::uint32_t>,
                              compute<std::uint64_t>),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 3}, {4}}, .fixed = {{1, row_of<std::int64_t>({1, -1, 0, 2})}}},
                {.shapes = {{2, 3}}, .attributes = {{"pads", std::vector<std::int64_t>{0, 1, 2, 0}}}},
                {.shapes = {{2, 3, 4}, {6}},
                 .attributes = {{"mode", std::string("reflect")}},
                 .fixed = {{1, row_of<std::int64_t>({0, 1, 2, 0, 1, -1})}}},
                {.shapes = {{2, 3}, {4}},
                 .attributes = {{"mode", std::string("edge")}},
                 .fixed = {{1, row_of<std::int64_t>({0, 2, 1, 1})}}}}};
}  // namespace ops

}  // namespace dormouse::engine

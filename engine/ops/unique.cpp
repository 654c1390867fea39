#include <algorithm>
#include <numeric>

#include "engine/kernel_call.h"
#include "engine/ops/inference.h"

/// Unique(x): the distinct elements, or slices along `axis`; where each is first, which of them each element
/// is, and how often. The shapes depend on the data.
namespace dormouse::engine {
namespace {

// What is compared: `count` slices, each of `outer` runs of `inner` elements.
struct Slices {
  std::int64_t outer, count, inner;

  Slices(const Attributes& attributes, const Shape& shape) : outer(1), count(shape.elements()), inner(1) {
    const auto* const along = attributes.find<std::int64_t>("axis");
    if (along == nullptr) return;
    const std::size_t axis = axis_index(*along, shape.rank());
    outer = shape.elements(0, axis);
    count = shape[axis];
    inner = shape.elements(axis + 1, shape.rank());
  }
  std::int64_t offset(std::int64_t slice, std::int64_t run) const { return (run * count + slice) * inner; }
};

struct Found {
  std::vector<std::int64_t> first;    // slice of each distinct one
  std::vector<std::int64_t> inverse;  // which distinct one each slice is
  std::vector<std::int64_t> counts;
};

// -1, 0, 1 for less, equal, greater; NaN is the greatest, and equal to itself.
template <class T>
int compare(T a, T b) {
  if (a != a || b != b) return (a != a ? 1 : 0) - (b != b ? 1 : 0);
  return a < b ? -1 : b < a ? 1 : 0;
}

template <class T>
int compare(const Slices& slices, const T* x, std::int64_t a, std::int64_t b) {
  for (std::int64_t run = 0; run < slices.outer; ++run)
    for (std::int64_t i = 0; i < slices.inner; ++i)
      if (const int order = compare(x[slices.offset(a, run) + i], x[slices.offset(b, run) + i]); order != 0)
        return order;
  return 0;
}

template <class T>
Found find(const Slices& slices, const T* x, bool sorted) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(slices.count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order,
                           [&](std::int64_t a, std::int64_t b) { return compare(slices, x, a, b) < 0; });
  Found found{.first = {}, .inverse = std::vector<std::int64_t>(order.size()), .counts = {}};
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(slices, x, order[i - 1], order[i]) != 0) {
      found.first.push_back(order[i]);
      found.counts.push_back(0);
    }
    ++found.counts.back();
    found.inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(found.first.size()) - 1;
  }
  if (sorted) return found;
  // By first appearance instead.
  std::vector<std::int64_t> rank(found.first.size()), place(found.first.size());
  std::iota(rank.begin(), rank.end(), std::int64_t{0});
  std::ranges::sort(rank, {}, [&](std::int64_t i) { return found.first[static_cast<std::size_t>(i)]; });
  Found result{.first = {}, .inverse = {}, .counts = {}};
  for (std::size_t i = 0; i < rank.size(); ++i) {
    const std::size_t from = static_cast<std::size_t>(rank[i]);
    result.first.push_back(found.first[from]);
    result.counts.push_back(found.counts[from]);
    place[from] = static_cast<std::int64_t>(i);
  }
  for (const std::int64_t which : found.inverse)
    result.inverse.push_back(place[static_cast<std::size_t>(which)]);
  return result;
}

Found find(const View& x, const Attributes& attributes) {
  const Slices slices(attributes, *x.shape);
  const bool sorted = attributes.integer("sorted", 1) != 0;
  const auto as = [&]<class T>(T) { return find(slices, x.values<T>().data(), sorted); };
  switch (x.dtype) {
    case DType::f32:
      return as(float{});
    case DType::f64:
      return as(double{});
    case DType::i8:
      return as(std::int8_t{});
    case DType::i16:
      return as(std::int16_t{});
    case DType::i32:
      return as(std::int32_t{});
    case DType::u32:
      return as(std::uint32_t{});
    case DType::i64:
      return as(std::int64_t{});
    case DType::u64:
      return as(std::uint64_t{});
    case DType::u16:
      return as(std::uint16_t{});
    case DType::u8:
    case DType::boolean:
      return as(std::uint8_t{});
    default:
      return {};
  }
}

void infer(InferContext& context) {
  check_attribute<std::int64_t>(context, "sorted");
  const DType type = context.dtype(0);
  if (type == DType::f16 || type == DType::bf16) context.unsupported("half floats have no order here");
  const auto* const axis = context.attributes().find<std::int64_t>("axis");
  if (axis != nullptr && context.has_shape(0)) context.axis(*axis, context.shape(0).rank());
  const Tensor* const x = context.constant(0);
  if (x == nullptr) {
    for (std::size_t i = 0; i < context.outputs(); ++i) context.set_output(i, i == 0 ? type : DType::i64);
    return;
  }
  const Found found = find(view_of(*x), context.attributes());
  const std::int64_t distinct = static_cast<std::int64_t>(found.first.size());
  Shape shape{distinct};
  if (axis != nullptr) {
    shape = x->shape();
    shape[context.axis(*axis, shape.rank())] = distinct;
  }
  context.set_output(0, type, std::move(shape));
  context.set_output(1, DType::i64, {distinct});
  context.set_output(2, DType::i64, {static_cast<std::int64_t>(found.inverse.size())});
  context.set_output(3, DType::i64, {distinct});
}

void compute(const KernelContext& context) noexcept {
  const View& x = context.inputs[0];
  const Slices slices(context.attributes, *x.shape);
  const Found found = find(x, context.attributes);
  const std::int64_t run = slices.inner * static_cast<std::int64_t>(size_of(x.dtype));
  if (context.outputs[0].present()) {
    std::byte* to = context.outputs[0].data;
    for (std::int64_t outer = 0; outer < slices.outer; ++outer)
      for (const std::int64_t slice : found.first)
        to = std::copy_n(x.data + (outer * slices.count + slice) * run, run, to);
  }
  const std::vector<std::int64_t>* const lists[] = {&found.first, &found.inverse, &found.counts};
  for (std::size_t i = 1; i < context.outputs.size(); ++i)
    if (context.outputs[i].present()) std::ranges::copy(*lists[i - 1], context.out<std::int64_t>(i).begin());
}

Tensor repeated() { return Tensor::from<float>({3, 2}, {2, 1, 1, 3, 2, 1}); }

}  // namespace

namespace ops {
extern const Op unique{.name = "Unique",
                       .since = 11,
                       .max_outputs = 4,
                       .infer = infer,
                       .kernels = moving_kernels(compute, compute, compute, compute),
                       .samples = {{.shapes = {{3, 2}}, .fixed = {{0, repeated()}}},
                                   {.shapes = {{3, 2}},
                                    .attributes = {{"axis", std::int64_t{0}}, {"sorted", std::int64_t{0}}},
                                    .fixed = {{0, repeated()}}}}};
}  // namespace ops

}  // namespace dormouse::engine

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/kernels/curves.h"
#include "engine/kernels/gemm.h"
#include "engine/ops/inference.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/types.h"

/// ScaledDotProductAttention(q [.., T, D], k [.., S, D], v [.., S, E], mask): softmax(scale · q·kᵀ + mask)·v,
/// [.., T, E] (Vaswani et al., Attention Is All You Need, 2017). The mask may be absent, or broadcasts to
/// [.., T, S]; the axes before the last two broadcast. A few rows of the scores are there at a time.
namespace dormouse::engine {
namespace {

constexpr std::size_t kMask = 3;

Shape mask_of(const Shape& given) {
  std::vector<std::int64_t> extents(given.rank() < 2 ? 2 - given.rank() : 0, 1);
  extents.insert(extents.end(), given.begin(), given.end());
  return Shape(std::move(extents));
}

bool repeats_to(std::int64_t extent, std::int64_t whole) { return extent == 1 || compatible(extent, whole); }

void infer(InferContext& context) {
  check_attribute<float>(context, "scale");
  const std::size_t given = context.has_input(kMask) ? 4 : 3;
  for (std::size_t i = 1; i < given; ++i)
    context.require(context.dtype(i) == context.dtype(0), "inputs differ in type");
  for (std::size_t i = 0; i < given; ++i)
    if (!context.has_shape(i)) return context.set_output(0, context.dtype(0));
  const Shape &q = context.shape(0), &k = context.shape(1), &v = context.shape(2);
  for (const Shape* shape : {&q, &k, &v}) context.require(shape->rank() >= 2, "expects matrices");
  context.require(compatible(q.back(), k.back()), "queries and keys differ in length");
  context.require(compatible(k[k.rank() - 2], v[v.rank() - 2]), "has not as many values as keys");
  std::optional<Shape> batch = leading(q);
  for (const Shape* shape : {&k, &v})
    if (batch) batch = broadcast(*batch, leading(*shape));
  if (given > kMask) {
    const Shape mask = mask_of(context.shape(kMask));
    context.require(
        repeats_to(mask.back(), k[k.rank() - 2]) && repeats_to(mask[mask.rank() - 2], q[q.rank() - 2]),
        "the mask has not a number for each query and key");
    if (batch) batch = broadcast(*batch, leading(mask));
  }
  context.require(batch.has_value(), "batch dimensions do not broadcast");
  batch->push_back(q[q.rank() - 2]);
  batch->push_back(v.back());
  set_checked_output(context, 0, context.dtype(0), *std::move(batch));
}

struct Extents {
  std::int64_t queries, keys, depth, width;
  std::int64_t rows;  ///< of the scores at a time: enough to pack keys and values for

  explicit Extents(const KernelContext& context)
      : queries(context.shape(0)[context.shape(0).rank() - 2]),
        keys(context.shape(1)[context.shape(1).rank() - 2]),
        depth(context.shape(0).back()),
        width(context.shape(2).back()),
        rows(std::min(std::clamp<std::int64_t>((1 << 16) / std::max<std::int64_t>(keys, 1), 32, 256),
                      std::max<std::int64_t>(queries, 1))) {}

  std::size_t score_bytes() const {
    return (static_cast<std::size_t>(rows * keys) * sizeof(double) + 63) / 64 * 64;
  }
};

std::size_t scratch(const KernelContext& context) {
  const Extents e(context);
  return e.score_bytes() +
         std::max(gemm_scratch(e.rows, e.keys, e.depth), gemm_scratch(e.rows, e.width, e.keys));
}

void exponentials(float* x, std::int64_t count) { best_curves().exp(x, x, count); }
void exponentials(double* x, std::int64_t count) {
  std::transform(x, x + count, x, [](double value) { return std::exp(value); });
}

/// Scores become shares but for a factor, which is returned.
template <class T>
T shares(T* scores, std::int64_t count) {
  const T highest = *std::max_element(scores, scores + count);
  for (std::int64_t i = 0; i < count; ++i) scores[i] -= highest;
  exponentials(scores, count);
  T sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += scores[i];
  return 1 / sum;
}

/// What one head is computed of; null: no mask.
template <class T>
struct Head {
  const T *q, *k, *v, *mask;
  std::int64_t mask_row, mask_step;
  T* out;
};

template <class T>
void attend(const Head<T>& head, const Extents& e, T scale, std::span<std::byte> room) {
  T* const scores = reinterpret_cast<T*>(room.data());
  const std::span<std::byte> rest = room.subspan(e.score_bytes());
  for (std::int64_t first = 0; first < e.queries; first += e.rows) {
    const std::int64_t rows = std::min(e.rows, e.queries - first);
    gemm<T>(rows, e.keys, e.depth, scale, {head.q + first * e.depth, e.depth}, {head.k, 1, e.depth}, false,
            scores, e.keys, rest);
    T* const out = head.out + first * e.width;
    if (e.keys == 0) {
      std::fill_n(out, rows * e.width, T{0});
      continue;
    }
    std::array<T, 256> factors;
    for (std::int64_t row = 0; row < rows; ++row) {
      T* const line = scores + row * e.keys;
      const T* const mask = head.mask ? head.mask + (first + row) * head.mask_row : nullptr;
      for (std::int64_t i = 0; mask && i < e.keys; ++i) line[i] += mask[i * head.mask_step];
      factors[static_cast<std::size_t>(row)] = shares(line, e.keys);
    }
    gemm<T>(rows, e.width, e.keys, 1, {scores, e.keys}, {head.v, e.width}, false, out, e.width, rest);
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t i = 0; i < e.width; ++i)
        out[row * e.width + i] *= factors[static_cast<std::size_t>(row)];
  }
}

template <class T>
void compute(const KernelContext& context) noexcept {
  const Extents e(context);
  const T scale = static_cast<T>(context.attributes.get<float>("scale", 1));
  const bool masked = context.has_input(kMask);
  const Shape mask = masked ? mask_of(context.shape(kMask)) : Shape{1, 1};
  const std::int64_t rows = mask[mask.rank() - 2], columns = mask.back();
  const Shape batch = leading(context.output_shape(0));
  const auto steps = [&](const Shape& shape) { return broadcast_strides(leading(shape), batch); };
  StridedLoop<5>(batch, {strides(batch), steps(context.shape(0)), steps(context.shape(1)),
                         steps(context.shape(2)), steps(mask)})
      .rows([&](std::int64_t length, const auto& offset, const auto& step) {
        for (std::int64_t i = 0; i < length; ++i) {
          const auto at = [&](std::size_t n) { return offset[n] + i * step[n]; };
          attend<T>({context.in<T>(0).data() + at(1) * e.queries * e.depth,
                     context.in<T>(1).data() + at(2) * e.keys * e.depth,
                     context.in<T>(2).data() + at(3) * e.keys * e.width,
                     masked ? context.in<T>(kMask).data() + at(4) * rows * columns : nullptr,
                     rows == 1 ? 0 : columns, columns == 1 ? 0 : 1,
                     context.out<T>(0).data() + at(0) * e.queries * e.width},
                    e, scale, context.scratch);
        }
      });
}

// With p the shares and dp = dy·vᵀ: the scores' gradient is p · (dp - Σ p · dp).
Gradients gradient(const GradientContext& context) {
  const Value q = context.input(0), k = context.input(1), v = context.input(2), dy = context.upstream();
  const double scale = context.attributes().get<float>("scale", 1);
  Value scores = matmul(q, swap_last(k)) * scale;
  if (context.has_input(kMask)) scores = scores + context.input(kMask);
  const Value p = softmax(scores), dp = matmul(dy, swap_last(v));
  const Value d = p * (dp - reduce_sum(p * dp, {-1}, true));
  Gradients result{sum_to(matmul(d, k) * scale, q), sum_to(matmul(swap_last(d), q) * scale, k),
                   sum_to(matmul(swap_last(p), dy), v)};
  if (context.has_input(kMask)) result.push_back(sum_to(d, context.input(kMask)));
  return result;
}

Attributes scale(float value) { return {{"scale", value}}; }

}  // namespace

namespace ops {
extern const Op scaled_dot_product_attention{
    .name = "ScaledDotProductAttention",
    .domain = "dormouse",
    .min_inputs = 3,
    .max_inputs = 4,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .scratch = scratch,
    .samples = {{.shapes = {{2, 3, 4}, {2, 5, 4}, {2, 5, 3}}, .attributes = scale(0.5f)},
                {.shapes = {{2, 2, 3, 2}, {2, 2, 4, 2}, {2, 2, 4, 2}, {2, 1, 1, 4}}},
                {.shapes = {{3, 2}, {4, 2}, {4, 1}, {3, 4}}, .attributes = scale(-1.5f)},
                {.shapes = {{2, 1, 1, 2}, {3, 2, 2}, {1, 2, 3}, {2}}}}};
}  // namespace ops

}  // namespace dormouse::engine

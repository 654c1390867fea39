#include "engine/kernels/integer_gemm.h"
#include "engine/kernels/quantize.h"
#include "engine/kernels/scratch.h"
#include "engine/ops/dynamic_range.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/quantization.h"

/// DynamicQuantizeMatMul(a, b, scale of b, zero point of b?, bias?): a·b + bias, where b is an 8-bit matrix
/// and a is quantised to the range that it has. What DynamicQuantizeLinear, MatMulInteger, Cast and Mul
/// compute together; a driver may take the range of each row.
namespace dormouse::engine {
namespace {

constexpr std::size_t kScale = 2, kZero = 3, kBias = 4;

void infer(InferContext& context) {
  context.require(context.dtype(0) == DType::f32, "what is multiplied is not f32");
  context.require(is_quantized8(context.dtype(1)), "the matrix is not of i8 or u8");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, DType::f32);
  context.require(context.shape(1).rank() == 2, "the right operand is no matrix");
  Shape shape = infer_matrix_product(context, context.shape(0), context.shape(1));
  const std::int64_t columns = context.shape(1)[1];
  check_scale(context, kScale, kZero, context.dtype(1), columns);
  if (context.has_input(kBias)) {
    context.require(context.dtype(kBias) == DType::f32, "the bias is not f32");
    context.require(!context.has_shape(kBias) || context.shape(kBias) == Shape{columns},
                    "the bias is not one for each column");
  }
  set_checked_output(context, 0, DType::f32, std::move(shape));
}

struct Sizes {
  explicit Sizes(const KernelContext& context)
      : k(context.shape(1)[0]),
        n(context.shape(1)[1]),
        rows(n > 0 ? context.output_shape(0).elements() / n : 0) {}
  std::int64_t k, n, rows;
};

std::size_t scratch(const KernelContext& context) {
  const Sizes size(context);
  return Scratch::bytes(size.rows * integer_row(size.k), sizeof(std::int16_t)) +
         Scratch::bytes(size.k * size.n, sizeof(std::int16_t)) +
         Scratch::bytes(size.rows * size.n, sizeof(std::int32_t)) + integer_gemm_scratch(size.k);
}

/// `a` quantised, less its zero point; rows of integer_row(k).
void quantize_rows(std::span<const float> a, const DynamicRange& range, const Sizes& size, std::int16_t* to) {
  const std::int64_t pitch = integer_row(size.k);
  for (std::int64_t i = 0; i < size.rows; ++i) {
    const float* const row = a.data() + i * size.k;
    for (std::int64_t j = 0; j < size.k; ++j)
      to[i * pitch + j] = static_cast<std::int16_t>(
          quantized<std::uint8_t>(row[j] / range.scale, range.zero_point) - range.zero_point);
    if (pitch > size.k) to[i * pitch + size.k] = 0;
  }
}

void compute(const KernelContext& context) noexcept {
  const Sizes size(context);
  const std::span<float> y = context.out<float>(0);
  Scratch room(context.scratch);
  std::int16_t* const left = room.take<std::int16_t>(size.rows * integer_row(size.k));
  std::int16_t* const right = room.take<std::int16_t>(size.k * size.n);
  std::int32_t* const sums = room.take<std::int32_t>(size.rows * size.n);
  const DynamicRange range = dynamic_range(context.in<float>(0));
  quantize_rows(context.in<float>(0), range, size, left);
  const std::vector<std::int32_t> zeros = zero_points(context, kZero);
  for (std::int64_t p = 0; p < size.k; ++p)
    load_centred(context.inputs[1], p * size.n, size.n, zeros, right + p * size.n);
  integer_gemm(size.rows, size.n, size.k, left, right, sums, size.n, room.rest());
  std::vector<float> factors(static_cast<std::size_t>(size.n)), bias(factors.size());
  const std::vector<float> b_scale = scales(context, kScale);
  for (std::int64_t j = 0; j < size.n; ++j)
    factors[static_cast<std::size_t>(j)] = range.scale * each_or_all(b_scale, j);
  if (context.has_input(kBias)) bias.assign(context.in<float>(kBias).begin(), context.in<float>(kBias).end());
  for (std::int64_t i = 0; i < size.rows; ++i)
    for (std::size_t j = 0; j < factors.size(); ++j) {
      const std::size_t at = static_cast<std::size_t>(i) * factors.size() + j;
      y[at] = static_cast<float>(sums[at]) * factors[j] + bias[j];
    }
}

std::vector<std::pair<std::size_t, Tensor>> sample(Tensor scale) {
  return {{0, Tensor::from<float>({2, 3}, {-1, 0.5f, 2, 0.25f, 3, -0.75f})},
          {1, Tensor::from<std::int8_t>({3, 2}, {1, -4, 100, 5, -3, 127})},
          {2, std::move(scale)}};
}

std::vector<std::pair<std::size_t, Tensor>> sample_with_bias() {
  auto result = sample(Tensor::from<float>({2}, {0.01f, 0.5f}));
  result.emplace_back(kZero, Tensor::from<std::int8_t>({2}, {3, 0}));
  result.emplace_back(kBias, Tensor::from<float>({2}, {10, -1}));
  return result;
}

}  // namespace

namespace ops {
extern const Op dynamic_quantize_matmul{
    .name = "DynamicQuantizeMatMul",
    .domain = "dormouse",
    .min_inputs = 3,
    .max_inputs = 5,
    .infer = infer,
    .kernels = {{DType::f32, compute}},
    .scratch = scratch,
    .samples = {{.shapes = {{2, 3}, {3, 2}, {}}, .fixed = sample(Tensor::scalar(0.02f))},
                {.shapes = {{2, 3}, {3, 2}, {2}, {2}, {2}}, .fixed = sample_with_bias()}}};
}  // namespace ops

}  // namespace dormouse::engine

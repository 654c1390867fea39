#include <algorithm>
#include <cmath>

#include "engine/kernels/convert.h"
#include "engine/ops/casting.h"

/// MelWeightMatrix(bands, dft_length, sample_rate, lower edge, upper edge in Hz): [dft_length / 2 + 1,
/// bands], the triangles on the mel scale by which a spectrum's bins are summed to bands.
namespace dormouse::engine {
namespace {

double real_at(const View& view) {
  double value = 0;
  convert(view.dtype, view.data, DType::f64, reinterpret_cast<std::byte*>(&value), 1);
  return value;
}

std::int64_t count_at(const InferContext& context, std::size_t i, std::string_view what) {
  context.require(context.constant(i)->elements() == 1, what);
  const std::int64_t value = integer_values(context, *context.constant(i))[0];
  context.require(value > 0 && value <= kMaxElements, what);
  return value;
}

void infer(InferContext& context) {
  const std::optional<DType> type = onnx_element_type(context.attributes().integer("output_datatype", 1));
  if (!type) context.unsupported("output_datatype names no element type we have");
  for (std::size_t i = 0; i < 5; ++i) {
    const DType given = context.dtype(i);
    context.require(i < 3 ? given == DType::i32 || given == DType::i64 : is_floating(given),
                    "expects three integers and two real numbers");
    context.require(
        !context.has_shape(i) || !context.shape(i).is_static() || context.shape(i).elements() == 1,
        "expects scalars");
  }
  if (!context.constant(0) || !context.constant(1)) return context.set_output(0, *type);
  const std::int64_t bands = count_at(context, 0, "the number of bands is out of range");
  const std::int64_t length = count_at(context, 1, "dft_length is out of range");
  set_checked_output(context, 0, *type, {length / 2 + 1, bands});
}

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

// The bins at which the bands begin, culminate and end, each the next one's beginning; inside the spectrum.
std::vector<std::int64_t> edges(const KernelContext& context, std::int64_t bins, std::int64_t bands) {
  const double length = real_at(context.inputs[1]), rate = real_at(context.inputs[2]);
  const double low = mel_of(real_at(context.inputs[3])), high = mel_of(real_at(context.inputs[4]));
  const double step = (high - low) / static_cast<double>(bands + 2);
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < bands + 2; ++i) {
    const double bin = std::floor((length + 1) * hertz_of(low + static_cast<double>(i) * step) / rate);
    const double last = static_cast<double>(bins - 1);
    result.push_back(bin >= 0 ? static_cast<std::int64_t>(std::min(bin, last)) : 0);  // NaN is 0
  }
  return result;
}

void compute(const KernelContext& context) noexcept {
  const std::int64_t bins = context.output_shape(0)[0], bands = context.output_shape(0)[1];
  const std::vector<std::int64_t> edge = edges(context, bins, bands);
  std::vector<double> weights(static_cast<std::size_t>(bins * bands), 0.0);
  for (std::size_t i = 0; i < static_cast<std::size_t>(bands); ++i) {
    const std::int64_t low = edge[i], centre = edge[i + 1], high = edge[i + 2];
    const auto at = [&](std::int64_t bin) -> double& {
      return weights[static_cast<std::size_t>(bin * bands) + i];
    };
    for (std::int64_t bin = low; bin < centre; ++bin)
      at(bin) = static_cast<double>(bin - low) / static_cast<double>(centre - low);
    at(centre) = 1;
    for (std::int64_t bin = centre; bin < high; ++bin)
      at(bin) = static_cast<double>(high - bin) / static_cast<double>(high - centre);
  }
  convert(DType::f64, reinterpret_cast<const std::byte*>(weights.data()), context.outputs[0].dtype,
          context.outputs[0].data, weights.size());
}

Sample bank(std::int64_t bands, std::int64_t length) {
  const auto integer = [](std::int64_t value) { return Tensor::scalar(value); };
  return {.shapes = {{}, {}, {}, {}, {}},
          .fixed = {{0, integer(bands)},
                    {1, integer(length)},
                    {2, integer(8192)},
                    {3, Tensor::scalar(0.0f)},
                    {4, Tensor::scalar(4096.0f)}}};
}

}  // namespace

namespace ops {
extern const Op mel_weight_matrix{.name = "MelWeightMatrix",
                                  .since = 17,
                                  .min_inputs = 5,
                                  .max_inputs = 5,
                                  .infer = infer,
                                  .kernels = {{DType::i32, compute}, {DType::i64, compute}},
                                  .samples = {bank(8, 16), bank(3, 40)}};
}  // namespace ops

}  // namespace dormouse::engine

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/ops/inference.h"
#include "engine/ops/types.h"

/// RoiAlign(x, regions, batch indices): each region [x1, y1, x2, y2] of an image, cut into output_height ×
/// output_width bins, each the mean or the maximum of what is sampled in it (He et al., Mask R-CNN, 2017).
namespace dormouse::engine {
namespace {

constexpr std::int64_t kMaxSamples = 1 << 10;  // a side of a bin

struct Settings {
  std::int64_t height, width, sampling_ratio;
  float scale;
  bool half_pixel, maximum;

  explicit Settings(const Attributes& attributes)
      : height(attributes.integer("output_height", 1)),
        width(attributes.integer("output_width", 1)),
        sampling_ratio(attributes.integer("sampling_ratio", 0)),
        scale(attributes.get<float>("spatial_scale", 1)),
        half_pixel(attributes.get<std::string>("coordinate_transformation_mode", "half_pixel") ==
                   "half_pixel"),
        maximum(attributes.get<std::string>("mode", "avg") == "max") {}
};

void infer(InferContext& context) {
  const Settings settings(context.attributes());
  const std::string mode = context.attributes().get<std::string>("mode", "avg");
  if (mode != "avg" && mode != "max") context.unsupported("mode " + mode);
  const std::string coordinates =
      context.attributes().get<std::string>("coordinate_transformation_mode", "half_pixel");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    context.unsupported("coordinate_transformation_mode " + coordinates);
  for (const std::int64_t extent : {settings.height, settings.width})
    context.require(extent >= 1 && extent <= kMaxElements, "output_height or output_width is out of range");
  context.require(settings.sampling_ratio >= 0 && settings.sampling_ratio <= kMaxSamples,
                  "sampling_ratio is out of range");
  context.require(context.dtype(1) == context.dtype(0), "image and regions differ in type");
  context.require(context.dtype(2) == DType::i64, "the batch indices are not i64");
  if (!context.has_shape(0) || !context.has_shape(1)) return context.set_output(0, context.dtype(0));
  const Shape &x = context.shape(0), &regions = context.shape(1);
  context.require(x.rank() == 4, "expects an image [N, C, H, W]");
  context.require(regions.rank() == 2 && compatible(regions[1], 4), "the regions are not [R, 4]");
  if (context.has_shape(2))
    context.require(compatible(context.shape(2), {regions[0]}), "there is not one batch index per region");
  set_checked_output(context, 0, context.dtype(0), {regions[0], x[1], settings.height, settings.width});
}

// One axis of a region: bin i has `samples` of them.
template <class T>
struct Side {
  T start, bin;
  std::int64_t samples;

  Side(T from, T to, std::int64_t bins, const Settings& settings) {
    const T shift = settings.half_pixel ? T{0.5} : T{0}, scale = static_cast<T>(settings.scale);
    start = from * scale - shift;
    T extent = to * scale - shift - start;
    if (!settings.half_pixel) extent = std::max(extent, T{1});  // as it was before opset 16
    bin = extent / static_cast<T>(bins);
    const T adaptive = std::ceil(bin);
    samples = settings.sampling_ratio > 0  ? settings.sampling_ratio
              : adaptive >= T{kMaxSamples} ? kMaxSamples
              : adaptive > T{0}            ? static_cast<std::int64_t>(adaptive)
                                           : 0;
  }
  T at(std::int64_t i, std::int64_t sample) const {
    return start + static_cast<T>(i) * bin +
           (static_cast<T>(sample) + T{0.5}) * bin / static_cast<T>(samples);
  }
};

// The two pixels around a coordinate; `inside` is false beyond one pixel from the image.
template <class T>
struct Neighbours {
  bool inside;
  std::int64_t low, high;
  T fraction;

  Neighbours(T x, std::int64_t extent)
      : inside(x >= T{-1} && x <= static_cast<T>(extent)), low(0), high(0), fraction(0) {
    if (!inside) return;
    x = std::max(x, T{0});
    low = std::min(static_cast<std::int64_t>(x), extent - 1);
    high = std::min(low + 1, extent - 1);
    fraction = low == high ? T{0} : x - static_cast<T>(low);
  }
};

// What one sample reads of each plane.
template <class T>
struct Sample4 {
  std::int64_t pixel[4];
  T weight[4];

  Sample4(const Neighbours<T>& down, const Neighbours<T>& across, std::int64_t width) {
    const T b = down.fraction, r = across.fraction, t = 1 - b, l = 1 - r;
    const std::int64_t rows[] = {down.low, down.low, down.high, down.high},
                       columns[] = {across.low, across.high, across.low, across.high};
    const T weights[] = {t * l, t * r, b * l, b * r};
    for (std::size_t i = 0; i < 4; ++i) {
      pixel[i] = rows[i] * width + columns[i];
      weight[i] = weights[i];
    }
  }
  T mean(const T* plane) const {
    T sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += weight[i] * plane[pixel[i]];
    return sum;
  }
  // The largest of the four weighted pixels, as in ONNX's reference and its runtimes.
  T maximum(const T* plane) const {
    T largest = weight[0] * plane[pixel[0]];
    for (std::size_t i = 1; i < 4; ++i) largest = std::max(largest, weight[i] * plane[pixel[i]]);
    return largest;
  }
};

// A stack of planes: the channels of an image, or those of a region's result at one bin.
template <class T>
struct Planes {
  T* data;
  std::int64_t count, size;
};

// One bin of every channel: sample by sample, so that its place is worked out once for all of them.
template <class T>
void pool_bin(const Side<T>& down, const Side<T>& across, std::int64_t row, std::int64_t column,
              std::int64_t height, std::int64_t width, bool maximum, Planes<const T> x, Planes<T> y) {
  const std::int64_t count = down.samples * across.samples;
  const T start = maximum && count > 0 ? -std::numeric_limits<T>::infinity() : T{0};
  for (std::int64_t c = 0; c < y.count; ++c) y.data[c * y.size] = start;
  for (std::int64_t i = 0; i < down.samples; ++i) {
    for (std::int64_t j = 0; j < across.samples; ++j) {
      const Neighbours<T> vertical(down.at(row, i), height), horizontal(across.at(column, j), width);
      const bool inside = vertical.inside && horizontal.inside;
      const Sample4<T> sample(vertical, horizontal, width);
      for (std::int64_t c = 0; c < y.count; ++c) {
        T& to = y.data[c * y.size];
        const T* const plane = x.data + c * x.size;
        if (maximum)
          to = std::max(to, inside ? sample.maximum(plane) : T{0});
        else if (inside)
          to += sample.mean(plane);
      }
    }
  }
  if (maximum) return;
  const T share = T{1} / static_cast<T>(std::max<std::int64_t>(count, 1));
  for (std::int64_t c = 0; c < y.count; ++c) y.data[c * y.size] *= share;
}

// A batch index outside the batch gives zeros.
template <class T>
void compute(const KernelContext& context) noexcept {
  const Settings settings(context.attributes);
  const Shape &in = context.shape(0), &out = context.output_shape(0);
  const std::int64_t bins = out[2] * out[3], plane = in[2] * in[3];
  std::ranges::fill(context.out<T>(0), T{0});
  for (std::int64_t region = 0; region < out[0]; ++region) {
    const T* const corners = context.in<T>(1).data() + 4 * region;
    const std::int64_t image = context.in<std::int64_t>(2)[static_cast<std::size_t>(region)];
    if (image < 0 || image >= in[0] || plane == 0) continue;
    const Side<T> across(corners[0], corners[2], settings.width, settings);
    const Side<T> down(corners[1], corners[3], settings.height, settings);
    const Planes<const T> x{context.in<T>(0).data() + image * in[1] * plane, in[1], plane};
    for (std::int64_t bin = 0; bin < bins; ++bin)
      pool_bin(down, across, bin / out[3], bin % out[3], in[2], in[3], settings.maximum, x,
               Planes<T>{context.out<T>(0).data() + region * out[1] * bins + bin, out[1], bins});
  }
}

Gradients gradient(const GradientContext&) {
  throw Failure(Errc::unsupported, "RoiAlign: it has no gradient here");
}

Tensor regions() { return Tensor::from<std::int64_t>({2}, {1, 0}); }

}  // namespace

namespace ops {
extern const Op roi_align{
    .name = "RoiAlign",
    .since = 10,
    .min_inputs = 3,
    .max_inputs = 3,
    .infer = infer,
    .kernels = kernels_for(Floating{}, []<class T>() { return widening<T, compute<Widened<T>>>; }),
    .gradient = gradient,
    .samples = {{.shapes = {{2, 2, 5, 6}, {2, 4}, {2}},
                 .attributes = {{"output_height", std::int64_t{2}}, {"output_width", std::int64_t{3}}},
                 .fixed = {{2, regions()}},
                 .frozen = {0, 1}},
                {.shapes = {{2, 1, 5, 6}, {2, 4}, {2}},
                 .attributes = {{"coordinate_transformation_mode", std::string("output_half_pixel")},
                                {"sampling_ratio", std::int64_t{2}},
                                {"mode", std::string("max")}},
                 .fixed = {{2, regions()}},
                 .frozen = {0, 1}}}};
}  // namespace ops

}  // namespace dormouse::engine

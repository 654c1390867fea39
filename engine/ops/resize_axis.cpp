#include "engine/ops/resize_axis.h"

#include <cmath>
#include <optional>
#include <string>

#include "engine/kernels/saturate.h"

namespace dormouse::engine {
namespace {

// In single precision throughout, as ONNX Runtime computes it: whether a coordinate is just above or just
// below one half decides which pixel is the nearest.
float source_coordinate(const std::string& mode, const ResizedAxis& axis, std::int64_t output) {
  const float i = static_cast<float>(output), in = static_cast<float>(axis.in),
              out = static_cast<float>(axis.out);
  if (mode == "align_corners") return axis.out == 1 ? 0 : i * (in - 1) / (out - 1);
  if (mode == "asymmetric") return i / axis.scale;
  if (mode == "tf_half_pixel_for_nn") return (i + 0.5f) / axis.scale;
  if (mode == "tf_crop_and_resize") {
    const float extent = (axis.roi_end - axis.roi_begin) * (in - 1);
    return axis.roi_begin * (in - 1) + (axis.out == 1 ? 0.5f * extent : i * extent / (out - 1));
  }
  const float half_pixel = (i + 0.5f) / axis.scale - 0.5f;
  if (mode == "pytorch_half_pixel") return axis.out == 1 ? 0 : half_pixel;
  // The output's extent was rounded down; this keeps both centres together.
  if (mode == "half_pixel_symmetric") return in / 2 * (1 - out / (axis.scale * in)) + half_pixel;
  return half_pixel;
}

float nearest(const std::string& mode, float x) {
  if (mode == "floor") return std::floor(x);
  if (mode == "ceil") return std::ceil(x);
  if (mode == "round_prefer_ceil") return std::floor(x + 0.5f);
  return std::ceil(x - 0.5f);
}

// The interpolation kernels as functions of the distance.
double linear(double distance) { return std::max(0.0, 1 - std::abs(distance)); }

double cubic(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

class Axis {
 public:
  Axis(const Attributes& attributes, const ResizedAxis& axis)
      : axis_(axis),
        coordinates_(attributes.get<std::string>("coordinate_transformation_mode", "half_pixel")),
        nearest_(attributes.get<std::string>("nearest_mode", "round_prefer_floor")),
        mode_(attributes.get<std::string>("mode", "nearest")),
        a_(static_cast<double>(attributes.get<float>("cubic_coeff_a", -0.75f))),
        exclude_outside_(attributes.integer("exclude_outside", 0) != 0),
        stretch_(attributes.integer("antialias", 0) != 0
                     ? static_cast<double>(std::clamp(axis.scale, 1e-9f, 1.0f))
                     : 1) {}

  Resampling run() {
    for (std::int64_t i = 0; i < axis_.out; ++i) {
      const float x = source_coordinate(coordinates_, axis_, i);
      const bool extrapolated =
          coordinates_ == "tf_crop_and_resize" && !(x >= 0 && x <= static_cast<float>(axis_.in - 1));
      if (!extrapolated) add_output(x);
      result_.end_output();
    }
    return std::move(result_);
  }

 private:
  std::int64_t inside(std::int64_t position) const {
    return std::clamp<std::int64_t>(position, 0, axis_.in - 1);
  }

  void add_output(float x) {
    // Far outside there is nothing but the edge.
    const float bound = 4 * static_cast<float>(axis_.in) + 4;
    if (!(std::abs(x) <= bound)) x = x < 0 ? -bound : bound;
    if (mode_ == "nearest")
      result_.add_tap(inside(saturate<std::int64_t>(nearest(nearest_, x))), 1);
    else
      add_filtered(static_cast<double>(x));
  }

  void add_filtered(double x) {
    const bool is_cubic = mode_ == "cubic";
    const std::int64_t left = static_cast<std::int64_t>(std::floor(x)),
                       reach = static_cast<std::int64_t>(std::ceil((is_cubic ? 2 : 1) / stretch_));
    const std::size_t first = result_.weight.size();
    double sum = 0;
    for (std::int64_t i = left - reach + 1; i <= left + reach; ++i) {
      const double distance = (static_cast<double>(i) - x) * stretch_;
      const double weight = is_cubic ? cubic(distance, a_) : linear(distance);
      if (weight == 0 || (exclude_outside_ && i != inside(i))) continue;
      result_.add_tap(inside(i), weight);
      sum += weight;
    }
    if ((!exclude_outside_ && stretch_ == 1) || sum == 0) return;
    for (std::size_t tap = first; tap < result_.weight.size(); ++tap) result_.weight[tap] /= sum;
  }

  const ResizedAxis& axis_;
  std::string coordinates_, nearest_, mode_;
  double a_;
  bool exclude_outside_;
  double stretch_;
  Resampling result_;
};

}  // namespace

Resampling resampling_of(const Attributes& attributes, const ResizedAxis& axis) {
  return Axis(attributes, axis).run();
}

}  // namespace dormouse::engine

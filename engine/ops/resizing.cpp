#include "engine/ops/resizing.h"

#include <cmath>
#include <string>

#include "engine/kernel_call.h"
#include "engine/kernels/convert.h"
#include "engine/kernels/saturate.h"
#include "engine/ops/resize_axis.h"

namespace dormouse::engine {
namespace {

// What the inputs say; before opset 13 an unused one is an empty tensor. One value per resized axis.
struct Wanted {
  std::vector<float> roi, scales;
  std::vector<std::int64_t> sizes;
  std::vector<std::size_t> axes;
};

std::vector<float> reals(const View& view) {
  std::vector<float> result(static_cast<std::size_t>(view.elements()));
  convert(view.dtype, view.data, DType::f32, reinterpret_cast<std::byte*>(result.data()), result.size());
  return result;
}

std::vector<std::size_t> resized_axes(const Attributes& attributes, std::size_t rank) {
  std::vector<std::size_t> result;
  for (const std::int64_t axis : attributes.integers("axes")) result.push_back(axis_index(axis, rank));
  if (!attributes.has("axes"))
    for (std::size_t d = 0; d < rank; ++d) result.push_back(d);
  return result;
}

Wanted wanted(const Attributes& attributes, const View& roi, const View& scales, const View& sizes,
              std::size_t rank) {
  Wanted result;
  result.axes = resized_axes(attributes, rank);
  if (roi.present()) result.roi = reals(roi);
  if (scales.present()) result.scales = reals(scales);
  if (sizes.present()) result.sizes = integer_values(sizes);
  return result;
}

// By opset 18 a size may be no more than a bound: then one scale serves all axes.
float common_scale(const std::string& policy, const Wanted& wanted, const Shape& x) {
  float result = 0;
  for (std::size_t i = 0; i < wanted.axes.size(); ++i) {
    const float scale = static_cast<float>(wanted.sizes[i]) / static_cast<float>(x[wanted.axes[i]]);
    if (i == 0)
      result = scale;
    else
      result = policy == "not_larger" ? std::min(result, scale) : std::max(result, scale);
  }
  return result;
}

std::string policy_of(const Attributes& attributes) {
  return attributes.get<std::string>("keep_aspect_ratio_policy", "stretch");
}

ResizedAxis resized(std::int64_t in, float scale) {
  return {
      .in = in, .out = saturate<std::int64_t>(std::floor(scale * static_cast<float>(in))), .scale = scale};
}

std::vector<ResizedAxis> plan(const Attributes& attributes, const Wanted& wanted, const Shape& x) {
  std::vector<ResizedAxis> result;
  for (const std::int64_t extent : x) result.push_back({.in = extent, .out = extent});
  const std::string policy = policy_of(attributes);
  const bool sized = !wanted.sizes.empty();
  const float common = sized && policy != "stretch" ? common_scale(policy, wanted, x) : 0;
  const std::size_t count = wanted.axes.size();
  for (std::size_t i = 0; i < count; ++i) {
    ResizedAxis& axis = result[wanted.axes[i]];
    const float in = static_cast<float>(axis.in);
    if (!sized) {
      axis = resized(axis.in, wanted.scales[i]);
    } else if (policy == "stretch") {
      axis.out = wanted.sizes[i];
      axis.scale = static_cast<float>(axis.out) / in;
    } else {
      axis.out = saturate<std::int64_t>(std::floor(in * common + 0.5f));
      axis.scale = common;
    }
    if (wanted.roi.size() == 2 * count) {
      axis.roi_begin = wanted.roi[i];
      axis.roi_end = wanted.roi[i + count];
    }
  }
  return result;
}

void require_known(const InferContext& context, std::string_view name, std::string_view fallback,
                   std::initializer_list<std::string_view> known) {
  const std::string value = context.attributes().get<std::string>(name, std::string(fallback));
  if (std::ranges::find(known, value) == known.end()) context.unsupported(std::string(name) + " " + value);
}

void check_values(const InferContext& context, const Wanted& wanted, const Shape& x) {
  context.require(wanted.scales.empty() != wanted.sizes.empty(), "give either scales or sizes");
  const std::size_t given = wanted.scales.size() + wanted.sizes.size();
  context.require(given == wanted.axes.size(), "there is not one scale or size per axis");
  for (const float scale : wanted.scales)
    context.require(scale > 0 && std::isfinite(scale), "a scale is not positive");
  for (std::size_t i = 0; i < wanted.sizes.size(); ++i) {
    context.require(wanted.sizes[i] >= 0 && wanted.sizes[i] <= kMaxElements, "a size is out of range");
    context.require(x[wanted.axes[i]] != 0 || wanted.sizes[i] == 0, "there is nothing to resize");
  }
}

}  // namespace

bool is_nearest(const Attributes& attributes) {
  return attributes.get<std::string>("mode", "nearest") == "nearest";
}

void check_resize(const InferContext& context, std::size_t first) {
  require_known(context, "mode", "nearest", {"nearest", "linear", "cubic"});
  require_known(context, "nearest_mode", "round_prefer_floor",
                {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  require_known(context, "coordinate_transformation_mode", "half_pixel",
                {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                 "tf_half_pixel_for_nn", "tf_crop_and_resize"});
  require_known(context, "keep_aspect_ratio_policy", "stretch", {"stretch", "not_larger", "not_smaller"});
  for (const auto* name : {"cubic_coeff_a", "extrapolation_value"}) check_attribute<float>(context, name);
  for (const auto* name : {"exclude_outside", "antialias"}) check_attribute<std::int64_t>(context, name);
  check_attribute<std::vector<std::int64_t>>(context, "axes");
  const DType type = context.dtype(0);
  const bool floating = type == DType::f32 || type == DType::f64 || type == DType::f16 || type == DType::bf16;
  if (!is_nearest(context.attributes()) && !floating)
    context.unsupported("interpolation of " + std::string(word(type)) + "; only mode nearest is");
  context.require(!context.has_input(first + 1) || context.dtype(first + 1) == DType::f32,
                  "scales are not f32");
  context.require(!context.has_input(first + 2) || context.dtype(first + 2) == DType::i64,
                  "sizes are not i64");
}

bool is_crop(const Attributes& attributes) {
  return attributes.get<std::string>("coordinate_transformation_mode", "") == "tf_crop_and_resize";
}

std::optional<Shape> resized_shape(const InferContext& context, const Shape& x, std::size_t first) {
  axis_mask(context, context.attributes().integers("axes"), x.rank());
  View views[3];
  for (std::size_t i = 0; i < 3; ++i) {
    if (!context.has_input(first + i)) continue;
    const Tensor* const known = context.constant(first + i);
    if (known == nullptr && i > 0) return std::nullopt;
    if (known != nullptr) views[i] = view_of(*known);
  }
  const Wanted lists = wanted(context.attributes(), views[0], views[1], views[2], x.rank());
  check_values(context, lists, x);
  if (is_crop(context.attributes()) && lists.sizes.empty())
    context.unsupported(
        "tf_crop_and_resize with scales, whose result ONNX and its runtimes size differently");
  if (!x.is_static() && policy_of(context.attributes()) != "stretch") return std::nullopt;
  const std::vector<ResizedAxis> axes = plan(context.attributes(), lists, x);
  Shape result;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    const bool open = x[d] == kDynamic && lists.sizes.empty();
    result.push_back(open ? kDynamic : axes[d].out);
  }
  return result;
}

std::vector<Resampling> resamplings(const KernelContext& context, const Shape& x, const Shape& y,
                                    std::size_t first) {
  const auto view = [&](std::size_t i) { return context.has_input(i) ? context.inputs[i] : View{}; };
  const Wanted lists = wanted(context.attributes, view(first), view(first + 1), view(first + 2), x.rank());
  std::vector<ResizedAxis> axes = plan(context.attributes, lists, x);
  std::vector<Resampling> result;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    axes[d].out = y[d];
    result.push_back(resampling_of(context.attributes, axes[d]));
  }
  return result;
}

}  // namespace dormouse::engine

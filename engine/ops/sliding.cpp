#include "engine/ops/sliding.h"

#include <string>
#include <vector>

namespace dormouse::engine {
namespace {

constexpr std::int64_t kMaxSetting = 1 << 20;  // of strides, pads, dilations: keeps all arithmetic in range

struct Settings {
  std::vector<std::int64_t> strides, dilations, pads;
  std::string auto_pad;
  bool ceil = false;
};

Settings read(const Attributes& attributes, std::size_t spatial) {
  Settings result{.strides = attributes.integers("strides"),
                  .dilations = attributes.integers("dilations"),
                  .pads = attributes.integers("pads"),
                  .auto_pad = attributes.get<std::string>("auto_pad", "NOTSET"),
                  .ceil = attributes.integer("ceil_mode", 0) != 0};
  if (result.strides.empty()) result.strides.assign(spatial, 1);
  if (result.dilations.empty()) result.dilations.assign(spatial, 1);
  if (result.pads.empty()) result.pads.assign(2 * spatial, 0);
  return result;
}

void check(const InferContext& context, const Settings& settings, std::size_t spatial) {
  const auto within = [](const std::vector<std::int64_t>& values, std::int64_t low) {
    return std::ranges::all_of(values, [low](std::int64_t v) { return v >= low && v <= kMaxSetting; });
  };
  context.require(settings.strides.size() == spatial && within(settings.strides, 1), "strides are wrong");
  context.require(settings.dilations.size() == spatial && within(settings.dilations, 1),
                  "dilations are wrong");
  context.require(settings.pads.size() == 2 * spatial && within(settings.pads, 0), "pads are wrong");
  const std::string& mode = settings.auto_pad;
  context.require(mode == "NOTSET" || mode == "VALID" || mode == "SAME_UPPER" || mode == "SAME_LOWER",
                  "auto_pad is unknown");
}

// One dimension: how much is padded on each side, and the extent that results.
struct Extent {
  std::int64_t begin, end, output;
};

Extent slide(const Settings& settings, std::size_t d, std::size_t spatial, std::int64_t input,
             std::int64_t kernel) {
  const std::int64_t stride = settings.strides[d], reach = (kernel - 1) * settings.dilations[d] + 1;
  if (settings.auto_pad.starts_with("SAME")) {
    const std::int64_t output = (input + stride - 1) / stride;
    const std::int64_t total = std::max<std::int64_t>(0, (output - 1) * stride + reach - input);
    const std::int64_t less = total / 2, more = total - less;
    return settings.auto_pad == "SAME_UPPER" ? Extent{less, more, output} : Extent{more, less, output};
  }
  const bool valid = settings.auto_pad == "VALID";
  const std::int64_t begin = valid ? 0 : settings.pads[d], end = valid ? 0 : settings.pads[d + spatial];
  const std::int64_t room = input + begin + end - reach;
  if (room < 0) return {begin, end, 0};
  std::int64_t output = (room + (settings.ceil ? stride - 1 : 0)) / stride + 1;
  // A window that would start in the padding behind the input is left out.
  if (settings.ceil && (output - 1) * stride >= input + begin) --output;
  return {begin, end, output};
}

}  // namespace

std::vector<std::int64_t> infer_window(const InferContext& context, const Shape& x,
                                       std::span<const std::int64_t> kernel) {
  context.require(x.rank() >= 3 && x.rank() <= 5, "expects [N, C, 1 to 3 spatial dimensions]");
  const std::size_t spatial = x.rank() - 2;
  context.require(kernel.size() == spatial,
                  "the kernel has another number of spatial dimensions than the input");
  for (const std::int64_t extent : kernel)
    context.require(extent >= 1 && extent <= kMaxSetting, "a kernel extent is out of range");
  const Settings settings = read(context.attributes(), spatial);
  check(context, settings, spatial);
  std::vector<std::int64_t> result;
  for (std::size_t d = 0; d < spatial; ++d) {
    const std::int64_t input = x[d + 2];
    result.push_back(input == kDynamic ? kDynamic : slide(settings, d, spatial, input, kernel[d]).output);
    context.require(result.back() != 0 || input == 0, "the kernel is larger than the padded input");
  }
  return result;
}

std::vector<std::int64_t> kernel_shape(const InferContext& context) {
  const std::vector<std::int64_t> result = context.attributes().integers("kernel_shape");
  context.require(!result.empty(), "kernel_shape is missing");
  return result;
}

SlidingWindow window_of(const Attributes& attributes, const Shape& x, const Shape& y,
                        std::span<const std::int64_t> kernel) {
  const std::size_t spatial = x.rank() - 2;
  const Settings settings = read(attributes, spatial);
  SlidingWindow window;
  for (std::size_t d = 0; d < spatial; ++d) {
    const std::size_t at = 3 - spatial + d;
    const Extent extent = slide(settings, d, spatial, x[d + 2], kernel[d]);
    window.input[at] = x[d + 2];
    window.output[at] = y[d + 2];
    window.kernel[at] = kernel[d];
    window.stride[at] = settings.strides[d];
    window.dilation[at] = settings.dilations[d];
    window.pad_begin[at] = extent.begin;
    window.pad_end[at] = extent.end;
  }
  return window;
}

}  // namespace dormouse::engine

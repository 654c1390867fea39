#include "engine/ops/transposed_convolution.h"

#include <string>

#include "engine/ops/inference.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kMaxSetting = 1 << 20;  // as for Conv: keeps all arithmetic in range

struct Settings {
  std::vector<std::int64_t> strides, dilations, pads, output_padding, output_shape;
  std::string auto_pad;
};

Settings read(const Attributes& attributes, std::size_t spatial) {
  Settings result{.strides = attributes.integers("strides"),
                  .dilations = attributes.integers("dilations"),
                  .pads = attributes.integers("pads"),
                  .output_padding = attributes.integers("output_padding"),
                  .output_shape = attributes.integers("output_shape"),
                  .auto_pad = attributes.get<std::string>("auto_pad", "NOTSET")};
  if (result.strides.empty()) result.strides.assign(spatial, 1);
  if (result.dilations.empty()) result.dilations.assign(spatial, 1);
  if (result.pads.empty()) result.pads.assign(2 * spatial, 0);
  if (result.output_padding.empty()) result.output_padding.assign(spatial, 0);
  // Some exporters name the whole shape, batch and channels too.
  if (result.output_shape.size() == spatial + 2)
    result.output_shape.erase(result.output_shape.begin(), result.output_shape.begin() + 2);
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
  context.require(settings.output_padding.size() == spatial && within(settings.output_padding, 0),
                  "output_padding is wrong");
  context.require(settings.output_shape.empty() ||
                      (settings.output_shape.size() == spatial && within(settings.output_shape, 1)),
                  "output_shape is wrong");
  const std::string& mode = settings.auto_pad;
  context.require(mode == "NOTSET" || mode == "VALID" || mode == "SAME_UPPER" || mode == "SAME_LOWER",
                  "auto_pad is unknown");
}

// One dimension: what is cut off the front of all that the input reaches, and the extent that is left.
struct Extent {
  std::int64_t begin, output;
};

Extent spread(const Settings& settings, std::size_t d, std::size_t spatial, std::int64_t input,
              std::int64_t kernel) {
  const std::int64_t stride = settings.strides[d];
  const std::int64_t full =
      (input - 1) * stride + (kernel - 1) * settings.dilations[d] + 1 + settings.output_padding[d];
  const bool same = settings.auto_pad.starts_with("SAME");
  if (settings.output_shape.empty() && !same) {
    const bool valid = settings.auto_pad == "VALID";
    const std::int64_t begin = valid ? 0 : settings.pads[d], end = valid ? 0 : settings.pads[d + spatial];
    return {begin, full - begin - end};
  }
  const std::int64_t output = settings.output_shape.empty() ? input * stride : settings.output_shape[d];
  const std::int64_t cut = std::max<std::int64_t>(0, full - output);
  return {settings.auto_pad == "SAME_UPPER" ? cut / 2 : cut - cut / 2, output};
}

}  // namespace

Shape infer_transposed(const InferContext& context, const Shape& x, const Shape& w) {
  context.require(x.rank() >= 3 && x.rank() <= 5, "expects [N, C, 1 to 3 spatial dimensions]");
  context.require(w.rank() == x.rank(), "weights and input differ in rank");
  context.require(w.is_static(), "the shape of the weights is not known");
  context.require(w.elements(1, w.rank()) <= 1 << 24, "an input channel has more than 2^24 weights");
  const std::size_t spatial = x.rank() - 2;
  const Settings settings = read(context.attributes(), spatial);
  check(context, settings, spatial);
  const std::int64_t groups = context.attributes().integer("group", 1);
  context.require(groups >= 1 && groups <= kMaxSetting && w[0] >= 1 && w[0] % groups == 0,
                  "group does not divide the input channels");
  context.require(x[1] == kDynamic || x[1] == w[0], "input and weights differ in input channels");
  Shape y{x[0], w[1] * groups};
  for (std::size_t d = 0; d < spatial; ++d) {
    const std::int64_t input = x[d + 2], kernel = w[d + 2];
    context.require(kernel >= 1 && kernel <= kMaxSetting && input <= kMaxElements,
                    "an extent is out of range");
    const bool open = input == kDynamic && settings.output_shape.empty();
    y.push_back(open ? kDynamic : input == 0 ? 0 : spread(settings, d, spatial, input, kernel).output);
    context.require(open || y.back() >= 0, "the pads cut off more than there is");
  }
  const std::vector<std::int64_t> named = context.attributes().integers("kernel_shape");
  context.require(named.empty() || std::ranges::equal(named, std::span(w.extents()).subspan(2)),
                  "kernel_shape is not the weights'");
  return y;
}

Convolution transposed_convolution(const Attributes& attributes, const Shape& x, const Shape& w,
                                   const Shape& y) {
  const std::size_t spatial = x.rank() - 2;
  const Settings settings = read(attributes, spatial);
  SlidingWindow window;
  for (std::size_t d = 0; d < spatial; ++d) {
    const std::size_t at = 3 - spatial + d;
    window.input[at] = y[d + 2];
    window.output[at] = x[d + 2];
    window.kernel[at] = w[d + 2];
    window.stride[at] = settings.strides[d];
    window.dilation[at] = settings.dilations[d];
    window.pad_begin[at] = spread(settings, d, spatial, x[d + 2], w[d + 2]).begin;
  }
  return {window, x[0], attributes.integer("group", 1), w};
}

Attributes forward_attributes(const Attributes& attributes, const Shape& x, const Shape& w, const Shape& y) {
  const std::size_t spatial = x.rank() - 2;
  const Settings settings = read(attributes, spatial);
  std::vector<std::int64_t> pads(2 * spatial, 0);
  for (std::size_t d = 0; d < spatial; ++d) {
    if (x[d + 2] == kDynamic)
      throw Failure(Errc::unsupported, "ConvTranspose: no gradient of an open extent");
    const std::int64_t begin = spread(settings, d, spatial, x[d + 2], w[d + 2]).begin;
    const std::int64_t reach = (w[d + 2] - 1) * settings.dilations[d] + 1;
    const std::int64_t end = (x[d + 2] - 1) * settings.strides[d] + reach - y[d + 2] - begin;
    if (-end >= settings.strides[d])
      throw Failure(Errc::unsupported,
                    "ConvTranspose: no gradient of an output that reaches beyond the input");
    pads[d] = begin;
    pads[d + spatial] = std::max<std::int64_t>(end, 0);
  }
  return {{"strides", settings.strides},
          {"dilations", settings.dilations},
          {"pads", pads},
          {"group", attributes.integer("group", 1)}};
}

}  // namespace dormouse::engine

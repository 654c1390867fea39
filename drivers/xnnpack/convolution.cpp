#include <algorithm>

#include "drivers/xnnpack/convolving.h"
#include "drivers/xnnpack/operands.h"

namespace dormouse::drivers::xnnpack {
namespace {

using engine::Graph;
using engine::Node;

constexpr std::size_t kFilter = 1;

/// Filters must be known now: they are packed once. Signals and images, no volumes.
bool supports(const Graph& graph, const Node& node) {
  const bool bias_known = !has_input(node, 2) || constant(graph, node, 2);
  return is_image(input_shape(graph, node, 0)) && constant(graph, node, kFilter) && bias_known;
}

/// XNNPACK multiplies a few pixels by the whole filter, then the next ones: a filter that does not stay in
/// the cache is read from memory for each. In parts it stays.
constexpr std::size_t kCachedFilter = 1536 << 10, kPart = 512 << 10;
constexpr std::size_t kTile = 32;  ///< output channels that XNNPACK computes at once, on the widest CPU

/// Output channels of a part; all of them where the filter is better left whole. The same for every image:
/// what is packed goes by the constant that it is of.
std::size_t part_of(const Channels& channels, const Extents& filter) {
  const std::size_t channel = filter[1] * filter[2] * filter[3] * sizeof(float);
  if (channels.groups > 1 || channel * channels.outputs <= kCachedFilter) return channels.outputs;
  return std::max(kPart / channel / kTile, std::size_t{1}) * kTile;
}

void emit_parts(Builder& builder, const Node& node, Channels channels, std::size_t part, Id image,
                const Clamped& to) {
  const Graph& graph = builder.graph();
  Extents filter_extents = extents(input_shape(graph, node, kFilter), Layout::channels_first);
  const Extents whole = extents(builder.info(to.value).shape, Layout::channels_last);
  std::vector<Id> results;
  Extents lengths;
  const std::size_t all = channels.outputs;
  for (std::size_t first = 0; first < all; first += part) {
    channels.outputs = std::min(part, all - first);
    const auto rows = [&](std::size_t i) {
      return constant(graph, node, i)
          ->rows(static_cast<std::int64_t>(first), static_cast<std::int64_t>(channels.outputs));
    };
    Extents size = whole;
    size.back() = filter_extents[0] = channels.outputs;
    const Id bias = has_input(node, 2) ? builder.weights(rows(2), {channels.outputs}) : kNoId;
    const Id filter = builder.weights(rows(kFilter), filter_extents, channels.filter_order());
    results.push_back(builder.temporary(size));
    lengths.push_back(channels.outputs);
    define_convolution(builder, node, kFilter, channels, {image, filter, bias, results.back(), to.clamp});
  }
  builder.concatenate(results, lengths, whole.size() - 1, whole,
                      builder.out(to.value, Layout::channels_last));
}

void emit(Builder& builder, const Node& node) {
  const Graph& graph = builder.graph();
  const Channels channels = channels_of(graph, node, kFilter);
  const Extents filter_extents = extents(input_shape(graph, node, kFilter), Layout::channels_first);
  const Id image = builder.in(node.inputs[0], Layout::channels_last);
  const Clamped to = with_clamp(builder, node.outputs[0]);
  const std::size_t part = part_of(channels, filter_extents);
  if (part < channels.outputs) return emit_parts(builder, node, channels, part, image, to);
  const Id bias =
      has_input(node, 2) ? builder.weights(node.inputs[2], {channels.groups * channels.outputs}) : kNoId;
  const Id filter = builder.weights(node.inputs[kFilter], filter_extents, channels.filter_order());
  define_convolution(builder, node, kFilter,
                     {image, filter, bias, builder.out(to.value, Layout::channels_last), to.clamp});
}

}  // namespace

extern const Kernel conv{"Conv", supports, emit};

}  // namespace dormouse::drivers::xnnpack

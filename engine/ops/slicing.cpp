#include "engine/ops/slicing.h"

#include <algorithm>

#include "engine/shape.h"

namespace dormouse::engine {
namespace {

struct Lists {
  IntegerList starts, ends, axes, steps;
};

template <class Context>
Lists read(const Context& context, std::size_t first) {
  return {integer_list(context, "starts", first), integer_list(context, "ends", first + 1),
          integer_list(context, "axes", first + 2), integer_list(context, "steps", first + 3)};
}

// ONNX: negative bounds count from the end; then both are clamped to what the direction can reach.
Cut cut(std::int64_t extent, std::int64_t start, std::int64_t end, std::int64_t step) {
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  std::int64_t count = 0;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, extent);
    end = std::clamp<std::int64_t>(end, 0, extent);
    if (end > start) count = (end - start - 1) / step + 1;
  } else {
    start = std::clamp<std::int64_t>(start, -1, extent - 1);
    end = std::clamp<std::int64_t>(end, -1, extent - 1);
    if (start > end) count = (start - end - 1) / -std::max(step, -INT64_MAX) + 1;
  }
  if (count == 0) start = 0;
  return {start, count > 1 ? step : 1, count};  // a lone element needs no step, however far
}

std::vector<Cut> cuts(const Lists& lists, const Shape& whole) {
  std::vector<Cut> result;
  for (const std::int64_t extent : whole) result.push_back({0, 1, extent});
  for (std::size_t i = 0; i < lists.starts.values.size(); ++i) {
    const std::size_t d = lists.axes.given ? axis_index(lists.axes.values[i], whole.rank()) : i;
    const std::int64_t step = lists.steps.given ? lists.steps.values[i] : 1;
    result[d] = whole[d] == kDynamic ? Cut{0, 1, kDynamic}
                                     : cut(whole[d], lists.starts.values[i], lists.ends.values[i], step);
  }
  return result;
}

}  // namespace

std::optional<std::vector<Cut>> infer_cuts(const InferContext& context, const Shape& whole,
                                           std::size_t first) {
  const Lists lists = read(context, first);
  context.require(lists.starts.given && lists.ends.given, "starts or ends are missing");
  if (!lists.starts.known || !lists.ends.known || !lists.axes.known || !lists.steps.known) return {};
  const std::size_t count = lists.starts.values.size();
  context.require(lists.ends.values.size() == count &&
                      (!lists.axes.given || lists.axes.values.size() == count) &&
                      (!lists.steps.given || lists.steps.values.size() == count),
                  "starts, ends, axes and steps differ in length");
  context.require(lists.axes.given || count <= whole.rank(), "there are more starts than dimensions");
  axis_mask(context, lists.axes.values, whole.rank());
  for (const std::int64_t step : lists.steps.values) context.require(step != 0, "a step is 0");
  return cuts(lists, whole);
}

std::vector<Cut> cuts_of(const KernelContext& context, const Shape& whole, std::size_t first) {
  return cuts(read(context, first), whole);
}

CutLayout layout(const std::vector<Cut>& cuts, const Shape& whole) {
  CutLayout result{.strides = strides(whole)};
  for (std::size_t d = 0; d < cuts.size(); ++d) {
    result.offset += cuts[d].start * result.strides[d];
    result.strides[d] *= cuts[d].step;
  }
  return result;
}

}  // namespace dormouse::engine

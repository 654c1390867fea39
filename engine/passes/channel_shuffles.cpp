#include <map>
#include <optional>

#include "engine/passes/rewrite.h"

/// ShuffleNet v2 takes every other channel of an image by a shuffle across the batch, and Gather. The same
/// channels are neighbours after a shuffle of each image, which keeps the layout of images.
namespace dormouse::engine {
namespace {

using Integers = std::vector<std::int64_t>;

/// Part `index` of the channels of `image`: those whose number leaves that remainder by `parts`.
struct EveryNth {
  ValueId image;
  std::int64_t parts, index;
};

const Node* fixed_maker(const Rewrite& rewrite, ValueId value, std::string_view op) {
  const ValueInfo& info = rewrite.value(value);
  return info.shape_known && info.shape.is_static() ? rewrite.maker(value, op) : nullptr;
}

/// The index that a Gather along the first axis takes, if it is one that is known.
std::optional<std::int64_t> sole_index(const Rewrite& rewrite, const Node& gather) {
  const Tensor* const index = rewrite.constant(gather.inputs[1]);
  if (!index || index->shape().rank() != 0 || gather.attributes.integer("axis", 0) != 0) return std::nullopt;
  return index->as(DType::i64).values<std::int64_t>()[0];
}

/// Reshape [N, C, H, W] to [N · C / p, p, H · W], Transpose, Reshape to [p, N, C / p, H, W], Gather.
std::optional<EveryNth> every_nth(const Rewrite& rewrite, const Node& gather) {
  const Node* const split = fixed_maker(rewrite, gather.inputs[0], "Reshape");
  const Node* const swap = split ? fixed_maker(rewrite, split->inputs[0], "Transpose") : nullptr;
  const Node* const join = swap ? fixed_maker(rewrite, swap->inputs[0], "Reshape") : nullptr;
  if (!join || swap->attributes.integers("perm") != Integers{1, 0, 2}) return std::nullopt;
  const ValueInfo& image = rewrite.value(join->inputs[0]);
  if (!image.shape_known || !image.shape.is_static() || image.shape.rank() != 4) return std::nullopt;
  const Shape &x = image.shape, &joined = rewrite.value(swap->inputs[0]).shape;
  const std::int64_t parts = joined[1];
  const auto index = sole_index(rewrite, gather);
  if (parts <= 0 || x[1] % parts != 0 || !index || *index < -parts || *index >= parts) return std::nullopt;
  const std::int64_t members = x[1] / parts;
  if (joined != Shape{x[0] * members, parts, x[2] * x[3]}) return std::nullopt;
  if (rewrite.value(gather.inputs[0]).shape != Shape{parts, x[0], members, x[2], x[3]}) return std::nullopt;
  return EveryNth{join->inputs[0], parts, *index < 0 ? *index + parts : *index};
}

ValueId shuffled(Rewrite& rewrite, const EveryNth& taken) {
  const Shape x = rewrite.value(taken.image).shape;
  const auto shape = [&](const Integers& extents) { return rewrite.add_constant(row_of(extents)); };
  const ValueId grouped =
      rewrite.add("Reshape", {taken.image, shape({x[0], x[1] / taken.parts, taken.parts, x[2], x[3]})});
  const ValueId swapped = rewrite.add("Transpose", {grouped}, {{"perm", Integers{0, 2, 1, 3, 4}}});
  return rewrite.add("Reshape", {swapped, shape({x[0], x[1], x[2], x[3]})});
}

Changes run(Graph& graph) {
  std::map<std::pair<ValueId, std::int64_t>, ValueId> done;  // parts of an image come from one shuffle of it
  return rewrite(graph, [&](Rewrite& rewrite, const Node& node) -> std::string_view {
    if (!is(node, "Gather")) return {};
    const auto taken = every_nth(rewrite, node);
    if (!taken) return {};
    const auto [entry, fresh] = done.try_emplace({taken->image, taken->parts}, kAbsent);
    if (fresh) entry->second = shuffled(rewrite, *taken);
    const std::int64_t members = rewrite.value(taken->image).shape[1] / taken->parts;
    const auto row = [&](std::int64_t value) { return rewrite.add_constant(row_of({value})); };
    rewrite.replace("Slice",
                    {entry->second, row(taken->index * members), row((taken->index + 1) * members), row(1)});
    return "every other channel taken from a shuffle";
  });
}

}  // namespace

extern const Pass channel_shuffles{.name = "channel shuffles", .run = run};

}  // namespace dormouse::engine

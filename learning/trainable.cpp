#include "learning/trainable.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "config/text.h"
#include "engine/op.h"
#include "learning/adapter.h"
#include "learning/linear_layer.h"

namespace dormouse::learning {
namespace {

using engine::Graph;
using engine::ValueId;

constexpr std::string_view kEverything = "head.*";

/// '*' stands for any characters, none included.
bool matches(std::string_view name, std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (std::size_t skipped = 0; skipped <= name.size(); ++skipped)
    if (matches(name.substr(skipped), pattern)) return true;
  return false;
}

/// The parameters behind the cut, as values of the whole graph.
std::vector<ValueId> parameters_behind(const Graph& graph, ValueId cut) {
  const Graph part = engine::extract(graph, std::array{cut}, std::array{graph.outputs().at(0)});
  std::vector<ValueId> ids;
  for (const ValueId id : parameters_of(part)) ids.push_back(*graph.find(part.value(id).name));
  return ids;
}

/// The linear layers behind the cut, as they stand in the whole graph.
std::vector<LinearLayer> layers_behind(const Graph& graph, const std::vector<ValueId>& behind) {
  std::vector<LinearLayer> layers = linear_layers(graph);
  std::erase_if(layers, [&](const LinearLayer& layer) { return !std::ranges::count(behind, layer.weight); });
  return layers;
}

std::string list(const Graph& graph, const std::vector<ValueId>& ids) {
  return config::join(ids, [&](ValueId id) { return graph.value(id).name; });
}

std::set<ValueId> chosen(const Graph& graph, const std::vector<ValueId>& behind,
                         const std::vector<std::string>& patterns) {
  std::set<ValueId> ids;
  for (const std::string& pattern : patterns) {
    const auto meant = [&](ValueId id) {
      return pattern == kEverything || matches(graph.value(id).name, pattern);
    };
    const std::size_t before = ids.size();
    std::ranges::copy_if(behind, std::inserter(ids, ids.end()), meant);
    if (ids.size() == before && std::ranges::none_of(behind, meant))
      throw Failure(Errc::configuration, "trainable: no parameter that may learn is called '" + pattern +
                                             "'; there are " + list(graph, behind));
  }
  return ids;
}

/// What no night should move: the front end, where the model says what that is, and what inputs are
/// normalised with.
std::vector<std::string> fixed_in(const Graph& graph) {
  std::vector<std::string> names;
  const auto entry =
      std::ranges::find(graph.metadata, kFrontEnd, &std::pair<std::string, std::string>::first);
  const auto front = entry == graph.metadata.end() ? std::nullopt : graph.find(entry->second);
  if (front) {
    const Graph part = engine::extract(graph, graph.inputs(), std::array{*front});
    for (const ValueId id : parameters_of(part)) names.push_back(part.value(id).name);
  }
  for (const engine::Node& node : graph.nodes())
    if (node.op->name == "Sub" || node.op->name == "Div")
      for (const ValueId id : node.inputs)
        if (graph.value(id).constant) names.push_back(graph.value(id).name);
  return names;
}

}  // namespace

std::optional<Trainable> parse_trainable(std::string_view word) {
  if (word == kEverything) return Trainable{};
  if (word == "all") return Trainable{{}, 0, true};
  constexpr std::string_view kLora = "lora(";
  if (!word.starts_with(kLora) || !word.ends_with(')')) return std::nullopt;
  word = word.substr(kLora.size(), word.size() - kLora.size() - 1);
  const auto rank = config::parse_number<std::size_t>(word);
  if (!rank || *rank < kLeastRank || *rank > kMostRank) return std::nullopt;
  return Trainable{{}, *rank};
}

void apply(Graph& graph, ValueId cut, const Trainable& trainable, const LatentScale* scale) {
  if (trainable.trunk) return freeze(graph, fixed_in(graph));
  std::vector<std::string> frozen = trainable.anywhere ? fixed_in(graph) : std::vector<std::string>{};
  freeze(graph, frozen);  // these are no parameters that patterns could find
  const std::vector<ValueId> behind =
      trainable.anywhere ? parameters_of(graph) : parameters_behind(graph, cut);
  std::set<ValueId> learnt = chosen(graph, behind, trainable.patterns);
  std::vector<LinearLayer> layers = layers_behind(graph, behind);
  const auto head = linear_layer_to(graph, graph.outputs().at(0));
  if (head) learnt.insert(head->weight);
  for (const LinearLayer& layer : layers)
    if (learnt.contains(layer.weight) && layer.bias != engine::kAbsent) learnt.insert(layer.bias);
  for (const ValueId id : behind)
    if (!learnt.contains(id)) frozen.push_back(graph.value(id).name);
  freeze(graph, frozen);
  if (trainable.rank == 0) return;
  if (!head) throw Failure(Errc::configuration, "trainable: the model's first output is no linear layer's");
  std::erase_if(layers, [&](const LinearLayer& layer) { return layer.weight == head->weight; });
  if (layers.empty()) return adapt_latent(graph, cut, trainable.rank, scale);
  for (const LinearLayer& layer : layers)
    adapt_layer(graph, layer, trainable.rank, layer.input == cut ? scale : nullptr);
}

}  // namespace dormouse::learning

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <unordered_map>

#include "engine/formats/onnx_forest.h"
#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

using Integers = std::vector<std::int64_t>;
using Mode = ForestBranch::Mode;

constexpr std::int64_t kMaxFeatures = 1 << 24, kMaxTargets = 1 << 20;
constexpr std::string_view kLeaf = "LEAF";
// In the order of the numbers that opset 5 has for them.
constexpr std::array<std::string_view, 6> kModes{"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                                 "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
constexpr std::array kModeNumbers{Mode::less_equal, Mode::less,      Mode::greater_equal, Mode::greater,
                                  Mode::equal,      Mode::not_equal, Mode::member};

class TreeSpelling : public MlSpelling {
 public:
  using MlSpelling::MlSpelling;

  std::vector<OnnxNode> run() {
    if (node_.op_type == "TreeEnsemble")
      ensemble();
    else if (node_.op_type == "TreeEnsembleRegressor")
      regressor();
    else
      classifier();
    return std::move(parts_);
  }

 private:
  using Key = std::pair<std::int64_t, std::int64_t>;  ///< tree and node
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::int64_t>{}(key.first * 0x9E3779B97F4A7C15 + key.second);
    }
  };
  using Nodes = std::unordered_map<Key, ForestChild, KeyHash>;

  Integers list(std::string_view name, std::size_t size) const;
  std::vector<double> values(const std::string& name) const;
  void check_size(std::string_view name, std::size_t size, std::size_t expected) const;
  std::int64_t feature(std::int64_t given, const std::string& name) const;
  std::string scores(const Forest& forest, std::int64_t targets, const std::string& aggregate);

  Forest forest(const std::string& prefix, std::int64_t targets) const;
  Nodes add_nodes(Forest& forest) const;
  void link(Forest& forest, const Nodes& nodes) const;
  void add_votes(Forest& forest, const Nodes& nodes, const std::string& prefix, std::int64_t targets) const;
  std::vector<double> base_values(std::size_t scores) const;
  std::string with_base(const std::string& scores, const std::vector<double>& base);
  void regressor();
  void classifier();
  void one_against_other(Forest forest, const Labels& labels);

  Forest forest_of_5(std::int64_t targets) const;
  void add_members(Forest& forest) const;
  void ensemble();
};

void TreeSpelling::check_size(std::string_view name, std::size_t size, std::size_t expected) const {
  if (size != expected)
    invalid(std::string(name) + " has " + std::to_string(size) + " values, not " + std::to_string(expected));
}

Integers TreeSpelling::list(std::string_view name, std::size_t size) const {
  Integers result = attributes().integers(name);
  check_size(name, result.size(), size);
  return result;
}

// Floats, or doubles in the tensor of that name.
std::vector<double> TreeSpelling::values(const std::string& name) const {
  for (const std::string& form : {name, name + "_as_tensor"}) {
    if (!attributes().has(form)) continue;
    const auto* const list = std::get_if<std::vector<float>>(&attributes().entries().find(form)->second);
    if (list) return {list->begin(), list->end()};
    const Tensor* const given = attributes().find<Tensor>(form);
    const bool real =
        given->dtype() == DType::f32 || given->dtype() == DType::f64 || given->dtype() == DType::f16;
    if (!real) invalid(form + " is " + std::string(engine::word(given->dtype())));
    const Tensor tensor = given->as(DType::f64);
    return {tensor.values<double>().begin(), tensor.values<double>().end()};
  }
  return {};
}

std::int64_t TreeSpelling::feature(std::int64_t given, const std::string& name) const {
  const std::int64_t known = feature_count(), features = known == kDynamic ? kMaxFeatures : known;
  if (given < 0 || given >= features)
    invalid(name + " asks for feature " + std::to_string(given) +
            (known == kDynamic ? "" : " of " + std::to_string(known)));
  return given;
}

std::string TreeSpelling::scores(const Forest& forest, std::int64_t targets, const std::string& aggregate) {
  const std::string x = features(true);
  Names inputs{x};
  const DType type = first().dtype == DType::f64 ? DType::f64 : DType::f32;
  for (Tensor& table : flatten(forest, type, node_.where)) inputs.push_back(constant(std::move(table)));
  return own_part("TreeEnsemble", inputs, {{"targets", targets}, {"aggregate", aggregate}});
}

std::string named(std::int64_t tree, std::int64_t node) {
  return "node " + std::to_string(node) + " of tree " + std::to_string(tree);
}

// Each node by its tree and number; the first of a tree is its root.
TreeSpelling::Nodes TreeSpelling::add_nodes(Forest& forest) const {
  const auto modes = attributes().get<std::vector<std::string>>("nodes_modes", {});
  const std::size_t count = modes.size();
  if (count == 0) invalid("has no nodes");
  const Integers trees = list("nodes_treeids", count), numbers = list("nodes_nodeids", count),
                 features = list("nodes_featureids", count);
  const auto thresholds = values("nodes_values");
  check_size("nodes_values", thresholds.size(), count);
  Integers missing = attributes().integers("nodes_missing_value_tracks_true");
  if (!missing.empty()) check_size("nodes_missing_value_tracks_true", missing.size(), count);
  missing.resize(count, 0);
  Nodes nodes;
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < count; ++i) {
    const bool leaf = modes[i] == kLeaf;
    const ForestChild child{leaf, leaf ? forest.leaves++ : forest.branches.size()};
    const std::string name = named(trees[i], numbers[i]);
    if (!nodes.emplace(Key{trees[i], numbers[i]}, child).second) invalid(name + " is there twice");
    if (seen.insert(trees[i]).second) forest.roots.push_back(child);
    if (leaf) continue;
    const auto mode = std::ranges::find(kModes, modes[i]);
    if (mode == kModes.end()) invalid(name + " has mode '" + modes[i] + "'");
    forest.branches.push_back({.mode = kModeNumbers[static_cast<std::size_t>(mode - kModes.begin())],
                               .missing_is_true = missing[i] == 1,
                               .feature = feature(features[i], name),
                               .value = thresholds[i]});
    forest.names.push_back(name);
  }
  return nodes;
}

void TreeSpelling::link(Forest& forest, const Nodes& nodes) const {
  const auto modes = attributes().get<std::vector<std::string>>("nodes_modes", {});
  const Integers trees = list("nodes_treeids", modes.size()), yes = list("nodes_truenodeids", modes.size()),
                 no = list("nodes_falsenodeids", modes.size());
  std::size_t branch = 0;
  for (std::size_t i = 0; i < modes.size(); ++i) {
    if (modes[i] == kLeaf) continue;
    const auto child = [&](std::int64_t node) {
      const auto found = nodes.find({trees[i], node});
      if (found == nodes.end())
        invalid(forest.names[branch] + " leads to node " + std::to_string(node) + ", which is not there");
      return found->second;
    };
    forest.branches[branch].yes = child(yes[i]);
    forest.branches[branch].no = child(no[i]);
    ++branch;
  }
}

void TreeSpelling::add_votes(Forest& forest, const Nodes& nodes, const std::string& prefix,
                             std::int64_t targets) const {
  const auto weights = values(prefix + "_weights");
  const Integers trees = list(prefix + "_treeids", weights.size()),
                 numbers = list(prefix + "_nodeids", weights.size()),
                 ids = list(prefix + "_ids", weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto found = nodes.find({trees[i], numbers[i]});
    if (found == nodes.end())
      invalid("a weight is for " + named(trees[i], numbers[i]) + ", which is not there");
    if (ids[i] < 0 || ids[i] >= targets)
      invalid("a weight of " + named(trees[i], numbers[i]) + " is for " + prefix + " " +
              std::to_string(ids[i]) + " of " + std::to_string(targets));
    if (found->second.is_leaf) forest.votes.push_back({found->second.index, ids[i], weights[i]});
  }
}

// As opsets 1 and 3 have it: nodes, leaves among them, and votes of leaves.
Forest TreeSpelling::forest(const std::string& prefix, std::int64_t targets) const {
  Forest result;
  const Nodes nodes = add_nodes(result);
  link(result, nodes);
  add_votes(result, nodes, prefix, targets);
  return result;
}

std::vector<double> TreeSpelling::base_values(std::size_t scores) const {
  auto base = values("base_values");
  if (!base.empty()) check_size("base_values", base.size(), scores);
  return base;
}

std::string TreeSpelling::with_base(const std::string& scores, const std::vector<double>& base) {
  if (base.empty()) return scores;
  return binary("Add", scores, part("CastLike", {constant(row_of(base)), scores}));
}

void TreeSpelling::regressor() {
  const std::int64_t targets = attributes().integer("n_targets", 1);
  if (targets < 1 || targets > kMaxTargets) invalid("n_targets is " + std::to_string(targets));
  const std::string transform = post_transform();
  const auto base = base_values(static_cast<std::size_t>(targets));
  const std::string sums = scores(forest("target", targets), targets, word("aggregate_function", "SUM"));
  finish_as(0, cast(transformed(with_base(sums, base), transform), DType::f32));
}

void TreeSpelling::classifier() {
  const Labels known = labels("classlabels_int64s");
  const auto classes = static_cast<std::int64_t>(known.count);
  if (classes > kMaxTargets) invalid("has " + std::to_string(classes) + " classes");
  const std::string transform = post_transform();
  Forest trees = forest("class", classes);
  const bool lone = std::ranges::all_of(
      trees.votes, [&](const ForestVote& vote) { return vote.target == trees.votes[0].target; });
  if (classes == 2 && lone) return one_against_other(std::move(trees), known);
  const auto base = base_values(known.count);
  const std::string sums = with_base(scores(trees, classes, "SUM"), base);
  finish_classes(known, top_position(sums), cast(transformed(sums, transform), DType::f32));
}

// All votes are for one class of two, so that their sum alone decides: a probability where no vote is below
// 0, else a margin. Votes for the first class speak for the second: so exporters write it, who knew one
// score.
void TreeSpelling::one_against_other(Forest trees, const Labels& known) {
  const std::string transform = post_transform();
  const auto base = values("base_values");
  const bool for_second = !trees.votes.empty() && trees.votes[0].target == 1;
  if (base.size() > (for_second ? 0 : 1))
    unsupported(std::to_string(base.size()) + " base_values where all votes are for class " +
                (for_second ? "1 of 2" : "0 of 2"));
  const bool probability =
      std::ranges::all_of(trees.votes, [](const ForestVote& vote) { return vote.weight >= 0; });
  for (ForestVote& vote : trees.votes) vote.target = 0;
  const std::string sum = with_base(scores(trees, 1, "SUM"), base);
  const std::string second = binary("Greater", sum, number(probability ? 0.5f : 0, sum));
  const std::string pair = for_second ? transformed(beside(binary("Sub", sum, sum), sum), transform)
                                      : pair_of(sum, probability, transform);
  finish_classes(known, position_where(second), cast(pair, DType::f32));
}

// As opset 5 has it: branches and leaves apart, trees by their roots.
Forest TreeSpelling::forest_of_5(std::int64_t targets) const {
  Forest result;
  const Tensor* const modes = attributes().find<Tensor>("nodes_modes");
  if (!modes || modes->dtype() != DType::u8) invalid("nodes_modes is not a tensor of u8");
  const auto kinds = modes->values<std::uint8_t>();
  const std::size_t count = kinds.size();
  const Integers features = list("nodes_featureids", count), yes = list("nodes_truenodeids", count),
                 no = list("nodes_falsenodeids", count), yes_leaf = list("nodes_trueleafs", count),
                 no_leaf = list("nodes_falseleafs", count), ids = attributes().integers("leaf_targetids");
  const auto splits = values("nodes_splits"), weights = values("leaf_weights");
  check_size("nodes_splits", splits.size(), count);
  check_size("leaf_weights", weights.size(), ids.size());
  Integers missing = attributes().integers("nodes_missing_value_tracks_true");
  if (!missing.empty()) check_size("nodes_missing_value_tracks_true", missing.size(), count);
  missing.resize(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "node " + std::to_string(i);
    if (kinds[i] >= kModeNumbers.size()) invalid(name + " has mode " + std::to_string(kinds[i]));
    const auto child = [&](std::int64_t number, bool leaf) {
      if (number < 0 || number >= static_cast<std::int64_t>(leaf ? ids.size() : count))
        invalid(name + " leads to " + (leaf ? "leaf " : "node ") + std::to_string(number) +
                ", which is not there");
      return ForestChild{leaf, static_cast<std::size_t>(number)};
    };
    result.branches.push_back({.mode = kModeNumbers[kinds[i]],
                               .missing_is_true = missing[i] == 1,
                               .feature = feature(features[i], name),
                               .value = splits[i],
                               .yes = child(yes[i], yes_leaf[i] != 0),
                               .no = child(no[i], no_leaf[i] != 0)});
    result.names.push_back(name);
  }
  result.leaves = ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= targets)
      invalid("leaf " + std::to_string(i) + " is for target " + std::to_string(ids[i]) + " of " +
              std::to_string(targets));
    result.votes.push_back({i, ids[i], weights[i]});
  }
  for (const std::int64_t root : attributes().integers("tree_roots")) {
    if (root < 0 || root >= static_cast<std::int64_t>(count))
      invalid("there is no root " + std::to_string(root));
    result.roots.push_back({false, static_cast<std::size_t>(root)});
  }
  return result;
}

// One set for each node of mode member, in their order, with NaN between them.
void TreeSpelling::add_members(Forest& forest) const {
  const auto members = values("membership_values");
  auto at = members.begin();
  for (ForestBranch& branch : forest.branches) {
    if (branch.mode != Mode::member) continue;
    const auto end = std::find_if(at, members.end(), [](double value) { return std::isnan(value); });
    branch.members.assign(at, end);
    at = end == members.end() ? end : end + 1;
  }
  if (at != members.end()) invalid("has more sets of membership_values than nodes that ask for one");
}

void TreeSpelling::ensemble() {
  constexpr std::array<const char*, 4> kAggregates{"AVERAGE", "SUM", "MIN", "MAX"};
  constexpr std::array<const char*, 5> kTransforms{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const auto choice = [&](const char* name, std::int64_t fallback, auto& words) {
    const std::int64_t number = attributes().integer(name, fallback);
    if (number < 0 || number >= static_cast<std::int64_t>(words.size()))
      invalid(std::string(name) + " is " + std::to_string(number));
    return words[static_cast<std::size_t>(number)];
  };
  const std::string aggregate = choice("aggregate_function", 1, kAggregates);
  const std::string transform = choice("post_transform", 0, kTransforms);
  const std::int64_t targets = attributes().integer("n_targets", 1);
  if (targets < 1 || targets > kMaxTargets) invalid("n_targets is " + std::to_string(targets));
  Forest trees = forest_of_5(targets);
  add_members(trees);
  const std::string result = transformed(scores(trees, targets, aggregate), transform);
  finish_as(0, cast(result, first().dtype));
}

}  // namespace

std::vector<OnnxNode> spell_out_trees(OnnxNode node, const LookUp& look_up) {
  return TreeSpelling(std::move(node), look_up).run();
}

}  // namespace dormouse::engine

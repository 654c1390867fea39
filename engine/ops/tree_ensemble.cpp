#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/ops/inference.h"

/// Trees flattened when the model is loaded, so that running them reads no attribute and checks nothing:
///
///   thresholds [branches]     of the type of X
///   branches   i32 [branches, 3]   feature · 4 + kEqual + kNanFirst, first child, second child
///   roots      i32 [trees]
///   leaves     i32 [leaves + 1]    where each leaf's votes begin
///   targets    i32 [votes]
///   weights    [votes]        of the type of X
///
/// The first child is taken where x ≤ threshold (with kEqual: x = threshold; with kNanFirst: also where x is
/// NaN). A child below 0 is the leaf ~child. Children stand behind their branch, so every walk ends.
namespace dormouse::engine {
namespace {

enum Operand : std::size_t { kX, kThresholds, kBranches, kRoots, kLeaves, kTargets, kWeights };
constexpr std::int32_t kNanFirst = 1, kEqual = 2, kFlags = 4;
constexpr std::int64_t kMaxTargets = 1 << 20;
constexpr std::int64_t kBlock = 64;  // rows that pass a tree while it is in the cache

void check_links(const InferContext& context) {
  const auto branches = context.constant(kBranches)->values<std::int32_t>();
  const auto count = context.constant(kThresholds)->elements(),
             leaves = context.constant(kLeaves)->elements() - 1;
  const auto leads_somewhere = [&](std::int64_t child, std::int64_t from) {
    return child < 0 ? ~child < leaves : child > from && child < count;
  };
  const std::int64_t features = context.has_shape(kX) ? context.shape(kX)[1] : kDynamic;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t* const branch = branches.data() + 3 * i;
    if (!leads_somewhere(branch[1], i) || !leads_somewhere(branch[2], i))
      context.fail("branch " + std::to_string(i) + " leads nowhere, or back");
    const std::int32_t feature = branch[0] / kFlags;
    if (branch[0] < 0 || (features != kDynamic && feature >= features))
      context.fail("branch " + std::to_string(i) + " asks for feature " + std::to_string(feature));
  }
  for (const std::int32_t root : context.constant(kRoots)->values<std::int32_t>())
    context.require(leads_somewhere(root, -1), "a root leads nowhere");
}

void check_votes(const InferContext& context, std::int64_t targets) {
  const auto leaves = context.constant(kLeaves)->values<std::int32_t>();
  const bool whole = leaves.front() == 0 && leaves.back() == context.constant(kTargets)->elements();
  context.require(whole && std::ranges::is_sorted(leaves), "votes and leaves do not fit");
  for (const std::int32_t target : context.constant(kTargets)->values<std::int32_t>())
    if (target < 0 || target >= targets) context.fail("a vote is for target " + std::to_string(target));
}

void check_tables(const InferContext& context) {
  for (std::size_t i = kThresholds; i <= kWeights; ++i) {
    if (!context.constant(i)) context.unsupported("its trees are not constant");
    const bool real = i == kThresholds || i == kWeights;
    context.require(context.dtype(i) == (real ? context.dtype(kX) : DType::i32), "tables of a wrong type");
    context.require(context.shape(i).rank() == (i == kBranches ? 2 : 1), "tables of a wrong rank");
  }
  context.require(context.shape(kBranches) == Shape{context.shape(kThresholds)[0], 3} &&
                      context.shape(kLeaves)[0] > 0 && context.shape(kTargets) == context.shape(kWeights),
                  "tables that differ in length");
}

void infer(InferContext& context) {
  const std::int64_t targets = context.attributes().integer("targets", 1);
  const auto aggregate = context.attributes().get<std::string>("aggregate", "SUM");
  context.require(targets > 0 && targets <= kMaxTargets, "targets is " + std::to_string(targets));
  context.require(aggregate == "SUM" || aggregate == "AVERAGE" || aggregate == "MIN" || aggregate == "MAX",
                  "aggregate '" + aggregate + "' is none of SUM, AVERAGE, MIN, MAX");
  context.require(!context.has_shape(kX) || context.shape(kX).rank() == 2, "X is not [N, features]");
  check_tables(context);
  check_links(context);
  check_votes(context, targets);
  if (!context.has_shape(kX)) return context.set_output(0, context.dtype(kX));
  set_checked_output(context, 0, context.dtype(kX), {context.shape(kX)[0], targets});
}

template <class T>
class Trees {
 public:
  explicit Trees(const KernelContext& context)
      : thresholds_(context.in<T>(kThresholds).data()),
        branches_(context.in<std::int32_t>(kBranches).data()),
        leaves_(context.in<std::int32_t>(kLeaves).data()),
        targets_(context.in<std::int32_t>(kTargets).data()),
        weights_(context.in<T>(kWeights).data()) {}

  /// The leaf that each lane's row reaches from where the lane stands, instead of where it stood. Lanes walk
  /// in step and without branching on what they find, so that one waits for memory while the others compute.
  template <std::size_t Lanes>
  void walk(std::array<std::int32_t, Lanes>& at, const std::array<const T*, Lanes>& rows) const {
    const auto walks = [&] { return std::ranges::any_of(at, [](std::int32_t node) { return node >= 0; }); };
    while (walks())
      for (std::size_t lane = 0; lane < Lanes; ++lane) {
        const std::int32_t stays = at[lane], next = child(stays < 0 ? 0 : stays, rows[lane]);
        at[lane] = stays < 0 ? stays : next;
      }
  }

  template <class Join>
  void vote(std::int32_t leaf, T* scores, Join join) const {  // a leaf as children are: ~its number
    for (std::int32_t v = leaves_[~leaf]; v < leaves_[~leaf + 1]; ++v)
      scores[targets_[v]] = join(scores[targets_[v]], weights_[v]);
  }

 private:
  std::int32_t child(std::int32_t at, const T* row) const {
    const std::int32_t* const branch = branches_ + 3 * std::int64_t{at};
    const T x = row[branch[0] / kFlags], threshold = thresholds_[at];
    const bool equal = (branch[0] & kEqual) != 0, nan_first = (branch[0] & kNanFirst) != 0;
    const bool first = (equal ? x == threshold : x <= threshold) | (nan_first & (x != x));
    return branch[2 - static_cast<int>(first)];
  }

  const T* thresholds_;
  const std::int32_t* branches_;
  const std::int32_t* leaves_;
  const std::int32_t* targets_;
  const T* weights_;
};

template <class T, class Join>
class Run {
 public:
  Run(const KernelContext& context, Join join)
      : trees_(context),
        roots_(context.in<std::int32_t>(kRoots)),
        x_(context.in<T>(kX).data()),
        features_(context.shape(kX)[1]),
        scores_(context.out<T>(0).data()),
        targets_(context.output_shape(0)[1]),
        join_(join) {}

  /// A row alone passes many trees at once, rows pass one tree together.
  void rows(std::int64_t count) const {
    if (count == 1) return lanes(roots_.size(), [&](std::size_t tree) { return Lane{roots_[tree], 0}; });
    for (std::int64_t begin = 0; begin < count; begin += kBlock)
      for (const std::int32_t root : roots_)
        lanes(static_cast<std::size_t>(std::min(kBlock, count - begin)), [&](std::size_t row) {
          return Lane{root, begin + static_cast<std::int64_t>(row)};
        });
  }

 private:
  struct Lane {
    std::int32_t root;
    std::int64_t row;
  };

  template <class LaneOf>
  void lanes(std::size_t count, LaneOf lane_of) const {
    std::size_t first = 0;
    for (; first + kLanes <= count; first += kLanes) step<kLanes>(first, lane_of);
    for (; first < count; ++first) step<1>(first, lane_of);
  }

  template <std::size_t Lanes, class LaneOf>
  void step(std::size_t first, LaneOf lane_of) const {
    std::array<std::int32_t, Lanes> at;
    std::array<const T*, Lanes> rows;
    for (std::size_t i = 0; i < Lanes; ++i) {
      const Lane lane = lane_of(first + i);
      at[i] = lane.root;
      rows[i] = x_ + lane.row * features_;
    }
    trees_.template walk<Lanes>(at, rows);
    for (std::size_t i = 0; i < Lanes; ++i)
      trees_.vote(at[i], scores_ + lane_of(first + i).row * targets_, join_);
  }

  static constexpr std::size_t kLanes = 8;

  Trees<T> trees_;
  std::span<const std::int32_t> roots_;
  const T* x_;
  std::int64_t features_;
  T* scores_;
  std::int64_t targets_;
  Join join_;
};

template <class T, class Join>
void run(const KernelContext& context, T start, Join join) {
  std::ranges::fill(context.out<T>(0), start);
  Run<T, Join>(context, join).rows(context.shape(kX)[0]);
}

template <class T>
void compute(const KernelContext& context) noexcept {
  constexpr T kNone = std::numeric_limits<T>::quiet_NaN();  // no vote was cast yet
  const auto aggregate = context.attributes.get<std::string>("aggregate", "SUM");
  if (aggregate == "MIN") {
    run<T>(context, kNone, [](T least, T weight) { return least <= weight ? least : weight; });
  } else if (aggregate == "MAX") {
    run<T>(context, kNone, [](T most, T weight) { return most >= weight ? most : weight; });
  } else {
    run<T>(context, 0, [](T sum, T weight) { return sum + weight; });
  }
  const T divisor = aggregate == "AVERAGE" ? static_cast<T>(context.shape(kRoots)[0]) : 1;
  for (T& score : context.out<T>(0)) score = std::isnan(score) ? 0 : score / divisor;
}

// x0 ≤ 0.5 ? (x1 = 1 or NaN ? leaf 0 : leaf 1) : leaf 2, and a lone leaf.
template <class T>
Sample sample(std::string aggregate) {
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  return {.shapes = {{5, 2}, {2}, {2, 3}, {2}, {5}, {5}, {5}},
          .attributes = {{"targets", std::int64_t{2}}, {"aggregate", std::move(aggregate)}},
          .fixed = {{kX, Tensor::from<T>({5, 2}, {0, 1, 0.5, 2, 1, 1, -3, kNan, kNan, 1})},
                    {kThresholds, row_of<T>({0.5, 1})},
                    {kBranches, Tensor::from<std::int32_t>({2, 3}, {0, 1, ~2, 7, ~0, ~1})},
                    {kRoots, row_of<std::int32_t>({0, ~3})},
                    {kLeaves, row_of<std::int32_t>({0, 1, 3, 4, 5})},
                    {kTargets, row_of<std::int32_t>({0, 0, 1, 1, 0})},
                    {kWeights, row_of<T>({1, 2, 3, -1, 0.25})}}};
}

}  // namespace

namespace ops {
extern const Op tree_ensemble{
    .name = "TreeEnsemble",
    .domain = "dormouse",
    .min_inputs = 7,
    .max_inputs = 7,
    .infer = infer,
    .kernels = kernels<float, double>(compute<float>, compute<double>),
    .samples = {sample<float>("SUM"), sample<float>("AVERAGE"), sample<float>("MIN"), sample<double>("MAX")}};
}  // namespace ops

}  // namespace dormouse::engine

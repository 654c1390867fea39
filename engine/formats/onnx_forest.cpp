#include "engine/formats/onnx_forest.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dormouse::engine {
namespace {

using Mode = ForestBranch::Mode;

constexpr std::int32_t kNanFirst = 1, kEqual = 2, kFlags = 4;  // see TreeEnsemble
constexpr std::size_t kMost = std::size_t{1} << 28;

/// A comparison in TreeEnsemble's form.
template <class T>
struct Test {
  T threshold;
  bool equal = false;
  bool turned = false;  ///< its first child is where the file's comparison is false
};

// The largest T that is at most `value`, or less than it where that is asked for: x < value is x ≤ that.
template <class T>
T at_most(double value, bool less) {
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  if (less && value == -std::numeric_limits<double>::infinity()) return std::numeric_limits<T>::quiet_NaN();
  const T near = static_cast<T>(value);
  const double back = static_cast<double>(near);
  return back > value || (less && back == value) ? std::nextafter(near, kLowest) : near;
}

// A value that T cannot hold equals nothing.
template <class T>
T same(double value) {
  const T near = static_cast<T>(value);
  return static_cast<double>(near) == value ? near : std::numeric_limits<T>::quiet_NaN();
}

template <class T>
Test<T> test_of(Mode mode, double value) {
  switch (mode) {
    case Mode::less_equal:
      return {at_most<T>(value, false)};
    case Mode::less:
      return {at_most<T>(value, true)};
    case Mode::greater:
      return {at_most<T>(value, false), false, true};
    case Mode::greater_equal:
      return {at_most<T>(value, true), false, true};
    case Mode::not_equal:
      return {same<T>(value), true, true};
    case Mode::equal:
    case Mode::member:
      break;
  }
  return {same<T>(value), true};
}

template <class T>
class Flattening {
 public:
  Flattening(const Forest& forest, const std::string& where)
      : forest_(forest), where_(where), reached_(forest.branches.size()) {}

  std::vector<Tensor> run() {
    if (forest_.roots.empty()) fail(Errc::invalid, "has no trees");
    for (const ForestChild& root : forest_.roots) {
      roots_.push_back(number(root));
      if (!root.is_leaf) grow(root.index);
    }
    const auto rows = static_cast<std::int64_t>(thresholds_.size());
    std::vector<Tensor> tables{
        row_of(thresholds_), Tensor::from<std::int32_t>({rows, 3}, std::span<const std::int32_t>(branches_)),
        row_of(roots_)};
    add_votes(tables);
    return tables;
  }

 private:
  struct Waiting {
    ForestChild child;
    std::size_t slot;  ///< in branches_, where its number belongs
  };

  [[noreturn]] void fail(Errc code, const std::string& what) const {
    throw Failure(code, where_ + ": " + what);
  }

  // A branch, then its first child and all behind it, then the second: an explicit stack, as a tree may be a
  // list a million long.
  void grow(std::size_t root) {
    std::vector<Waiting> waiting;
    append(root, waiting);
    while (!waiting.empty()) {
      const Waiting next = waiting.back();
      waiting.pop_back();
      branches_[next.slot] = number(next.child);
      if (!next.child.is_leaf) append(next.child.index, waiting);
    }
  }

  // What a child is called that is placed now.
  std::int32_t number(const ForestChild& child) const {
    if (child.is_leaf) return ~static_cast<std::int32_t>(child.index);
    return static_cast<std::int32_t>(thresholds_.size());
  }

  void append(std::size_t index, std::vector<Waiting>& waiting) {
    const ForestBranch& branch = forest_.branches[index];
    if (reached_[index])
      fail(Errc::invalid, forest_.names[index] + " is reached twice: a cycle, or it has two parents");
    reached_[index] = true;
    if (branch.mode == Mode::member && branch.members.empty())
      fail(Errc::invalid, forest_.names[index] + " has no members");
    const std::size_t tests = std::max<std::size_t>(branch.members.size(), 1);
    if (thresholds_.size() + tests > kMost) fail(Errc::too_large, "has too many branches");
    if (branch.mode == Mode::member)
      append_members(branch, waiting);
    else
      append_test(branch, branch.value, waiting);
  }

  void append_test(const ForestBranch& branch, double value, std::vector<Waiting>& waiting) {
    const Test<T> test = test_of<T>(branch.mode, value);
    const bool nan_is_true = branch.mode == Mode::not_equal || branch.missing_is_true;
    append_row(test, branch.feature, test.turned ? !nan_is_true : nan_is_true);
    const std::size_t row = branches_.size() - 3;
    const ForestChild &first = test.turned ? branch.no : branch.yes,
                      &second = test.turned ? branch.yes : branch.no;
    waiting.push_back({second, row + 2});
    waiting.push_back({first, row + 1});
  }

  // One test a member, each with the next as its second child; `yes` is placed once for all of them.
  void append_members(const ForestBranch& branch, std::vector<Waiting>& waiting) {
    const std::size_t begin = thresholds_.size(), end = begin + branch.members.size();
    for (const double member : branch.members) {
      append_row(Test<T>{same<T>(member), true}, branch.feature, branch.missing_is_true);
      branches_[branches_.size() - 1] = static_cast<std::int32_t>(thresholds_.size());
    }
    const ForestChild& yes = branch.yes;
    waiting.push_back({branch.no, 3 * (end - 1) + 2});
    for (std::size_t row = begin; row < end; ++row)
      if (yes.is_leaf) branches_[3 * row + 1] = number(yes);
    if (yes.is_leaf) return;
    // It is placed next, so its number is known.
    for (std::size_t row = begin; row < end; ++row) branches_[3 * row + 1] = number(yes);
    waiting.push_back({yes, 3 * begin + 1});
  }

  void append_row(const Test<T>& test, std::int64_t feature, bool nan_first) {
    const std::int32_t flags = (nan_first ? kNanFirst : 0) + (test.equal ? kEqual : 0);
    thresholds_.push_back(test.threshold);
    branches_.insert(branches_.end(), {static_cast<std::int32_t>(feature) * kFlags + flags, 0, 0});
  }

  // Sorted by leaf; those of one leaf stay in their order.
  void add_votes(std::vector<Tensor>& tables) const {
    if (forest_.leaves > kMost || forest_.votes.size() > kMost) fail(Errc::too_large, "has too many leaves");
    std::vector<std::int32_t> begin(forest_.leaves + 1, 0), targets(forest_.votes.size());
    std::vector<T> weights(forest_.votes.size());
    for (const ForestVote& vote : forest_.votes) ++begin[vote.leaf + 1];
    for (std::size_t leaf = 0; leaf < forest_.leaves; ++leaf) begin[leaf + 1] += begin[leaf];
    std::vector<std::int32_t> next = begin;
    for (const ForestVote& vote : forest_.votes) {
      const auto at = static_cast<std::size_t>(next[vote.leaf]++);
      targets[at] = static_cast<std::int32_t>(vote.target);
      weights[at] = static_cast<T>(vote.weight);
    }
    tables.push_back(row_of(begin));
    tables.push_back(row_of(targets));
    tables.push_back(row_of(weights));
  }

  const Forest& forest_;
  const std::string& where_;
  std::vector<bool> reached_;
  std::vector<T> thresholds_;
  std::vector<std::int32_t> branches_, roots_;
};

}  // namespace

std::vector<Tensor> flatten(const Forest& forest, DType type, const std::string& where) {
  return type == DType::f64 ? Flattening<double>(forest, where).run()
                            : Flattening<float>(forest, where).run();
}

}  // namespace dormouse::engine

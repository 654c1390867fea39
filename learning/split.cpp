#include "learning/split.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "learning/random.h"
#include "learning/seed.h"

namespace dormouse::learning {
namespace {

/// Whole groups at random, until there are enough examples.
class Groups {
 public:
  Groups(const Dataset& data, std::uint64_t seed) {
    for (std::size_t i = 0; i < data.size(); ++i) {
      rows_.resize(std::max(rows_.size(), data.groups[i] + 1));
      rows_[data.groups[i]].push_back(i);
    }
    Random random(seed);
    random.shuffle(rows_);
  }

  std::size_t left() const { return rows_.size(); }
  Rows take(std::size_t wanted) {
    Rows taken;
    while (taken.size() < wanted && !rows_.empty()) {
      taken.insert(taken.end(), rows_.back().begin(), rows_.back().end());
      rows_.pop_back();
    }
    std::ranges::sort(taken);
    return taken;
  }

 private:
  std::vector<Rows> rows_;
};

std::size_t share(double part, const Dataset& data) {
  return part > 0
             ? std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(part * double(data.size()))))
             : 0;
}

Split by_group(const Dataset& data, const SplitOptions& options) {
  Groups groups(data, options.seed);
  const std::size_t parts = 1 + (options.heldout > 0) + (options.test > 0);
  if (groups.left() < parts)
    throw Failure(Errc::invalid, "the examples come from " + std::to_string(groups.left()) +
                                     " groups, which cannot be split into " + std::to_string(parts) +
                                     " parts");
  Split split;
  split.test = groups.take(share(options.test, data));
  split.heldout = groups.take(share(options.heldout, data));
  split.train = groups.take(data.size());
  if (split.train.empty())
    throw Failure(Errc::invalid, "no group is left to train on: the shares held out are too large");
  return split;
}

}  // namespace

Split split(const Dataset& data, const SplitOptions& options) {
  if (!data.groups.empty()) return by_group(data, options);
  const std::vector<bool> heldout =
      heldout_rows(data.classes, {.heldout_fraction = options.heldout,
                                  .heldout_per_class = options.heldout_per_class,
                                  .seed = options.seed});
  Split split;
  Rows rest;
  for (std::size_t i = 0; i < data.size(); ++i) (heldout[i] ? split.heldout : rest).push_back(i);
  if (options.test <= 0) {
    split.train = std::move(rest);
    return split;
  }
  std::vector<ClassIndex> classes;
  for (const std::size_t row : rest) classes.push_back(data.classes[row]);
  const std::vector<bool> test =
      heldout_rows(classes, {.heldout_fraction = options.test / (1 - options.heldout),
                             .heldout_per_class = data.size(),
                             .seed = options.seed + 1});
  for (std::size_t i = 0; i < rest.size(); ++i) (test[i] ? split.test : split.train).push_back(rest[i]);
  return split;
}

}  // namespace dormouse::learning

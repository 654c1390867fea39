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

/// Where the parts of a series of this length begin, or end.
struct Borders {
  std::int64_t heldout, test;
};

Borders borders(std::int64_t length, const SplitOptions& options) {
  const auto rows = [&](double part) {
    return static_cast<std::int64_t>(std::lround(part * double(length)));
  };
  return {length - rows(options.heldout + options.test), length - rows(options.test)};
}

void need(const Rows& rows, double part, const char* name, const Dataset& data) {
  if (part <= 0 || !rows.empty()) return;
  const Moment& moment = data.moments.front();
  throw Failure(Errc::invalid, std::string("no window lies in the ") + name +
                                   " part of the series: " + std::to_string(moment.last - moment.first) +
                                   " rows are to be foretold, and of " + std::to_string(moment.length) +
                                   " rows it has a share of " + std::to_string(part).substr(0, 4) +
                                   "; foretell fewer, or bring longer series");
}

Split by_time(const Dataset& data, const SplitOptions& options) {
  Split split;
  for (std::size_t i = 0; i < data.moments.size(); ++i) {
    const Moment& moment = data.moments[i];
    const Borders at = borders(moment.length, options);
    if (moment.last <= at.heldout)
      split.train.push_back(i);
    else if (moment.first >= at.heldout && moment.last <= at.test)
      split.heldout.push_back(i);
    else if (moment.first >= at.test)
      split.test.push_back(i);
  }
  need(split.train, 1 - options.heldout - options.test, "first (training)", data);
  need(split.heldout, options.heldout, "held-out", data);
  need(split.test, options.test, "last (test)", data);
  return split;
}

/// One class of all, of which as much is held out as was asked for.
Split of_numbers(const Dataset& data, SplitOptions options) {
  Dataset one;
  one.clips.resize(data.size());
  one.classes.assign(data.size(), 0);
  options.heldout_per_class = data.size();
  return split(one, options);
}

}  // namespace

Split split(const Dataset& data, const SplitOptions& options) {
  if (!data.moments.empty()) return by_time(data, options);
  if (!data.groups.empty()) return by_group(data, options);
  if (!data.targets.empty() && data.classes.empty()) return of_numbers(data, options);
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

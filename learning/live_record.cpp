#include "learning/live_record.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "learning/binomial.h"

namespace dormouse::learning {
namespace {

double log_choose(std::size_t n, std::size_t k) {
  return log_binomial(static_cast<double>(n), static_cast<double>(k));
}

/// P(k of the wrong answers are the later version's), k = 0 …: hypergeometric.
std::vector<double> wrong_after(const LiveTally& before, const LiveTally& after) {
  const std::size_t wrong = before.wrong + after.wrong, all = before.all() + after.all();
  std::vector<double> chance(std::min(wrong, after.all()) + 1);
  for (std::size_t k = 0; k < chance.size(); ++k)
    if (wrong - k <= before.all())
      chance[k] =
          std::exp(log_choose(after.all(), k) + log_choose(before.all(), wrong - k) - log_choose(all, wrong));
  return chance;
}

std::vector<double> sum_of(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> sum(a.size() + b.size() - 1);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) sum[i + j] += a[i] * b[j];
  return sum;
}

void add(LiveTally& to, const LiveTally& tally) {
  to.right += tally.right;
  to.wrong += tally.wrong;
}

}  // namespace

double worse_p_value(const LiveTallies& before, const LiveTallies& after) {
  std::vector<double> chance{1};
  std::size_t observed = 0;
  for (const auto& [label, now] : after) {
    const auto then = before.find(label);
    if (then == before.end()) continue;
    chance = sum_of(chance, wrong_after(then->second, now));
    observed += now.wrong;
  }
  double tail = 0;
  for (std::size_t k = observed; k < chance.size(); ++k) tail += chance[k];
  return std::min(tail, 1.0);
}

LiveVerdict compare(const LiveTallies& before, const LiveTallies& after) {
  LiveVerdict verdict;
  for (const auto& [label, now] : after) {
    const auto then = before.find(label);
    if (then == before.end() || then->second.all() == 0) continue;
    add(verdict.before, then->second);
    add(verdict.after, now);
  }
  verdict.p_value = worse_p_value(before, after);
  return verdict;
}

const LiveTallies& LiveRecord::of(std::int64_t version) const {
  static const LiveTallies none;
  const auto found = versions_.find(version);
  return found == versions_.end() ? none : found->second;
}

void LiveRecord::count(std::int64_t version, const std::string& label, bool right, int by) {
  LiveTally& tally = versions_[version][label];
  std::size_t& cell = right ? tally.right : tally.wrong;
  cell = by > 0 ? cell + 1 : cell - std::min<std::size_t>(cell, 1);
}

}  // namespace dormouse::learning

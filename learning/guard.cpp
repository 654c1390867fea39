#include "learning/guard.h"

#include <cmath>
#include <cstdio>

#include "learning/binomial.h"

namespace dormouse::learning {
namespace {

void count(GuardRow& row, bool before, bool awake, bool after) {
  ++row.examples;
  row.right_before += before;
  row.right_awake += awake;
  row.right_after += after;
  const bool held = before && awake;
  row.lost += held && !after;
  row.gained += after && !held;
}

void judge(GuardRow& row, const GuardOptions& options) {
  row.p_value = paired_p_value(row.lost, row.gained);
  row.fell = row.held() - row.after() > options.max_regression && row.p_value < options.alpha;
}

constexpr const char* kFresh = "held-out examples";
constexpr const char* kCore = "core examples";

std::string fall(const std::string& name, const GuardRow& row, const std::string& examples) {
  char p[16];
  std::snprintf(p, sizeof p, "%.2g", row.p_value);
  return name + " falls from " + percent(row.held()) + " to " + percent(row.after()) + " of " +
         std::to_string(row.examples) + " " + examples + " (p = " + p + ")";
}

}  // namespace

std::string percent(double fraction) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%", 100 * fraction);
  return text;
}

double paired_p_value(std::size_t lost, std::size_t gained) {
  const double n = static_cast<double>(lost + gained);
  double tail = 0;
  for (std::size_t k = lost; k <= lost + gained; ++k) {
    const double x = static_cast<double>(k);
    tail += std::exp(log_binomial(n, x) - n * std::log(2.0));
  }
  return std::fmin(tail, 1.0);
}

Verdict dream_check(std::span<const ClassIndex> truth, std::span<const ClassIndex> slow_before,
                    std::span<const ClassIndex> awake, std::span<const ClassIndex> candidate,
                    const std::vector<std::string>& labels, const GuardOptions& options) {
  ensure(
      slow_before.size() == truth.size() && awake.size() == truth.size() && candidate.size() == truth.size(),
      "the same examples");
  Verdict verdict;
  verdict.classes.resize(labels.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const bool before = slow_before[i] == truth[i], now = awake[i] == truth[i],
               after = candidate[i] == truth[i];
    count(verdict.classes.at(truth[i]), before, now, after);
    count(verdict.all, before, now, after);
  }
  if (truth.empty()) {
    verdict.reason = "nothing is held out, so nothing can be proved";
    return verdict;
  }
  judge(verdict.all, options);
  std::size_t better = 0;
  for (std::size_t c = 0; c < labels.size(); ++c) {
    judge(verdict.classes[c], options);
    better += verdict.classes[c].right_after > verdict.classes[c].right_before;
    if (verdict.classes[c].fell && verdict.reason.empty())
      verdict.reason = fall(labels[c], verdict.classes[c], kFresh);
  }
  if (verdict.all.fell && verdict.reason.empty())
    verdict.reason = fall("everything together", verdict.all, kFresh);
  if (better == 0 && verdict.reason.empty()) verdict.reason = "no class gets better";
  verdict.accepted = verdict.reason.empty();
  if (verdict.accepted)
    verdict.reason = std::to_string(better) + (better == 1 ? " class gets" : " classes get") +
                     " better and none falls beyond chance; together " + percent(verdict.all.before()) +
                     " before, " + percent(verdict.all.after()) + " after";
  return verdict;
}

void core_check(Verdict& verdict, std::span<const ClassIndex> truth, const std::vector<bool>& held,
                std::span<const ClassIndex> candidate, const std::vector<std::string>& labels,
                const GuardOptions& options) {
  ensure(held.size() == truth.size() && candidate.size() == truth.size(), "the same examples");
  verdict.core.assign(labels.size(), {});
  GuardRow all;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const bool after = candidate[i] == truth[i];
    count(verdict.core.at(truth[i]), held[i], held[i], after);
    count(all, held[i], held[i], after);
  }
  judge(all, options);
  std::string reason = all.fell ? fall("everything together", all, kCore) : "";
  for (std::size_t c = labels.size(); c-- > 0;) {
    judge(verdict.core[c], options);
    if (verdict.core[c].fell) reason = fall(labels[c], verdict.core[c], kCore);
  }
  if (reason.empty() || !verdict.accepted) return;
  verdict.accepted = false;
  verdict.reason = std::move(reason);
}

}  // namespace dormouse::learning

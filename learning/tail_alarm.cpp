#include "learning/tail_alarm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "config/error.h"

namespace dormouse::learning {
namespace {

constexpr std::size_t kAlarmHeader = 5;  // of a state: what is no list

TailAlarm::Options checked(const TailAlarm::Options& options) {
  if (!(options.rate > 0 && options.rate <= 0.25))
    throw Failure(Errc::invalid, "the rate of false alarms is above 0 and at most 0.25");
  if (options.block == 0 || options.quiet == 0 || options.longest == 0)
    throw Failure(Errc::invalid, "block, quiet and longest are at least 1");
  return options;
}

/// So long that kRareKept of kMostBlocks blocks may be rare.
std::size_t block_of(const TailAlarm::Options& options) {
  const double shortest =
      std::ceil(TailAlarm::kRareKept / (options.rate * static_cast<double>(TailAlarm::kMostBlocks)));
  return std::max(options.block, static_cast<std::size_t>(shortest));
}

std::size_t capacity_of(const TailAlarm::Options& options) {
  const double share = options.rate * static_cast<double>(block_of(options));
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(TailAlarm::kRareKept / share)));
}

}  // namespace

TailAlarm::TailAlarm(const Options& options)
    : options_(checked(options)), block_(block_of(options)), highest_(capacity_of(options)) {
  options_.quiet = std::max(options_.quiet, block_);
}

TailAlarm::Verdict TailAlarm::observe(float score) {
  ensure(std::isfinite(score) && score >= 0, "a score");
  if (score < options_.least) score = 0;
  const double block = static_cast<double>(block_), rare_share = options_.rate * block;
  const double share = highest_.share_at_least(score);
  const bool rare = share <= rare_share;
  Verdict verdict;
  verdict.p_value = std::min(1.0, share / block);
  const auto known = static_cast<double>(highest_.size() + 1);
  const auto allowed = std::max<std::size_t>(1, static_cast<std::size_t>(rare_share * known));
  const double least = std::max<double>(highest_.largest(allowed), options_.least);
  if (least > 0) verdict.severity = score / least;
  verdict.begins = rare && !active_;
  active_ |= rare;
  verdict.active = active_;
  if (!active_) {
    remember(score);
    return verdict;
  }
  held_.push_back(score);
  calm_ = rare ? 0 : calm_ + 1;
  if (calm_ >= options_.quiet || held_.size() >= options_.longest) end_alarm();
  return verdict;
}

void TailAlarm::end_alarm() {
  const std::vector<float> held = std::exchange(held_, {});
  if (calm_ >= options_.quiet)
    highest_.remember(std::ranges::max(held));
  else
    for (const float score : held) remember(score);
  active_ = false;
  calm_ = 0;
}

void TailAlarm::remember(float score) {
  block_highest_ = std::max(block_highest_, score);
  if (++filled_ < block_) return;
  highest_.remember(block_highest_);
  filled_ = 0, block_highest_ = 0;
}

std::vector<double> TailAlarm::state() const {
  std::vector<double> state{static_cast<double>(filled_), block_highest_, active_ ? 1.0 : 0.0,
                            static_cast<double>(calm_), static_cast<double>(held_.size())};
  state.insert(state.end(), held_.begin(), held_.end());
  state.insert(state.end(), highest_.by_age().begin(), highest_.by_age().end());
  return state;
}

void TailAlarm::restore(std::span<const double> state) {
  const auto sane = [](double x) { return x >= 0 && x <= std::numeric_limits<float>::max(); };
  if (state.size() < kAlarmHeader || !std::ranges::all_of(state, sane) ||
      state[0] >= static_cast<double>(block_) || state[2] > 1 ||
      state[3] >= static_cast<double>(options_.quiet) || state[4] >= static_cast<double>(options_.longest) ||
      state[4] > static_cast<double>(state.size() - kAlarmHeader))
    throw Failure(Errc::corrupt, "the state of another alarm");
  const auto held = static_cast<std::size_t>(state[4]);
  const std::span<const double> blocks = state.subspan(kAlarmHeader + held);
  if (blocks.size() > highest_.capacity() || (held > 0) != (state[2] != 0))
    throw Failure(Errc::corrupt, "the state of another alarm");
  highest_ = memory::NumberMemory(highest_.capacity());
  for (const double score : blocks) highest_.remember(static_cast<float>(score));
  filled_ = static_cast<std::size_t>(state[0]);
  block_highest_ = static_cast<float>(state[1]);
  active_ = held > 0;
  calm_ = static_cast<std::size_t>(state[3]);
  held_.clear();
  for (const double score : state.subspan(kAlarmHeader, held)) held_.push_back(static_cast<float>(score));
}

}  // namespace dormouse::learning

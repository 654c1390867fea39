#include "hrm/alarms.h"

#include <algorithm>
#include <cmath>

namespace dormouse::hrm {
namespace {

constexpr double kWorse = 4;  // times the odds

}  // namespace

bool PageSum::add(double nats) {
  if (level_ < alarm_) level_ = std::max(0.0, level_ + nats);
  return level_ >= alarm_;
}

double PageSum::level() const { return std::min(1.0, level_ / alarm_); }

ErrorAlarm::ErrorAlarm(double most) {
  const double usual = most / 2, worse = std::min(2 * most, (1 + most) / 2);
  wrong_ = std::log(worse / usual);
  right_ = std::log1p(-worse) - std::log1p(-usual);
}

ShiftAlarm::ShiftAlarm(double doubtful) { foretell(doubtful); }

void ShiftAlarm::foretell(double doubtful) {
  const double before = std::clamp(doubtful, 1e-3, 0.5);
  const double odds = kWorse * before / (1 - before), after = odds / (1 + odds);
  right_ = (1 - after) / (1 - before);
  wrong_ = after / before;
}

double ShiftAlarm::likelier(float score) const {
  const double right = std::clamp(double{score}, 0.0, 1.0);
  return right * right_ + (1 - right) * wrong_;
}

bool ShiftAlarm::add(float score) { return sum_.add(std::log(likelier(score))); }

bool ShiftAlarm::audited(float score, bool wrong) {
  return sum_.add(std::log((wrong ? wrong_ : right_) / likelier(score)));
}

}  // namespace dormouse::hrm

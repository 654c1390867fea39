#include "memory/write_budget.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace dormouse::memory {
namespace {

std::int64_t day_of(Clock::Wall time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

}  // namespace

WriteBudget::WriteBudget(std::uint64_t daily, const std::string& record, Clock::Wall now)
    : daily_(daily), day_(day_of(now)), recorded_day_(day_) {
  std::int64_t day = 0;
  const char* end = record.data() + record.size();
  const auto parsed = std::from_chars(record.data(), end, day);
  if (parsed.ec != std::errc{} || parsed.ptr == end || day != day_) return;
  std::from_chars(parsed.ptr + 1, end, today_);
  recorded_ = today_;
}

void WriteBudget::note(std::uint64_t total, Clock::Wall now) {
  if (const std::int64_t day = day_of(now); day != day_) {
    day_ = day;
    today_ = 0;
  }
  today_ += total - total_;
  total_ = total;
}

double WriteBudget::left() const {
  return std::max(0.0, 1.0 - static_cast<double>(today_) / static_cast<double>(daily_));
}

double WriteBudget::stretch() const {
  const double spare = left() - kReserve, half = 0.5 - kReserve;
  return spare >= half ? 1 : std::min(kMostStretch, half / std::max(spare, half / kMostStretch));
}

std::string WriteBudget::record() {
  recorded_ = today_;
  recorded_day_ = day_;
  return std::to_string(day_) + " " + std::to_string(today_);
}

}  // namespace dormouse::memory

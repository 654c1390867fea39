#include "memory/number_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "config/error.h"

namespace dormouse::memory {
NumberMemory::NumberMemory(std::size_t capacity) : capacity_(capacity) {
  if (capacity == 0) throw Failure(Errc::invalid, "a memory of numbers holds at least one");
  by_value_.reserve(capacity);
}

void NumberMemory::remember(float number) {
  ensure(std::isfinite(number), "a finite number");
  if (by_age_.size() == capacity_) {
    by_value_.erase(std::ranges::lower_bound(by_value_, by_age_.front()));
    by_age_.pop_front();
  }
  by_age_.push_back(number);
  by_value_.insert(std::ranges::upper_bound(by_value_, number), number);
}

double NumberMemory::novelty(float number, double least_range) const {
  if (by_value_.empty()) return 0;
  const auto above = std::ranges::lower_bound(by_value_, number);
  double gap = std::numeric_limits<double>::infinity();
  if (above != by_value_.end()) gap = double{*above} - number;
  if (above != by_value_.begin()) gap = std::min(gap, double{number} - *(above - 1));
  const double scale = std::max(range(), least_range);
  if (scale == 0) return gap > 0 ? 1 : 0;
  return std::min(gap / scale, kMostNovel);
}

double NumberMemory::range() const {
  return by_value_.empty() ? 0 : double{by_value_.back()} - by_value_.front();
}

double NumberMemory::magnitude() const {
  return by_value_.empty()
             ? 0
             : std::max(std::abs(double{by_value_.front()}), std::abs(double{by_value_.back()}));
}

float NumberMemory::largest(std::size_t n) const {
  ensure(n > 0, "counted from 1");
  return by_value_.empty() ? 0 : by_value_[by_value_.size() - std::min(n, by_value_.size())];
}

double NumberMemory::share_at_least(float number) const {
  const auto first = std::ranges::lower_bound(by_value_, number);
  return (1.0 + static_cast<double>(by_value_.end() - first)) / (1.0 + static_cast<double>(by_value_.size()));
}

}  // namespace dormouse::memory

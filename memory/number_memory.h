#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

namespace dormouse::memory {

/// The last so many numbers of a stream, by age and by value.
///
/// Remembering moves up to `capacity` floats (under a microsecond at 4096), looking up is a binary search.
/// Not thread-safe.
class NumberMemory {
 public:
  /// Throws Failure(invalid) for a capacity of 0.
  explicit NumberMemory(std::size_t capacity);

  /// `number` is finite (ensure()d). A full memory lets its oldest number go.
  void remember(float number);

  /// How far `number` lies from the nearest number remembered, as a share of the range remembered or of
  /// `least_range`, whichever is more; up to kMostNovel. Without a range everything else has novelty 1. 0
  /// while nothing is remembered.
  double novelty(float number, double least_range = 0) const;
  /// From the least number remembered to the largest; 0 while there is none.
  double range() const;
  /// The largest magnitude remembered; 0 while there is none.
  double magnitude() const;
  /// The `n`th largest number remembered, counted from 1; the least where there are fewer, 0 where there is
  /// none.
  float largest(std::size_t n) const;

  /// (1 + those remembered that are `number` or more) / (1 + all): the conformal p-value of `number` when
  /// numbers are exchangeable (Vovk and others 2005).
  double share_at_least(float number) const;

  std::size_t size() const { return by_age_.size(); }
  std::size_t capacity() const { return capacity_; }
  const std::deque<float>& by_age() const { return by_age_; }  ///< oldest first

 private:
  std::size_t capacity_;
  std::deque<float> by_age_;
  std::vector<float> by_value_;  ///< the same, ascending
};

inline constexpr double kMostNovel = 1e6;

}  // namespace dormouse::memory

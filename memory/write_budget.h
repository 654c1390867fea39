#pragma once

#include <cstdint>
#include <string>

#include "config/clock.h"

namespace dormouse::memory {

/// The bytes that memory may write to its disk in a day (UTC), and how far they reach.
///
/// Feedback is always written. Unlabelled episodes use nine tenths of the budget: while at least half of it
/// is left they are committed as configured; below that their groups and their wait grow in proportion to
/// what was used up, since a fuller page costs the same as an emptier one; in the last tenth they are not
/// stored.
class WriteBudget {
 public:
  static constexpr double kMostStretch = 64;

  /// `record` is what an earlier record() said; anything else counts from zero.
  WriteBudget(std::uint64_t daily, const std::string& record, Clock::Wall now);

  /// So many bytes were written in all since it was made.
  void note(std::uint64_t total, Clock::Wall now);
  std::uint64_t today() const { return today_; }
  std::uint64_t daily() const { return daily_; }

  /// In [1, kMostStretch]: by how much groups and waits of unlabelled episodes grow.
  double stretch() const;
  bool takes_unlabelled() const { return left() > kReserve; }

  /// Enough was written since the last record that a restart should know.
  bool wants_record() const { return today_ - recorded_ >= kRecordEvery || day_ != recorded_day_; }
  std::string record();

 private:
  static constexpr double kReserve = 0.1;
  static constexpr std::uint64_t kRecordEvery = 1 << 20;
  double left() const;

  std::uint64_t daily_;
  std::int64_t day_;
  std::uint64_t today_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t recorded_ = 0;
  std::int64_t recorded_day_;
};

}  // namespace dormouse::memory

#pragma once

#include "hrm/number_text.h"

namespace dormouse::hrm {

/// Page's one-sided cumulative sum (1954) of log likelihood ratios: never below 0, an alarm at so many nats.
class PageSum {
 public:
  explicit PageSum(double alarm) : alarm_(alarm) {}
  /// The next ratio. True when the alarm goes off; it stays off until reset().
  bool add(double nats);
  void reset() { level_ = 0; }
  /// How near the alarm is: 1 is there.
  double level() const;

  void save(NumberWriter& text) const { text.add(level_); }
  void restore(NumberReader& text) { level_ = text.number(); }

 private:
  double alarm_, level_ = 0;
};

/// An alarm at the first signs that more goes wrong than may: the sum between twice and half of `most`, the
/// share that may, to five nats.
///
/// False alarms come once in some 27,000 audited answers where half of `most` = 1 % goes wrong (5,000 at 5
/// %), in 300,000 (130,000) where a quarter does. Twice as much as may is noticed after some 360 (70), four
/// times after 130 (24).
class ErrorAlarm {
 public:
  explicit ErrorAlarm(double most = 0.01);

  /// The next answer, as PageSum::add().
  bool add(bool wrong) { return sum_.add(wrong ? wrong_ : right_); }
  void reset() { sum_.reset(); }
  double level() const { return sum_.level(); }

  void save(NumberWriter& text) const { sum_.save(text); }
  void restore(NumberReader& text) { sum_.restore(text); }

 private:
  double wrong_, right_;  ///< what one answer adds
  PageSum sum_{5};
};

/// An alarm before anybody audited anything: the same sum over the scores of all requests, between four times
/// the odds that a cheap answer is wrong, and the odds there were.
///
/// Where s is the score and π = E[1 − s] was foretold, four times the odds draw a request more often by
/// s(1 − π')/(1 − π) + (1 − s)π'/π, π' being what π becomes: its mean is 1 as long as nothing shifts, whether
/// the scores are calibrated or not. To eight nats: an alarm costs an audit of every request until there is a
/// certificate again, and of scores there are many.
class ShiftAlarm {
 public:
  /// `doubtful`: π; kept between 0.1 % and a half.
  explicit ShiftAlarm(double doubtful = 0.05);

  /// Another π from now on.
  void foretell(double doubtful);
  /// The next request, as PageSum::add().
  bool add(float score);
  /// What an audit made of a request that was added before: the ratio of what became of it, given its score.
  bool audited(float score, bool wrong);
  double level() const { return sum_.level(); }

  void save(NumberWriter& text) const { sum_.save(text); }
  void restore(NumberReader& text) { sum_.restore(text); }

 private:
  double likelier(float score) const;

  double right_ = 1, wrong_ = 1;  ///< how much likelier a right and a wrong answer are drawn after a shift
  PageSum sum_{8};
};

}  // namespace dormouse::hrm

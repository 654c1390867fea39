#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace dormouse::learning {

struct LiveTally {
  std::size_t right = 0;
  std::size_t wrong = 0;

  std::size_t all() const { return right + wrong; }
  friend bool operator==(const LiveTally&, const LiveTally&) = default;
};

using LiveTallies = std::map<std::string, LiveTally>;  ///< by label

/// P(at least so many wrong after), if both versions err alike on every class: Fisher's exact test,
/// one-sided, stratified by class.
///
/// Within a class the wrong answers fall on both versions as the hypergeometric distribution says; the total
/// of the later one is the sum of these. So a person who tests another mix of classes after the night than
/// before it proves nothing, and a class that only one of them met says nothing. O(n²) in the answers.
double worse_p_value(const LiveTallies& before, const LiveTallies& after);

/// How a version does in life: what it answered, against the labels that people then gave. Not thread-safe.
class LiveRecord {
 public:
  void add(std::int64_t version, const std::string& label, bool right) { count(version, label, right, 1); }
  /// Takes back an add(): the label was corrected.
  void take_back(std::int64_t version, const std::string& label, bool right) {
    count(version, label, right, -1);
  }
  /// Of a version; none when nothing is known of it.
  const LiveTallies& of(std::int64_t version) const;

 private:
  void count(std::int64_t version, const std::string& label, bool right, int by);

  std::map<std::int64_t, LiveTallies> versions_;
};

/// What the comparison of a version with the one before came to.
struct LiveVerdict {
  LiveTally before;  ///< of the classes that both met
  LiveTally after;
  double p_value = 1;
};

LiveVerdict compare(const LiveTallies& before, const LiveTallies& after);

}  // namespace dormouse::learning

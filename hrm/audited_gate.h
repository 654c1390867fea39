#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hrm/certificate.h"
#include "hrm/gate.h"

namespace dormouse::hrm {

/// Whether a cheap answer may stand. Immutable: any number of threads may ask.
struct Judge {
  enum class Rule : std::uint8_t {
    fixed,      ///< by its confidence alone, from a fixed threshold on
    certified,  ///< by the gate's score, from a certified threshold on
    strict      ///< never: what was certified holds no longer
  };
  Rule rule = Rule::fixed;
  Gate gate;  ///< frozen; the one that was certified
  float threshold = 0;
};
std::string_view word(Judge::Rule rule);

/// An alarm at the first signs that more goes wrong than `expected`: Page's one-sided cumulative sum (1954)
/// of the log likelihood ratio between three times as much and that.
///
/// Where exactly as much goes wrong as expected, false alarms come once in some 20,000 answers at 1 % (4,000
/// at 5 %); half as much, once in a million (270,000). Four times as much is noticed after some 210 (39).
class ErrorAlarm {
 public:
  explicit ErrorAlarm(double expected = 0.01);

  /// The next answer. True when the alarm goes off; it stays off until reset().
  bool add(bool wrong);
  void reset() { level_ = 0; }
  /// How near the alarm is: 1 is there.
  double level() const;

  void save(NumberWriter& text) const { text.add(level_); }
  void restore(NumberReader& text) { level_ = text.number(); }

 private:
  double wrong_, right_;  ///< what one answer adds
  double level_ = 0;
};

/// How far a gate's guarantee is.
struct Standing {
  Judge::Rule rule = Judge::Rule::fixed;
  std::optional<Certificate> certificate;  ///< in force
  std::size_t audits = 0;                  ///< since it began
  std::size_t gathered = 0;                ///< audits for the next test, or lessons where none is prepared
  std::size_t needed = 0;                  ///< of them
  bool learning = true;                    ///< no gate is frozen yet for the next test
  std::size_t alarms = 0;
  double alarm = 0;  ///< see ErrorAlarm::level
};

/// A gate that learns as it goes, and a certified copy of it that judges.
///
/// Audits come from requests drawn by lot, each as likely as any other, in the order in which they were
/// drawn. The gate learns from the first 128 of them, then a copy is frozen, with thresholds at equal shares
/// of what it scored; those that follow are for certify() alone. They are counted, and tested, when there are
/// n, 2n, 4n and 8n, at δ/2, δ/4, δ/8 and δ/16, where n is half as many again as could prove the promise
/// without an error: so whatever is certified in the life of one frozen copy holds, all of it, with
/// probability 1 − δ, however often one looks. Thresholds only get laxer in it. Then the gate, which went on
/// learning, is frozen anew, and while a certificate is in force that copy is tested once, at 8n and δ; if it
/// certifies nothing, the one in force is given up.
///
/// An alarm (ErrorAlarm over the audited answers that were accepted) ends what was certified at once; nothing
/// is accepted until a copy frozen then is certified by audits since.
///
/// The alarm waits for audits, which are few. So what is not accepted is counted too, which costs nothing:
/// where it becomes three times as much as the audits foretold, requests are no longer those that were
/// certified, and for a while more of them are audited (audit_share()).
///
/// Labels that users give teach the gate and never enter a test: people complain about what is wrong.
/// Deterministic. Not thread-safe; a judge is.
class AuditedGate {
 public:
  enum class Event : std::uint8_t { none, certified, alarm, given_up };

  /// Throws Failure(invalid) for a promise out of range.
  explicit AuditedGate(const Promise& promise);

  std::shared_ptr<const Judge> judge() const { return judge_; }
  /// The next audit: what the cheap answer turned out to be.
  Event audited(const Signals& signals, bool wrong);
  /// Whether the judge accepted the answer to a request; of each request by the certified rule.
  void answered(bool accepted);
  /// How many requests to audit where `usual` is the share in good times: half in doubt, all of them while
  /// nothing is accepted, since both models answer then anyway. It depends on requests of the past alone.
  double audit_share(double usual) const;
  /// A user's word on an answer.
  void teach(const Signals& signals, bool right) { learner_.learn(signals, right); }
  /// Other models answer from now on: nothing that was certified is about them. What was learnt stays.
  void begin_anew();
  Standing standing() const;
  const Promise& promise() const { return promise_; }

  /// As text, for restore().
  std::string save() const;
  /// As it was when it was saved, to the bit; of another promise, only what was learnt. Throws Failure for
  /// a text that save() did not write, and has not changed then.
  void restore(std::string_view saved);

 private:
  /// A frozen copy and the audits that are to certify it.
  struct Candidate {
    Gate gate;
    std::vector<float> thresholds;
    std::vector<Audit> audits;
    std::size_t tests = 0;    ///< done
    std::size_t planned = 4;  ///< or 1, the last
    std::size_t size(std::size_t first) const;
    double delta(double of_all) const;
  };
  struct InForce {
    Gate gate;
    Certificate certificate;
    bool of_candidate = true;  ///< the candidate's own
  };

  void note(const Signals& signals);
  void propose();
  bool alarmed(const Signals& signals, bool wrong);
  Event test();
  bool take(const Certificate& made);
  void be_strict();
  void watch(double refused, double of);
  void refresh();
  void read(NumberReader& text);

  Promise promise_;
  std::size_t first_;  ///< audits of the first test
  Judge::Rule rule_ = Judge::Rule::fixed;
  Gate learner_;
  std::vector<Signals> recent_;  ///< of the last audits, for thresholds
  std::optional<Candidate> candidate_;
  std::optional<InForce> in_force_;
  ErrorAlarm alarm_;
  ErrorAlarm refusals_;       ///< of answers that were not accepted; not kept
  std::size_t doubtful_ = 0;  ///< audits until they are believed again
  std::size_t audits_ = 0, alarms_ = 0;
  std::shared_ptr<const Judge> judge_;
};

}  // namespace dormouse::hrm

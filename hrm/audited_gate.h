#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hrm/alarms.h"
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

/// How far a gate's guarantee is.
struct Standing {
  Judge::Rule rule = Judge::Rule::fixed;
  std::optional<Certificate> certificate;  ///< in force
  std::size_t audits = 0;                  ///< since it began
  std::size_t gathered = 0;                ///< audits for the next test, or lessons where none is prepared
  std::size_t needed = 0;                  ///< of them
  bool learning = true;                    ///< no gate is frozen yet for the next test
  std::size_t alarms = 0;
  double alarm = 0;  ///< how near the nearer of both alarms is: 1 is there
};

/// A gate that learns as it goes, and a certified copy of it that judges.
///
/// Audits come from requests drawn by lot, each as likely as any other, in the order in which they were
/// drawn. The gate learns from the first 160 of them, then a copy is frozen, with thresholds at equal shares
/// of what it scored, and tests planned to begin where it errs little enough in these; those that follow are
/// for certify() alone, which looks at them as they come, in a way that allows for it: so whatever is
/// certified of one frozen copy until an alarm holds, all of it, with probability 1 − δ, however often one
/// looks. Thresholds only get laxer meanwhile. After 8n audits, n being half as many again as could prove the
/// promise without an error, the gate, which went on learning, is frozen anew, and while a certificate is in
/// force that copy is tested once, by 8n audits at δ; if it certifies nothing, the one in force is given up.
///
/// Two alarms end what was certified at once: ErrorAlarm over the audited answers that were accepted, which
/// waits for audits, and ShiftAlarm over the scores of all requests, which costs nothing. Three tenths of the
/// way to either, half of the requests are audited. After an alarm nothing is accepted and every request is
/// an audit, by which two copies are tested: the one that was in force, whose order may still be right, at a
/// tenth of δ by the audits since there was doubt, but no more than since the sum that went off last was 0;
/// and, at the rest, one that learnt anew from 160 audits, by those that follow. Each alarm so begins another
/// δ. The 160 begin where the sum that went off last was 0, which is Page's estimate of when
/// the change came (an audit counts when it is told of: those of earlier requests that waited until then are
/// among them). The first to be certified judges, the other takes over where it accepts more.
///
/// Labels that users give teach the gate and never enter a test: people complain about what is wrong.
/// Deterministic. Not thread-safe; a judge is.
class AuditedGate {
 public:
  enum class Event : std::uint8_t { none, certified, alarm, given_up };

  /// Throws Failure(invalid) for a promise out of range.
  explicit AuditedGate(const Promise& promise);

  std::shared_ptr<const Judge> judge() const { return judge_; }
  /// The next audit: what the cheap answer turned out to be. `doubts`: as doubts() was when it was drawn, if
  /// that was not just now.
  Event audited(const Signals& signals, bool wrong, std::optional<std::size_t> doubts = {});
  /// What the judge's gate scored a request; of each request by the certified rule.
  Event answered(float score);
  /// How many requests to audit where `usual` is the share in good times: half in doubt, all of them while
  /// nothing is accepted, since both models answer then anyway. To be asked before a request is answered():
  /// how likely it is to be audited must not depend on its own score.
  double audit_share(double usual) const;
  /// How often doubt began. What was drawn before does not test what is tested since. To be asked before a
  /// request is answered(), too.
  std::size_t doubts() const { return doubts_; }
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
  /// A request whose cheap answer became known.
  struct Lesson {
    Signals signals{};
    bool right = false;
  };
  /// A frozen copy and the audits that are to certify it.
  struct Candidate {
    Gate gate;
    std::vector<float> thresholds;
    std::size_t hopeful = 0;  ///< of them, by the lessons
    std::vector<Audit> audits = {};
    double share = 1;        ///< of δ
    bool successor = false;  ///< tested once, to take over from what is in force
    bool in_force = false;   ///< the certificate in force is of this copy
  };
  struct InForce {
    Gate gate;
    Certificate certificate;
    double doubtful = 0;  ///< mean of 1 − score of the audits
  };

  void note(const Lesson& lesson);
  std::vector<Audit> scored(const Gate& gate) const;
  double nearest_alarm() const;
  bool doubtful() const;
  void heed_doubt();
  Candidate candidate(Gate gate, double share) const;
  void learn_anew();
  void rehearse(bool fresh);
  std::optional<std::size_t> alarmed(const Signals& signals, bool wrong);
  void alarm(std::size_t suspects);
  Event test(Candidate& candidate);
  Event conclude(bool successor_failed);
  bool take(Candidate& candidate, const Certificate& made);
  void be_strict();
  void refresh();
  void save(NumberWriter& text, const Candidate& candidate) const;
  Candidate read_candidate(NumberReader& text, bool hopes) const;
  void read(NumberReader& text, std::size_t format);

  Promise promise_;
  std::size_t fewest_;  ///< audits that could prove the promise, half as many again
  Judge::Rule rule_ = Judge::Rule::fixed;
  Gate learner_;
  std::deque<Lesson> recent_;          ///< the last audits; after an alarm those since the change
  std::vector<Candidate> candidates_;  ///< at most two
  std::optional<InForce> in_force_;
  std::optional<Candidate> doubted_;  ///< the copy in force, by audits since there is doubt
  ErrorAlarm errors_;
  ShiftAlarm shift_;
  bool anew_ = false;  ///< a gate is to learn from the audits since the alarm
  std::size_t audits_ = 0, alarms_ = 0, doubts_ = 0;
  std::size_t since_errors_ = 0, since_shift_ = 0;  ///< audits since an alarm's sum was 0
  std::shared_ptr<const Judge> judge_;
};

}  // namespace dormouse::hrm

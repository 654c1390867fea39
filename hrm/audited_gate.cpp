#include "hrm/audited_gate.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr std::size_t kLessons = 160;  // before a gate is frozen, and what fixes its thresholds
constexpr std::size_t kRounds = 20;    // through them, of a gate that learns anew
constexpr std::size_t kLook = 8;       // audits between two looks: they cost time
constexpr std::size_t kLife = 8;       // of one frozen gate, in times of the fewest audits
constexpr double kSpare = 1.5;         // of audits, beyond the fewest that can prove anything
constexpr double kKnown = 0.1;         // of δ, for the copy that was in force; one learnt anew has the rest
constexpr double kDoubtful = 0.3;      // of the way to an alarm: from there on …
constexpr double kClosely = 0.5;       // … so many requests are audited
constexpr double kCaution = 0.3;       // standard errors
constexpr std::size_t kMost = 1 << 24;
// Before 6 doubts were not counted on, before 5 tests began anywhere, and at the alarm.
constexpr std::size_t kFormat = 6, kEarliest = 4;

std::size_t fewest_audits(const Promise& promise) {
  certify({}, {}, promise);  // refuses what is out of range
  const double level = promise.delta / 2 / static_cast<double>(promise.starts);
  return static_cast<std::size_t>(std::ceil(kSpare * std::log(level) / std::log1p(-promise.target_error)));
}

/// Mean of 1 − score and a part of its standard error: few audits foretell it badly, and too little would be
/// a false alarm before long.
double doubt_of(std::span<const Audit> audits) {
  double sum = 0, squares = 0;
  for (const Audit& audit : audits)
    sum += 1 - double{audit.score}, squares += std::pow(1 - double{audit.score}, 2);
  const auto n = static_cast<double>(audits.size());
  return sum / n + kCaution * std::sqrt(std::max(0.0, squares / n - std::pow(sum / n, 2)) / n);
}

void save(NumberWriter& text, const Certificate& certificate) {
  text.add(double{*certificate.threshold});
  for (const std::size_t count : {certificate.audits, certificate.accepted, certificate.errors})
    text.add(static_cast<double>(count));
  text.add(certificate.bound);
}

Certificate restore_certificate(NumberReader& text) {
  Certificate certificate;
  certificate.threshold = text.real();
  for (std::size_t* count : {&certificate.audits, &certificate.accepted, &certificate.errors})
    *count = text.count(kMost);
  certificate.bound = text.number();
  return certificate;
}

}  // namespace

std::string_view word(Judge::Rule rule) {
  switch (rule) {
    case Judge::Rule::fixed:
      return "fixed";
    case Judge::Rule::certified:
      return "certified";
    case Judge::Rule::strict:
      return "strict";
  }
  return "fixed";
}

AuditedGate::AuditedGate(const Promise& promise)
    : promise_(promise), fewest_(fewest_audits(promise)), errors_(promise.target_error) {
  refresh();
}

void AuditedGate::note(const Lesson& lesson) {
  if (recent_.size() == kLessons) recent_.pop_front();
  recent_.push_back(lesson);
}

std::vector<Audit> AuditedGate::scored(const Gate& gate) const {
  std::vector<Audit> scored;
  for (const Lesson& lesson : recent_) scored.push_back({gate.score(lesson.signals), !lesson.right});
  return scored;
}

AuditedGate::Event AuditedGate::answered(float score) {
  if (!in_force_) return Event::none;
  const bool shifted = shift_.add(score);
  if (shift_.level() <= 0) since_shift_ = 0;
  heed_doubt();
  if (!shifted) return Event::none;
  alarm(since_shift_);
  return Event::alarm;
}

double AuditedGate::nearest_alarm() const { return std::max(errors_.level(), shift_.level()); }

/// Audits from here on also test the copy in force anew, should there be an alarm: that more is doubted is
/// known before any of them.
void AuditedGate::heed_doubt() {
  if (doubtful() && !doubted_)
    doubted_ = candidate(in_force_->gate, kKnown), ++doubts_;
  else if (nearest_alarm() <= 0)
    doubted_.reset();
}

bool AuditedGate::doubtful() const { return in_force_ && nearest_alarm() >= kDoubtful; }

double AuditedGate::audit_share(double usual) const {
  if (rule_ == Judge::Rule::strict) return 1;
  return doubtful() ? std::max(usual, kClosely) : usual;
}

AuditedGate::Event AuditedGate::audited(const Signals& signals, bool wrong,
                                        std::optional<std::size_t> doubts) {
  ++audits_;
  learner_.learn(signals, !wrong);
  note({signals, !wrong});
  if (doubted_ && doubts.value_or(doubts_) == doubts_) {
    doubted_->audits.push_back({doubted_->gate.score(signals), wrong});
    if (doubted_->audits.size() >= kLife * fewest_)
      doubted_.reset();  // begins anew where there is doubt still
  }
  if (const auto suspects = alarmed(signals, wrong)) {
    alarm(*suspects);
    return Event::alarm;
  }
  Event event = Event::none;
  bool failed = false;
  for (Candidate& candidate : candidates_) {
    candidate.audits.push_back({candidate.gate.score(signals), wrong});
    const Event here = test(candidate);
    if (here == Event::given_up) failed = true;
    if (here == Event::certified) event = here;
  }
  const Event last = conclude(failed);
  if (recent_.size() < kLessons) return event;
  if (anew_) {
    learn_anew();
  } else if (candidates_.empty()) {
    if (audits_ == kLessons) rehearse(false);
    candidates_.push_back(candidate(learner_, 1));
    candidates_.back().successor = in_force_.has_value();
  }
  return last == Event::none ? event : last;
}

/// Lets go of copies whose life is over.
AuditedGate::Event AuditedGate::conclude(bool successor_failed) {
  const std::size_t life = kLife * fewest_;
  std::erase_if(candidates_, [life](const Candidate& candidate) { return candidate.audits.size() >= life; });
  if (!successor_failed || !in_force_) return Event::none;
  be_strict();
  return Event::given_up;
}

/// Audits since the sum of the alarm that went off was 0; nothing where none did.
std::optional<std::size_t> AuditedGate::alarmed(const Signals& signals, bool wrong) {
  if (!in_force_) return std::nullopt;
  const float score = in_force_->gate.score(signals);
  const bool shifted = shift_.audited(score, wrong);
  const bool failed = score >= *in_force_->certificate.threshold && errors_.add(wrong);
  since_shift_ = shift_.level() > 0 ? since_shift_ + 1 : 0;
  since_errors_ = errors_.level() > 0 ? since_errors_ + 1 : 0;
  heed_doubt();
  if (failed) return since_errors_;
  return shifted ? std::optional(since_shift_) : std::nullopt;
}

/// What the alarm was given for goes into learning, and not into the test of what was learnt from it: it was
/// chosen.
void AuditedGate::alarm(std::size_t suspects) {
  ++alarms_;
  if (!doubted_) doubted_ = candidate(in_force_->gate, kKnown);  // one that was read has none
  // Doubt may have lasted since before what is alarming now.
  std::vector<Audit>& audits = doubted_->audits;
  if (suspects < audits.size()) audits.erase(audits.begin(), audits.end() - std::ptrdiff_t(suspects));
  candidates_.clear();
  candidates_.push_back(std::move(*doubted_));
  be_strict();
  if (suspects < recent_.size()) recent_.erase(recent_.begin(), recent_.end() - std::ptrdiff_t(suspects));
  anew_ = true;
}

void AuditedGate::be_strict() {
  in_force_.reset();
  doubted_.reset();
  errors_.reset();
  for (Candidate& candidate : candidates_) candidate.in_force = false;
  rule_ = Judge::Rule::strict;
  refresh();
}

AuditedGate::Candidate AuditedGate::candidate(Gate gate, double share) const {
  const std::vector<Audit> lessons = scored(gate);
  std::vector<float> scores;
  for (const Audit& lesson : lessons) scores.push_back(lesson.score);
  Candidate candidate{.gate = std::move(gate), .thresholds = equal_shares(std::move(scores))};
  candidate.hopeful = hopeful(lessons, candidate.thresholds, promise_.target_error);
  candidate.share = share;
  return candidate;
}

/// From audits since the change alone.
void AuditedGate::learn_anew() {
  anew_ = false;
  const double known = candidates_.empty() ? kKnown : candidates_.front().share;
  learner_ = Gate();
  rehearse(true);
  candidates_.push_back(candidate(learner_, 1 - known));
}

/// Few lessons, learnt well. `fresh`: the gate has not met them.
void AuditedGate::rehearse(bool fresh) {
  for (std::size_t round = 0; round < kRounds; ++round)
    for (const Lesson& lesson : recent_) {
      if (round == 0 && fresh)
        learner_.learn(lesson.signals, lesson.right);
      else
        learner_.rehearse(lesson.signals, lesson.right);
    }
}

AuditedGate::Event AuditedGate::test(Candidate& candidate) {
  const std::size_t life = kLife * fewest_;
  if (candidate.successor ? candidate.audits.size() < life : candidate.audits.size() % kLook > 0)
    return Event::none;
  Promise here = promise_;
  here.delta *= candidate.share;
  const Certificate made =
      certify(candidate.audits, candidate.thresholds, here,
              {.always = !candidate.successor, .foreseen = 4 * fewest_, .hopeful = candidate.hopeful});
  if (!made.threshold) return candidate.successor ? Event::given_up : Event::none;
  return take(candidate, made) ? Event::certified : Event::none;
}

bool AuditedGate::take(Candidate& candidate, const Certificate& made) {
  if (in_force_ && !candidate.successor) {
    const Certificate& now = in_force_->certificate;
    const auto share = [](const Certificate& one) {
      return static_cast<double>(one.accepted) / static_cast<double>(one.audits);
    };
    if (candidate.in_force ? *made.threshold >= *now.threshold : share(made) <= share(now)) return false;
  }
  if (!candidate.in_force) {
    errors_.reset();
    doubted_.reset();
    shift_ = ShiftAlarm();
    since_errors_ = since_shift_ = 0;
    for (Candidate& other : candidates_) other.in_force = false;
  }
  candidate.in_force = true;
  in_force_ = InForce{candidate.gate, made, doubt_of(candidate.audits)};
  shift_.foretell(in_force_->doubtful);
  anew_ = false;
  rule_ = Judge::Rule::certified;
  refresh();
  return true;
}

void AuditedGate::refresh() {
  Judge judge{.rule = rule_, .gate = {}, .threshold = 0};
  if (in_force_) judge.gate = in_force_->gate, judge.threshold = *in_force_->certificate.threshold;
  judge_ = std::make_shared<const Judge>(std::move(judge));
}

void AuditedGate::begin_anew() {
  learner_.forget_history();  // classes may have changed places
  candidates_.clear();
  in_force_.reset();
  doubted_.reset();
  recent_.clear();
  errors_.reset();
  anew_ = false;
  rule_ = Judge::Rule::fixed;
  refresh();
}

Standing AuditedGate::standing() const {
  Standing standing{.rule = rule_, .certificate = {}, .audits = audits_, .alarms = alarms_};
  if (in_force_) standing.certificate = in_force_->certificate;
  standing.learning = candidates_.empty();
  standing.gathered = standing.learning ? recent_.size() : candidates_.front().audits.size();
  const bool early = !in_force_ && standing.gathered < fewest_;
  standing.needed = standing.learning ? kLessons : early ? fewest_ : kLife * fewest_;
  standing.alarm = in_force_ ? std::max(errors_.level(), shift_.level()) : 0;
  return standing;
}

std::string AuditedGate::save() const {
  NumberWriter text;
  for (const std::size_t count : {kFormat, kSignals.size()}) text.add(static_cast<double>(count));
  text.add(promise_.target_error);
  text.add(promise_.delta);
  text.add(static_cast<double>(promise_.starts));
  learner_.save(text);
  text.add(static_cast<double>(audits_));
  text.add(static_cast<double>(alarms_));
  text.add(static_cast<double>(rule_));
  text.add(anew_);
  for (const std::size_t count : {since_errors_, since_shift_}) text.add(static_cast<double>(count));
  errors_.save(text);
  text.add(static_cast<double>(recent_.size()));
  for (const Lesson& lesson : recent_) {
    for (const float signal : lesson.signals) text.add(double{signal});
    text.add(lesson.right);
  }
  text.add(in_force_.has_value());
  if (in_force_) {
    in_force_->gate.save(text);
    hrm::save(text, in_force_->certificate);
    text.add(in_force_->doubtful);
    shift_.save(text);
  }
  text.add(static_cast<double>(candidates_.size()));
  for (const Candidate& one : candidates_) save(text, one);
  text.add(doubted_.has_value());
  if (doubted_) save(text, *doubted_);
  text.add(static_cast<double>(doubts_));
  return text.text();
}

void AuditedGate::save(NumberWriter& text, const Candidate& candidate) const {
  candidate.gate.save(text);
  text.add(candidate.share);
  text.add(candidate.successor);
  text.add(candidate.in_force);
  text.add(static_cast<double>(candidate.thresholds.size()));
  for (const float threshold : candidate.thresholds) text.add(double{threshold});
  text.add(static_cast<double>(candidate.hopeful));
  text.add(static_cast<double>(candidate.audits.size()));
  for (const Audit& audit : candidate.audits) {
    text.add(double{audit.score});
    text.add(audit.wrong);
  }
}

void AuditedGate::restore(std::string_view saved) {
  NumberReader text(saved);
  const std::size_t format = text.count(kMost);
  if (format < kEarliest || format > kFormat || text.count(kMost) != kSignals.size())
    throw Failure(Errc::corrupt, "of another version of Dormouse");
  Promise promise;
  promise.target_error = text.number();
  promise.delta = text.number();
  promise.starts = text.count(1000);
  AuditedGate fresh(promise);
  fresh.read(text, format);
  if (!text.done()) throw Failure(Errc::corrupt, "there is more in it than there should be");
  if (promise == promise_) {
    *this = std::move(fresh);
  } else {
    learner_ = fresh.learner_;
    audits_ = fresh.audits_;
    doubts_ = fresh.doubts_;
    begin_anew();
  }
}

AuditedGate::Candidate AuditedGate::read_candidate(NumberReader& text, bool hopes) const {
  Candidate candidate;
  candidate.gate = Gate::restore(text);
  candidate.share = text.number();
  candidate.successor = text.flag();
  candidate.in_force = text.flag();
  candidate.thresholds.resize(text.count(1000));
  for (float& threshold : candidate.thresholds) threshold = text.real();
  candidate.hopeful = hopes ? text.count(candidate.thresholds.size()) : candidate.thresholds.size();
  candidate.audits.resize(text.count(kLife * fewest_));
  for (Audit& audit : candidate.audits) {
    audit.score = text.real();
    audit.wrong = text.flag();
  }
  Promise here = promise_;
  here.delta *= candidate.share;
  certify({}, candidate.thresholds, here);  // refuses those that do not fall, and a share that is none
  return candidate;
}

void AuditedGate::read(NumberReader& text, std::size_t format) {
  learner_ = Gate::restore(text);
  audits_ = text.count(std::size_t{1} << 52);
  alarms_ = text.count(kMost);
  rule_ = static_cast<Judge::Rule>(text.count(2));
  anew_ = text.flag();
  for (std::size_t* const count : {&since_errors_, &since_shift_}) *count = text.count(kMost);
  errors_.restore(text);
  recent_.resize(text.count(kLessons));
  for (Lesson& lesson : recent_) {
    for (float& signal : lesson.signals) signal = text.real();
    lesson.right = text.flag();
  }
  if (text.flag()) {
    in_force_ = InForce{};
    in_force_->gate = Gate::restore(text);
    in_force_->certificate = restore_certificate(text);
    in_force_->doubtful = text.number();
    shift_ = ShiftAlarm(in_force_->doubtful);
    shift_.restore(text);
  }
  for (std::size_t count = text.count(2); count > 0; --count)
    candidates_.push_back(read_candidate(text, format >= 5));
  if (format >= 5 && text.flag()) doubted_ = read_candidate(text, true);
  if (format >= 6) doubts_ = text.count(std::size_t{1} << 52);
  if (in_force_.has_value() != (rule_ == Judge::Rule::certified) || (doubted_ && !in_force_))
    throw Failure(Errc::corrupt, "it contradicts itself");
  refresh();
}

}  // namespace dormouse::hrm

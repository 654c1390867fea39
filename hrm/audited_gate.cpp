#include "hrm/audited_gate.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::hrm {
namespace {

constexpr std::size_t kLessons = 128;  // before a gate is frozen, and what fixes its thresholds
constexpr std::size_t kTests = 4;      // of one frozen gate; each of twice as many audits as the one before
constexpr double kSpare = 1.5;         // of audits, beyond the fewest that can prove anything
constexpr double kAlarm = 5;           // nats
constexpr std::size_t kDoubt = kLessons;  // audits after more was refused than foretold …
constexpr double kDoubtful = 0.5;         // … and their share of requests
constexpr std::size_t kMost = 1 << 24;
constexpr std::size_t kFormat = 1;

std::size_t first_test(const Promise& promise) {
  certify({}, {}, promise);  // refuses what is out of range
  const double level = promise.delta / 2 / static_cast<double>(promise.starts);
  return static_cast<std::size_t>(std::ceil(kSpare * std::log(level) / std::log1p(-promise.target_error)));
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

ErrorAlarm::ErrorAlarm(double expected) {
  const double worse = std::min(3 * expected, (1 + expected) / 2);
  wrong_ = std::log(worse / expected);
  right_ = std::log1p(-worse) - std::log1p(-expected);
}

bool ErrorAlarm::add(bool wrong) {
  if (level_ < kAlarm) level_ = std::max(0.0, level_ + (wrong ? wrong_ : right_));
  return level_ >= kAlarm;
}

double ErrorAlarm::level() const { return std::min(1.0, level_ / kAlarm); }

std::size_t AuditedGate::Candidate::size(std::size_t first) const {
  return first << (planned == 1 ? kTests - 1 : tests);
}

double AuditedGate::Candidate::delta(double of_all) const {
  return planned == 1 ? of_all : std::ldexp(of_all, -static_cast<int>(tests) - 1);
}

AuditedGate::AuditedGate(const Promise& promise)
    : promise_(promise), first_(first_test(promise)), alarm_(promise.target_error) {
  refresh();
}

void AuditedGate::note(const Signals& signals) {
  if (recent_.size() < kLessons) {
    recent_.push_back(signals);
  } else {
    recent_[audits_ % kLessons] = signals;
  }
}

void AuditedGate::answered(bool accepted) {
  if (in_force_ && doubtful_ == 0 && refusals_.add(!accepted)) doubtful_ = kDoubt;
}

double AuditedGate::audit_share(double usual) const {
  if (rule_ == Judge::Rule::strict) return 1;
  return doubtful_ > 0 ? std::max(usual, kDoubtful) : usual;
}

/// For more refusals than these from now on.
void AuditedGate::watch(double refused, double of) {
  refusals_ = ErrorAlarm(std::clamp(refused / of, 0.01, 0.5));
  doubtful_ = 0;
}

AuditedGate::Event AuditedGate::audited(const Signals& signals, bool wrong) {
  ++audits_;
  learner_.learn(signals, !wrong);
  note(signals);
  if (doubtful_ > 0 && in_force_ && --doubtful_ == 0) {
    const auto refused = [this](const Signals& one) {
      return in_force_->gate.score(one) < *in_force_->certificate.threshold;
    };
    watch(static_cast<double>(std::ranges::count_if(recent_, refused)), static_cast<double>(recent_.size()));
  }
  if (alarmed(signals, wrong)) {
    ++alarms_;
    be_strict();
    propose();
    return Event::alarm;
  }
  if (!candidate_) {
    if (recent_.size() == kLessons) propose();
    return Event::none;
  }
  candidate_->audits.push_back({candidate_->gate.score(signals), wrong});
  return candidate_->audits.size() >= candidate_->size(first_) ? test() : Event::none;
}

bool AuditedGate::alarmed(const Signals& signals, bool wrong) {
  if (!in_force_ || in_force_->gate.score(signals) < *in_force_->certificate.threshold) return false;
  return alarm_.add(wrong);
}

void AuditedGate::be_strict() {
  in_force_.reset();
  alarm_.reset();
  doubtful_ = 0;
  rule_ = Judge::Rule::strict;
  refresh();
}

void AuditedGate::propose() {
  Candidate next;
  next.gate = learner_;
  std::vector<float> scores;
  for (const Signals& signals : recent_) scores.push_back(next.gate.score(signals));
  next.thresholds = equal_shares(std::move(scores));
  next.planned = in_force_ ? 1 : kTests;
  if (in_force_) in_force_->of_candidate = false;
  candidate_ = std::move(next);
}

AuditedGate::Event AuditedGate::test() {
  Promise here = promise_;
  here.delta = candidate_->delta(promise_.delta);
  const Certificate made = certify(candidate_->audits, candidate_->thresholds, here);
  const bool last = ++candidate_->tests == candidate_->planned;
  Event event = Event::none;
  if (made.threshold) {
    if (take(made)) event = Event::certified;
  } else if (last && in_force_) {
    be_strict();
    event = Event::given_up;
  }
  if (last) propose();
  return event;
}

bool AuditedGate::take(const Certificate& made) {
  if (in_force_ && in_force_->of_candidate && *made.threshold >= *in_force_->certificate.threshold)
    return false;
  if (!in_force_ || !in_force_->of_candidate) alarm_.reset();
  in_force_ = InForce{candidate_->gate, made};
  watch(static_cast<double>(made.audits - made.accepted), static_cast<double>(made.audits));
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
  candidate_.reset();
  in_force_.reset();
  recent_.clear();
  alarm_.reset();
  rule_ = Judge::Rule::fixed;
  refresh();
}

Standing AuditedGate::standing() const {
  Standing standing{.rule = rule_, .certificate = {}, .audits = audits_, .alarms = alarms_};
  if (in_force_) standing.certificate = in_force_->certificate;
  standing.learning = !candidate_;
  standing.gathered = candidate_ ? candidate_->audits.size() : recent_.size();
  standing.needed = candidate_ ? candidate_->size(first_) : kLessons;
  standing.alarm = alarm_.level();
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
  alarm_.save(text);
  text.add(static_cast<double>(recent_.size()));
  for (const Signals& signals : recent_)
    for (const float signal : signals) text.add(double{signal});
  text.add(in_force_.has_value());
  if (in_force_) {
    in_force_->gate.save(text);
    hrm::save(text, in_force_->certificate);
    text.add(in_force_->of_candidate);
  }
  text.add(candidate_.has_value());
  if (!candidate_) return text.text();
  candidate_->gate.save(text);
  text.add(static_cast<double>(candidate_->tests));
  text.add(candidate_->planned == 1);
  text.add(static_cast<double>(candidate_->thresholds.size()));
  for (const float threshold : candidate_->thresholds) text.add(double{threshold});
  text.add(static_cast<double>(candidate_->audits.size()));
  for (const Audit& audit : candidate_->audits) {
    text.add(double{audit.score});
    text.add(audit.wrong);
  }
  return text.text();
}

void AuditedGate::restore(std::string_view saved) {
  NumberReader text(saved);
  if (text.count(kMost) != kFormat || text.count(kMost) != kSignals.size())
    throw Failure(Errc::corrupt, "of another version of Dormouse");
  Promise promise;
  promise.target_error = text.number();
  promise.delta = text.number();
  promise.starts = text.count(1000);
  AuditedGate fresh(promise);
  fresh.read(text);
  if (!text.done()) throw Failure(Errc::corrupt, "there is more in it than there should be");
  if (promise == promise_) {
    *this = std::move(fresh);
  } else {
    learner_ = fresh.learner_;
    audits_ = fresh.audits_;
    begin_anew();
  }
}

void AuditedGate::read(NumberReader& text) {
  learner_ = Gate::restore(text);
  audits_ = text.count(std::size_t{1} << 52);
  alarms_ = text.count(kMost);
  rule_ = static_cast<Judge::Rule>(text.count(2));
  alarm_.restore(text);
  recent_.resize(text.count(kLessons));
  for (Signals& signals : recent_)
    for (float& signal : signals) signal = text.real();
  if (text.flag()) {
    in_force_ = InForce{};
    in_force_->gate = Gate::restore(text);
    in_force_->certificate = restore_certificate(text);
    in_force_->of_candidate = text.flag();
    const Certificate& made = in_force_->certificate;
    watch(static_cast<double>(made.audits - std::min(made.audits, made.accepted)),
          static_cast<double>(std::max<std::size_t>(made.audits, 1)));
  }
  if (text.flag()) {
    candidate_ = Candidate{};
    Candidate& candidate = *candidate_;
    candidate.gate = Gate::restore(text);
    candidate.tests = text.count(kTests - 1);
    candidate.planned = text.flag() ? 1 : kTests;
    candidate.thresholds.resize(text.count(1000));
    for (float& threshold : candidate.thresholds) threshold = text.real();
    candidate.audits.resize(text.count(candidate.size(first_)));
    for (Audit& audit : candidate.audits) {
      audit.score = text.real();
      audit.wrong = text.flag();
    }
    certify({}, candidate.thresholds, promise_);  // refuses those that do not fall
  }
  if (in_force_.has_value() != (rule_ == Judge::Rule::certified))
    throw Failure(Errc::corrupt, "it contradicts itself");
  refresh();
}

}  // namespace dormouse::hrm

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "daemon/service/routed_model.h"
#include "daemon/service/service.h"

/// Audits: what is drawn, when the planner answers it, and what follows from that.
namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kMostPending = 256;       // requests that wait to be audited …
constexpr std::size_t kMostBytes = 32 << 20;    // … and what they hold of inputs
constexpr int kPatience = 3;                    // times that one audit makes way
constexpr std::chrono::milliseconds kTurn{60};  // of auditing, then three times as long of none
constexpr std::chrono::minutes kSave{
    10};  // of lessons that a power cut may cost; certificates are kept at once

std::size_t bytes_of(const std::vector<engine::Tensor>& inputs) {
  std::size_t bytes = 0;
  for (const engine::Tensor& input : inputs) bytes += input.bytes().size();
  return bytes;
}

/// What a gate's event is called, and what it says to people.
struct News {
  std::string_view what, text;
  Level level;
};

News news_of(hrm::AuditedGate::Event event) {
  if (event == hrm::AuditedGate::Event::certified) return {"certified", "its gate is certified", Level::info};
  if (event == hrm::AuditedGate::Event::alarm)
    return {"alarm",
            "more errors than promised were audited, or are to be feared from what is asked: nothing is "
            "accepted until a gate is certified anew",
            Level::warning};
  return {"given_up", "the last audits certify no gate: nothing is accepted until some do", Level::warning};
}

}  // namespace

void Routing::draw(const std::string& name, Model& model, const InferenceJob& job, const RowAnswer& answer,
                   std::size_t row, std::vector<Draw>& drawn) {
  const double usual = service_.options().hrm.audit;
  const double share = model.gated ? model.gate.audit_share(usual) : usual;
  const std::size_t doubts = model.gate.doubts();
  // A score by a judge that is not in force any more is none that the alarm foretold.
  if (answer.rule == hrm::Judge::Rule::certified && job.judge == model.gate.judge()) {
    const hrm::AuditedGate::Event event = model.gate.answered(answer.score);
    if (event == hrm::AuditedGate::Event::alarm) drawn.clear();  // as what waits to be audited goes then
    heed(name, model, event);
  }
  if (!model.gated && !model.trace) return;
  if (double(random_() >> 11) * 0x1p-53 < share) drawn.push_back({row, doubts});
}

void Routing::keep_for_audit(Model& model, const InferenceJob& job, const Answered& answered,
                             std::vector<Draw> drawn) {
  if (drawn.empty()) return;
  // Each takes as much room, whether its input is still needed or not: who finds room must not depend on what
  // was answered, nor on its place among the rows.
  const std::size_t bytes = std::max<std::size_t>(bytes_of(job.inputs) / answered.result.rows.size(), 1);
  const std::size_t room =
      std::min(kMostPending - model.pending.size(), (kMostBytes - model.pending_bytes) / bytes);
  std::vector<Draw> kept;
  std::ranges::sample(drawn, std::back_inserter(kept), static_cast<std::ptrdiff_t>(room), random_);
  model.skipped += drawn.size() - kept.size();
  for (const Draw& one : kept) {
    Pending audit{answered.ids[one.row], answered.result.rows[one.row], row_alone(job, one.row), bytes,
                  one.doubts};
    // A thought that the request cut short is no answer of the planner's.
    const bool whole = (audit.job.steps == 0 || !audit.low.plan) && !audit.low.provisional;
    audit.job.steps = 0;
    if (audit.low.high_time.count() > 0 && whole)
      audit.high = HighAnswer{audit.low.decision, audit.low.high_time};
    if (answered.result.rows.size() > 1)  // not to hold on to the others
      for (engine::Tensor& input : audit.job.inputs) input = input.clone();
    model.pending_bytes += bytes;
    model.pending.push_back(std::move(audit));
  }
}

void Routing::make_way() {
  if (!computing_) return;
  // A planner's step goes on where it was.
  if (computing_->job.thoughts || computing_->interrupted < kPatience) auditing_.request_stop();
}

bool Routing::idle() const {
  return service_.scheduler().foreground_count() == 0 && service_.queue().waiting() == 0;
}

asio::awaitable<void> Routing::audit() {
  if (busy_ || stopped_) co_return;
  busy_ = true;
  const auto began = service_.clock().now();
  for (auto& [name, model] : models_) {
    settle(name, *model);
    while (began >= not_before_ && service_.clock().now() - began < kTurn) {
      auto next = audit_next(name, *model);
      if (!co_await std::move(next)) break;
      settle(name, *model);
    }
    if (model->changed && service_.clock().now() - model->saved >= kSave) save(name, *model);
  }
  const auto ended = service_.clock().now();
  if (began >= not_before_) not_before_ = ended + 3 * (ended - began);
  busy_ = false;
}

asio::awaitable<bool> Routing::audit_next(const std::string& name, Model& model) {
  const auto waits = [](const Pending& audit) { return !audit.high && !audit.failed; };
  const auto next = std::ranges::find_if(model.pending, waits);
  if (next == model.pending.end() || stopped_ || !idle()) co_return false;
  const memory::EpisodeId id = next->id;
  computing_ = &*next;
  auditing_ = std::stop_source();
  // Of its own: what is audited may be forgotten while it waits for its turn.
  auto work = [job = next->job, low = next->low, stop = auditing_.get_token()]() mutable {
    job.stop = stop;
    return ask_high(job, low);
  };
  Urgency urgency{.priority = Priority::background, .gone = auditing_.get_token()};
  auto waiting = service_.turn(service_.model(name).parts->options.planner, std::move(urgency));
  std::optional<HighAnswer> high;
  bool computed = false, failed = false;
  try {
    const InferenceQueue::Turn turn = co_await std::move(waiting);
    computed = true;
    high = co_await run_on(service_.compute(), std::move(work));
  } catch (const Failure& failure) {
    failed = computed && failure.error().code != Errc::expired;
    if (failed) log(Level::warning, "model " + name + ": an audit failed: " + failure.error().context);
  }
  computing_ = nullptr;
  // The line may have been emptied meanwhile.
  const auto there = std::ranges::find(model.pending, id, &Pending::id);
  if (there == model.pending.end()) co_return true;
  if (high) {
    model.ran_planner(high->time);
    model.audits_us += microseconds(high->time);
    there->high = std::move(high);
  }
  there->failed = failed;
  there->interrupted += computed && !there->high && !failed;
  co_return there->high || failed;
}

void Routing::settle(const std::string& name, Model& model) {
  while (!model.pending.empty() && (model.pending.front().high || model.pending.front().failed)) {
    const Pending audit = std::move(model.pending.front());
    model.pending.pop_front();
    model.pending_bytes -= audit.bytes;
    count(name, model, audit);
  }
}

void Routing::let_go(const Pending& audit) {
  if (computing_ != &audit) return;
  computing_ = nullptr;
  auditing_.request_stop();
}

void Routing::drop_pending(Model& model) {
  for (const Pending& audit : model.pending) let_go(audit);
  model.pending.clear();
  model.pending_bytes = 0;
}

void Routing::forget(std::span<const memory::EpisodeId> ids) {
  for (const memory::EpisodeId id : ids) {
    verdicts_.erase(id);
    finished_.erase(id);
    if (const auto found = finishing_.find(id); found != finishing_.end()) {
      found->second.request_stop();
      finishing_.erase(found);
    }
    for (auto& [name, model] : models_) {
      const auto found = std::ranges::find(model->pending, id, &Pending::id);
      if (found == model->pending.end()) continue;
      let_go(*found);
      model->pending_bytes -= found->bytes;
      model->pending.erase(found);
    }
  }
}

void Routing::count(const std::string& name, Model& model, const Pending& audit) {
  // Where the planner cannot answer, nobody knows who was right: it counts against the promise.
  const bool wrong = audit.failed || audit.high->decision.predicted != audit.low.executor.predicted;
  ++model.audited;
  model.disagreed += wrong;
  model.changed = true;
  if (!audit.failed) {
    const hrm::Decision& high = audit.high->decision;
    verdicts_.put({.id = audit.id,
                   .label = audit.low.labels->at(high.predicted),
                   .confidence = high.confidence,
                   .agreed = !wrong});
    if (model.trace) record(model, audit);
  }
  heed(name, model, model.gate.audited(audit.low.signals, wrong, audit.doubts));
}

void Routing::heed(const std::string& name, Model& model, hrm::AuditedGate::Event event) {
  if (event == hrm::AuditedGate::Event::none || !model.gated) return;
  // What was drawn before an alarm is no audit since.
  if (event != hrm::AuditedGate::Event::certified) drop_pending(model);
  announce(name, model, event);
  save(name, model);
}

void Routing::announce(const std::string& name, const Model& model, hrm::AuditedGate::Event event) {
  const hrm::Standing standing = model.gate.standing();
  const auto [what, text, level] = news_of(event);
  log(level, "model " + name + ": " + std::string(text));
  json::object object{{"model", name}, {"event", what}, {"audits", standing.audits}};
  if (standing.certificate) {
    object["bound"] = rounded(standing.certificate->bound);
    object["threshold"] = rounded(double{*standing.certificate->threshold});
  }
  service_.events().publish(json::serialize(object), "router");
}

void Routing::record(Model& model, const Pending& audit) {
  hrm::RecordedRequest request{.id = audit.id,
                               .signals = audit.low.signals,
                               .low = audit.low.labels->at(audit.low.executor.predicted),
                               .high = audit.low.labels->at(audit.high->decision.predicted),
                               .low_us = microseconds(audit.low.low_time),
                               .high_us = microseconds(audit.high->time),
                               .waiting = audit.low.pressure.waiting};
  if (const auto left = audit.low.pressure.budget_left) request.left_us = microseconds(*left);
  trace(model, [request = std::move(request)](hrm::TraceWriter& writer) { writer.write(request); });
}

void Routing::trace(Model& model, std::function<void(hrm::TraceWriter&)> write) {
  asio::post(service_.storage(), [&model, write = std::move(write)] {
    try {
      write(*model.trace);
      if (std::exchange(model.trace_fails, false))
        log(Level::info, "requests are recorded again: " + model.trace->path().string());
    } catch (const Failure& failure) {
      if (!std::exchange(model.trace_fails, true))
        log(Level::warning,
            "requests are not recorded until it can be done again: " + failure.error().context);
    }
  });
}

bool Routing::awaits(memory::EpisodeId id) const {
  return std::ranges::any_of(models_, [id](const auto& item) {
    return std::ranges::find(item.second->pending, id, &Pending::id) != item.second->pending.end();
  });
}

}  // namespace dormouse::daemon

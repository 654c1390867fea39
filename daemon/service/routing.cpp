#include "daemon/service/routing.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kVerdicts = 512;          // that `why` can tell of
constexpr std::size_t kMostPending = 256;       // requests that wait to be audited …
constexpr std::size_t kMostBytes = 32 << 20;    // … and what they hold of inputs
constexpr std::size_t kMostFinishing = 64;      // provisional answers that wait for the planner
constexpr double kStrictAudit = 0.5;            // share that is audited until a gate is certified anew
constexpr int kPatience = 3;                    // times that one audit makes way
constexpr std::chrono::milliseconds kTurn{60};  // of auditing, then three times as long of none
constexpr std::chrono::minutes kSave{
    10};  // of lessons that a power cut may cost; certificates are kept at once

std::size_t bytes_of(const std::vector<engine::Tensor>& inputs) {
  std::size_t bytes = 0;
  for (const engine::Tensor& input : inputs) bytes += input.bytes().size();
  return bytes;
}

double microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

/// A request that was drawn.
struct Routing::Pending {
  memory::EpisodeId id = 0;
  RowAnswer low;
  InferenceJob job;  ///< of its row
  std::vector<std::string> labels;
  std::size_t bytes = 0;
  int interrupted = 0;
  std::optional<HighAnswer> high = {};  ///< nothing yet
  bool failed = false;
};

struct Routing::Model {
  Model(const hrm::Promise& promise, bool judges) : gate(promise), gated(judges) {}

  hrm::AuditedGate gate;
  bool gated;  ///< target_error is set
  RoutedModels models;
  std::deque<Pending> pending;
  std::size_t pending_bytes = 0;
  std::uint64_t skipped = 0, disagreed = 0, audited = 0;
  std::array<Histogram, 3> times;  ///< of answers by route
  Histogram planner;               ///< of its runs
  double low_us = 0, high_us = 0, audits_us = 0, planner_us = 0;
  std::uint64_t planner_runs = 0;
  std::unique_ptr<hrm::TraceWriter> trace;  ///< used on the storage thread
  bool changed = false;
  Clock::Steady saved{};

  double compute(double us) const {
    const auto rows = static_cast<double>(times[0].count() + times[1].count() + times[2].count());
    return us / (rows * planner_us / static_cast<double>(planner_runs));
  }
  void ran_planner(std::chrono::nanoseconds time) {
    planner.observe(time);
    planner_us += microseconds(time);
    ++planner_runs;
  }
};

Routing::Routing(Service& service)
    : service_(service), verdicts_(kVerdicts), finished_(kVerdicts), random_(std::random_device{}()) {
  for (const auto& [name, entry] : service_.models()) {
    if (!entry.parts->learnable || entry.parts->options.planner.empty()) continue;
    auto& model = models_[name];
    const HrmOptions& options = service_.options().hrm;
    model = std::make_unique<Model>(options.promise(), options.target_error.has_value());
    if (options.trace)
      model->trace =
          std::make_unique<hrm::TraceWriter>(*options.trace / (name + ".jsonl"), options.trace_limit.count);
    restore(name, *model);
  }
}

Routing::~Routing() = default;

std::filesystem::path Routing::file(const std::string& name) const {
  return service_.options().state / "router" / (name + ".gate");
}

void Routing::restore(const std::string& name, Model& model) {
  const auto saved = read_gate(file(name));
  if (!saved) return;
  try {
    model.gate.restore(saved->gate);
    model.models = saved->models;
  } catch (const Failure& failure) {
    set_aside(file(name), failure.error().context);
  }
}

Routing::Model* Routing::find(const Entry& entry) const {
  const auto found = models_.find(entry.parts->options.name);
  return found == models_.end() ? nullptr : found->second.get();
}

bool Routing::follows(const Entry& entry) const { return find(entry) != nullptr; }

std::shared_ptr<const hrm::Judge> Routing::judge(const Entry& entry) {
  Model* const model = find(entry);
  if (!model) return nullptr;
  const Entry& planner = service_.model(entry.parts->options.planner);
  const RoutedModels now{entry.served.model->version, planner.served.model->version,
                         entry.served.model->labels.size()};
  if (model->models != now) {
    model->models = now;
    model->gate.begin_anew();
    drop_pending(*model);
    model->changed = true;
  }
  return model->gated ? model->gate.judge() : nullptr;
}

void Routing::answered(const Entry& entry, const InferenceJob& job, const Answered& answered) {
  Model& model = *find(entry);
  for (std::size_t row = 0; row < answered.result.rows.size(); ++row) {
    const RowAnswer& answer = answered.result.rows[row];
    model.times[static_cast<std::size_t>(answer.decision.route)].observe(answer.low_time + answer.high_time);
    model.low_us += microseconds(answer.low_time);
    model.high_us += microseconds(answer.high_time);
    if (answer.high_time.count() > 0) model.ran_planner(answer.high_time);
    draw(model, job, answered, row);
    if (!answer.provisional || finishing_ >= kMostFinishing || stopped_) continue;
    InferenceJob alone = job;
    for (engine::Tensor& input : alone.inputs) input = input.rows(static_cast<std::int64_t>(row), 1);
    ++finishing_;
    asio::co_spawn(service_.io(),
                   finish(entry.parts->options.name, std::move(alone), answer, answered.ids[row]),
                   [](std::exception_ptr error) {
                     if (error) std::rethrow_exception(error);
                   });
  }
}

asio::awaitable<void> Routing::finish(std::string name, InferenceJob job, RowAnswer low,
                                      memory::EpisodeId id) {
  const std::vector<std::string>& labels = job.served.model->labels;
  json::object object{{"model", name}, {"episode", id}};
  try {
    auto waiting =
        service_.turn(service_.model(name).parts->options.planner, Urgency{.priority = Priority::background});
    const InferenceQueue::Turn turn = co_await std::move(waiting);
    job.stop = finishing_until_.get_token();
    auto work = [&job, &low] { return ask_high(job, low); };
    const HighAnswer high = co_await run_on(service_.compute(), std::move(work));
    models_.at(name)->ran_planner(high.time);
    const auto& decision = high.decision;
    finished_.put({id, labels.at(decision.predicted), decision.confidence,
                   decision.predicted == low.decision.predicted});
    object["label"] = labels.at(decision.predicted);
    object["confidence"] = rounded(double{decision.confidence});
    object["route"] = word(decision.route);
  } catch (const Failure& failure) {
    object["error"] = failure.error().context;
  }
  --finishing_;
  service_.events().publish(json::serialize(object), "answer");
}

std::optional<std::chrono::steady_clock::time_point> Routing::planner_by(const Entry& entry) const {
  const auto& budget = service_.options().hrm.latency_budget;
  const Model* const model = find(entry);
  if (!budget || !model) return std::nullopt;
  return std::chrono::steady_clock::now() + *budget - model->planner.quantile(0.95);
}

void Routing::draw(Model& model, const InferenceJob& job, const Answered& answered, std::size_t row) {
  const HrmOptions& options = service_.options().hrm;
  if (!model.gated && !model.trace) return;
  const bool strict = model.gated && model.gate.judge()->rule == hrm::Judge::Rule::strict;
  const double share = strict ? std::max(options.audit, kStrictAudit) : options.audit;
  if (static_cast<double>(random_() >> 11) * 0x1p-53 >= share) return;
  const std::size_t bytes = bytes_of(job.inputs);
  if (model.pending.size() >= kMostPending || model.pending_bytes + bytes > kMostBytes) {
    ++model.skipped;
    return;
  }
  Pending audit{answered.ids[row], answered.result.rows[row], job, answered.labels, bytes};
  for (engine::Tensor& input : audit.job.inputs) input = input.rows(static_cast<std::int64_t>(row), 1);
  if (audit.low.decision.route == hrm::Route::high)
    audit.high = HighAnswer{audit.low.decision, audit.low.high_time};
  model.pending_bytes += bytes;
  model.pending.push_back(std::move(audit));
}

void Routing::taught(const std::string& name, const RowAnswer& answer, bool right) {
  const auto found = models_.find(name);
  if (found == models_.end()) return;
  found->second->gate.teach(answer.signals, right);
  found->second->changed = true;
}

void Routing::make_way() {
  if (computing_ && computing_->interrupted < kPatience) auditing_.request_stop();
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
  Urgency urgency{.priority = Priority::background};
  auto waiting = service_.turn(service_.model(name).parts->options.planner, std::move(urgency));
  std::optional<HighAnswer> high;
  bool failed = false;
  try {
    const InferenceQueue::Turn turn = co_await std::move(waiting);
    auto work = [job = next->job, low = next->low, stop = auditing_.get_token()]() mutable {
      job.stop = stop;
      return ask_high(job, low);
    };
    high = co_await run_on(service_.compute(), std::move(work));
  } catch (const Failure& failure) {
    failed = failure.error().code != Errc::expired;
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
  there->interrupted += !there->high && !failed;
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

void Routing::drop_pending(Model& model) {
  model.pending.clear();
  model.pending_bytes = 0;
  computing_ = nullptr;
  auditing_.request_stop();
}

void Routing::forget(std::span<const memory::EpisodeId> ids) {
  for (const memory::EpisodeId id : ids) {
    verdicts_.erase(id);
    finished_.erase(id);
    for (auto& [name, model] : models_) {
      const auto found = std::ranges::find(model->pending, id, &Pending::id);
      if (found == model->pending.end()) continue;
      model->pending_bytes -= found->bytes;
      model->pending.erase(found);
      computing_ = nullptr;  // it may have moved
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
    verdicts_.put(
        {audit.id, audit.labels.at(audit.high->decision.predicted), audit.high->decision.confidence, !wrong});
    if (model.trace) record(model, audit);
  }
  const auto event = model.gate.audited(audit.low.signals, wrong);
  if (event == hrm::AuditedGate::Event::none || !model.gated) return;
  if (event != hrm::AuditedGate::Event::certified) {  // what was drawn before the alarm is no audit since
    drop_pending(model);
  }
  announce(name, model, event);
  save(name, model);
}

void Routing::announce(const std::string& name, const Model& model, hrm::AuditedGate::Event event) {
  using Event = hrm::AuditedGate::Event;
  const hrm::Standing standing = model.gate.standing();
  const std::string_view what = event == Event::certified ? "certified"
                                : event == Event::alarm   ? "alarm"
                                                          : "given_up";
  const std::string_view text =
      event == Event::certified ? "its gate is certified"
      : event == Event::alarm
          ? "audits show more errors than promised: nothing is accepted until a gate is certified anew"
          : "the last audits certify no gate: nothing is accepted until some do";
  log(event == Event::certified ? Level::info : Level::warning, "model " + name + ": " + std::string(text));
  json::object object{{"model", name}, {"event", what}, {"audits", standing.audits}};
  if (standing.certificate) {
    object["bound"] = rounded(standing.certificate->bound);
    object["threshold"] = rounded(double{*standing.certificate->threshold});
  }
  service_.events().publish(json::serialize(object), "router");
}

void Routing::record(Model& model, const Pending& audit) {
  hrm::RecordedRequest request{.signals = audit.low.signals,
                               .low = audit.labels.at(audit.low.executor.predicted),
                               .high = audit.labels.at(audit.high->decision.predicted),
                               .low_us = microseconds(audit.low.low_time),
                               .high_us = microseconds(audit.high->time)};
  asio::post(service_.storage(), [&trace = *model.trace, request = std::move(request)] {
    try {
      trace.write(request);
    } catch (const Failure& failure) {
      log(Level::warning, "a request was not recorded: " + failure.error().context);
    }
  });
}

void Routing::save(const std::string& name, Model& model) {
  model.changed = false;
  model.saved = service_.clock().now();
  asio::post(service_.storage(), [path = file(name), saved = SavedGate{model.models, model.gate.save()}] {
    try {
      write_gate(path, saved);
    } catch (const Failure& failure) {
      log(Level::warning, "routing was not saved: " + failure.error().context);
    }
  });
}

void Routing::save_all() {
  for (auto& [name, model] : models_)
    if (model->changed) save(name, *model);
}

void Routing::reset(const std::string& name) {
  const auto found = models_.find(name);
  if (found == models_.end())
    throw Failure(Errc::conflict, "model '" + name + "' has no planner, so there is no routing to reset");
  Model& model = *found->second;
  model.gate = hrm::AuditedGate(model.gate.promise());
  drop_pending(model);
  model.skipped = model.disagreed = model.audited = 0;
  save(name, model);
}

void Routing::reconfigure() {
  const HrmOptions& options = service_.options().hrm;
  for (auto& [name, model] : models_) {
    hrm::AuditedGate gate(options.promise());
    gate.restore(model->gate.save());
    model->gate = std::move(gate);
    model->gated = options.target_error.has_value();
  }
}

void Routing::stop() {
  stopped_ = true;
  auditing_.request_stop();
  finishing_until_.request_stop();
}

bool Routing::awaits(memory::EpisodeId id) const {
  return std::ranges::any_of(models_, [id](const auto& item) {
    return std::ranges::find(item.second->pending, id, &Pending::id) != item.second->pending.end();
  });
}

namespace {

json::object path_status(const Histogram& times, std::uint64_t all) {
  return {{"share", rounded(static_cast<double>(times.count()) / static_cast<double>(all))},
          {"p50_us", microseconds(times.quantile(0.5))},
          {"p95_us", microseconds(times.quantile(0.95))}};
}

json::object gate_status(const hrm::AuditedGate& gate) {
  const hrm::Standing standing = gate.standing();
  json::object object{{"rule", word(standing.rule)},
                      {"target_error", gate.promise().target_error},
                      {"delta", gate.promise().delta},
                      {"certified", standing.certificate.has_value()}};
  if (const auto& certificate = standing.certificate) {
    object["bound"] = rounded(certificate->bound);
    object["threshold"] = rounded(double{*certificate->threshold});
    object["certificate"] = json::object{{"audits", certificate->audits},
                                         {"accepted", certificate->accepted},
                                         {"errors", certificate->errors}};
  }
  object["next"] = json::object{{"stage", standing.learning ? "learning" : "testing"},
                                {"audits", standing.gathered},
                                {"needed", standing.needed}};
  object["alarm"] = rounded(standing.alarm);
  object["alarms"] = standing.alarms;
  return object;
}

}  // namespace

std::optional<json::object> Routing::status(const Entry& entry) const {
  const Model* const model = find(entry);
  if (!model) return std::nullopt;
  json::object object = model->gated ? gate_status(model->gate) : json::object{{"rule", "fixed"}};
  object["audits"] = json::object{{"counted", model->gate.standing().audits},
                                  {"disagreed", model->disagreed},
                                  {"since_start", model->audited},
                                  {"waiting", model->pending.size()},
                                  {"skipped", model->skipped}};
  std::uint64_t all = 0;
  for (const Histogram& times : model->times) all += times.count();
  if (all == 0) return object;
  json::object paths;
  for (const hrm::Route route : {hrm::Route::low, hrm::Route::hybrid, hrm::Route::high})
    if (const Histogram& times = model->times[static_cast<std::size_t>(route)]; times.count() > 0)
      paths[word(route)] = path_status(times, all);
  object["paths"] = std::move(paths);
  if (model->planner_runs == 0) return object;
  const double compute = model->compute(model->low_us + model->high_us);
  object["compute"] = rounded(compute);
  object["saved"] = rounded(1 - compute);
  object["audit_compute"] = rounded(model->compute(model->audits_us));
  return object;
}

}  // namespace dormouse::daemon

#include "daemon/service/routing.h"

#include <boost/asio/post.hpp>

#include "config/log.h"
#include "daemon/service/routed_model.h"
#include "daemon/service/service.h"
#include "daemon/service/unfinished.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kVerdicts = 512;  // that `why` can tell of

std::unique_ptr<hrm::TraceWriter> open_trace(const HrmOptions& options, const std::string& model) {
  auto trace =
      std::make_unique<hrm::TraceWriter>(*options.trace / (model + ".jsonl"), options.trace_limit.count);
  try {
    trace->open();
  } catch (const Failure& failure) {
    throw complaint(options.said, "trace", failure.error().context);
  }
  return trace;
}

RoutedModels routed(const Served& low, const Served& planner) {
  return {low.model->version, planner.model->version, low.model->labels.size(), labels_of(planner).size()};
}

}  // namespace

Routing::Routing(Service& service)
    : service_(service), verdicts_(kVerdicts), finished_(kVerdicts), random_(std::random_device{}()) {
  for (const auto& [name, entry] : service_.models()) {
    if (!entry.parts->learnable || entry.parts->options.planner.empty()) continue;
    auto& model = models_[name];
    const HrmOptions& options = service_.options().hrm;
    model = std::make_unique<Model>(options.promise(), options.target_error.has_value());
    if (options.trace) model->trace = open_trace(options, name);
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
  const RoutedModels now = routed(entry.served, service_.model(entry.parts->options.planner).served);
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
  // The gate has begun anew for others since, which it is not to learn of from these.
  const bool current = routed(job.served, *job.planner) == model.models;
  Unfinished left;
  for (std::size_t row = 0; row < answered.result.rows.size(); ++row) {
    const RowAnswer& answer = answered.result.rows[row];
    model.times[static_cast<std::size_t>(answer.decision.route)].observe(answer.low_time + answer.high_time);
    ++model.put_off[static_cast<std::size_t>(answer.pressure.put_off)];
    model.low_us += microseconds(answer.low_time);
    model.high_us += microseconds(answer.high_time);
    const bool unfinished = answer.plan && answer.provisional;  // it is when it is finished
    if (answer.high_time.count() > 0 && !unfinished) model.ran_planner(answer.high_time);
    if (current)
      if (const auto doubts = draw(entry.parts->options.name, model, job, answer))
        keep_for_audit(model, job, answered, row, *doubts);
    if (!answer.provisional) continue;
    if (auto why = begin_to_finish(entry, job, answer, answered.ids[row], row))
      left.add(answered.ids[row], std::move(*why));
  }
  announce_unfinished(service_.events(), entry.parts->options.name, left);
}

std::optional<std::chrono::steady_clock::time_point> Routing::planner_by(const Entry& entry) const {
  const auto& budget = service_.options().hrm.latency_budget;
  const Model* const model = find(entry);
  if (!budget || !model) return std::nullopt;
  return std::chrono::steady_clock::now() + *budget - model->planner.quantile(0.95);
}

void Routing::taught(const std::string& name, const RowAnswer& answer, bool right) {
  const auto found = models_.find(name);
  if (found == models_.end()) return;
  found->second->gate.teach(answer.signals, right);
  found->second->changed = true;
}

void Routing::told(const std::string& name, memory::EpisodeId id, const std::string& label) {
  const auto found = models_.find(name);
  if (found == models_.end() || !found->second->trace) return;
  trace(*found->second, [id, label](hrm::TraceWriter& writer) { writer.write_truth(id, label); });
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
  for (auto& [id, source] : finishing_) source.request_stop();
}

}  // namespace dormouse::daemon

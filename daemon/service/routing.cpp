#include "daemon/service/routing.h"

#include <boost/asio/post.hpp>

#include "config/log.h"
#include "daemon/service/routed_model.h"
#include "daemon/service/service.h"
#include "daemon/service/unfinished.h"
#include "drivers/digest.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kVerdicts = 512;  // that `why` can tell of

RoutedModels routed(const Served& low, const Served& planner) {
  return {low.model->version, planner.model->version, low.model->labels.size(), labels_of(planner).size()};
}

/// SavedGate::shipped. `neighbours` are of the signals; how memory is mixed in decides what a planner that
/// does not know every class comes to.
std::string shipped(const ModelParts& low, const ModelParts& planner, const HrmOptions& options) {
  drivers::Digester digest(drivers::Digester::kOpen);
  for (const ModelParts* const parts : {&low, &planner}) {
    digest.add(parts->options.name);
    digest.add(parts->identity);
  }
  digest.add(std::uint64_t{options.neighbours});
  for (const float share : {options.mixing.value_or(-1.0f), options.temperature.value_or(-1.0f)})
    digest.add(std::as_bytes(std::span(&share, 1)));
  return digest.finish().hex();
}

/// Whether audits are anything that this model has.
bool is_routed(const ModelParts& parts) { return parts.learnable && !parts.options.planner.empty(); }

}  // namespace

std::unique_ptr<hrm::TraceWriter> trace_of(const ModelParts& parts, const HrmOptions& options, bool dry) {
  if (!options.trace || !is_routed(parts)) return nullptr;
  auto trace = std::make_unique<hrm::TraceWriter>(*options.trace / (parts.options.name + ".jsonl"),
                                                  options.trace_limit.count);
  try {
    dry ? trace->check() : trace->open();
  } catch (const Failure& failure) {
    throw complaint(options.said, "trace", failure.error().context);
  }
  return trace;
}

Routing::Routing(Service& service)
    : service_(service), verdicts_(kVerdicts), finished_(kVerdicts), random_(std::random_device{}()) {
  for (const auto& [name, entry] : service_.models()) {
    if (!is_routed(*entry.parts)) continue;
    auto& model = models_[name];
    const HrmOptions& options = service_.options().hrm;
    model = std::make_unique<Model>(options.promise(), options.target_error.has_value());
    model->trace = trace_of(*entry.parts, options);
    model->shipped = shipped(*entry.parts, *service_.model(entry.parts->options.planner).parts, options);
    restore(name, *model);
  }
  heed_models();
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
    if (saved->shipped == model.shipped) model.models = saved->models;
  } catch (const Failure& failure) {
    set_aside(file(name), failure.error().context);
  }
}

Routing::Model* Routing::find(const Entry& entry) const {
  const auto found = models_.find(entry.parts->options.name);
  return found == models_.end() ? nullptr : found->second.get();
}

bool Routing::follows(const Entry& entry) const { return find(entry) != nullptr; }

std::shared_ptr<const hrm::Judge> Routing::judge(const Entry& entry) const {
  const Model* const model = find(entry);
  return model && model->gated ? model->gate.judge() : nullptr;
}

void Routing::heed_models() {
  for (auto& [name, model] : models_) {
    const Entry& entry = service_.model(name);
    const RoutedModels now = routed(entry.served, service_.model(entry.parts->options.planner).served);
    if (model->models == now) continue;
    const bool ends = model->gated && model->gate.judge()->rule != hrm::Judge::Rule::fixed;
    model->models = now;
    model->gate.begin_anew();
    drop_pending(*model);
    model->changed = true;
    if (ends)
      log(Level::info, "model " + name +
                           ": its gate begins anew: versions, labels, files or options are in service that "
                           "it is not about");
  }
}

void Routing::answered(const Entry& entry, const InferenceJob& job, const Answered& answered) {
  Model& model = *find(entry);
  // The gate has begun anew for others since, which it is not to learn of from these.
  const bool current = routed(job.served, *job.planner) == model.models;
  Unfinished left;
  std::vector<Draw> drawn;
  for (std::size_t row = 0; row < answered.result.rows.size(); ++row) {
    const RowAnswer& answer = answered.result.rows[row];
    model.times[static_cast<std::size_t>(answer.decision.route)].observe(answer.low_time + answer.high_time);
    ++model.put_off[static_cast<std::size_t>(answer.pressure.put_off)];
    model.low_us += microseconds(answer.low_time);
    model.high_us += microseconds(answer.high_time);
    const bool unfinished = answer.plan && answer.provisional;  // it is when it is finished
    if (answer.high_time.count() > 0 && !unfinished) model.ran_planner(answer.high_time);
    if (current) draw(entry.parts->options.name, model, job, answer, row, drawn);
    if (!answer.provisional) continue;
    if (auto why = begin_to_finish(entry, job, answer, answered.ids[row], row))
      left.add(answered.ids[row], std::move(*why));
  }
  keep_for_audit(model, job, answered, std::move(drawn));
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
  asio::post(service_.storage(),
             [path = file(name), saved = SavedGate{model.shipped, model.models, model.gate.save()}] {
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
    const Entry& entry = service_.model(name);
    std::string now = shipped(*entry.parts, *service_.model(entry.parts->options.planner).parts, options);
    if (model->shipped != now) model->models = RoutedModels();
    model->shipped = std::move(now);
    hrm::AuditedGate gate(options.promise());
    gate.restore(model->gate.save());
    model->gate = std::move(gate);
    model->gated = options.target_error.has_value();
  }
  heed_models();
}

void Routing::stop() {
  stopped_ = true;
  auditing_.request_stop();
  for (auto& [id, source] : finishing_) source.request_stop();
}

}  // namespace dormouse::daemon

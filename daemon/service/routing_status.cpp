#include "daemon/service/describe.h"
#include "daemon/service/routed_model.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {

namespace json = boost::json;

namespace {

constexpr std::array kRoutes{hrm::Route::low, hrm::Route::hybrid, hrm::Route::high, hrm::Route::abstain};

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
  const std::uint64_t all = model->answers();
  if (all == 0) return object;
  object["put_off"] = describe(model->put_off);
  json::object paths;
  for (const hrm::Route route : kRoutes)
    if (const Histogram& times = model->times[static_cast<std::size_t>(route)]; times.count() > 0)
      paths[word(route)] = path_status(times, all);
  object["paths"] = std::move(paths);
  if (model->planner_runs == 0) return object;
  object["compute"] = rounded(1 - model->share_saved());
  object["saved"] = rounded(model->share_saved());
  object["audit_compute"] = rounded(model->compute(model->audits_us));
  return object;
}

void Routing::measure(Metrics& metrics) const {
  struct Figure {
    const char* name;
    const char* help;
    double (*read)(const Model&);
  };
  static constexpr std::array kFigures{
      Figure{"routing_audits_total", "Requests that both models answered since the start",
             [](const Model& model) { return static_cast<double>(model.audited); }},
      Figure{"routing_audits_disagreed_total", "Of them, those where the planner said otherwise",
             [](const Model& model) { return static_cast<double>(model.disagreed); }},
      Figure{"routing_audits_skipped_total", "Requests drawn while too many waited to be audited",
             [](const Model& model) { return static_cast<double>(model.skipped); }},
      Figure{"routing_put_off_total", "Answers that are provisional for want of time, or as too many waited",
             [](const Model& model) { return static_cast<double>(total(model.put_off)); }},
      Figure{"routing_alarms_total", "Alarms that ended a certificate",
             [](const Model& model) { return static_cast<double>(model.gate.standing().alarms); }},
      Figure{"routing_certified", "1 while a certified gate decides",
             [](const Model& model) { return model.gate.standing().certificate ? 1.0 : 0.0; }},
      Figure{"routing_error_bound", "Of the errors of what the gate accepts, NaN while none is certified",
             [](const Model& model) {
               const hrm::Standing standing = model.gate.standing();
               return standing.certificate ? standing.certificate->bound : std::nan("");
             }},
      Figure{"routing_error_target", "What was promised of it",
             [](const Model& model) { return model.gate.promise().target_error; }},
      Figure{"routing_compute_saved_ratio", "Of the time that the planner alone would have taken",
             [](const Model& model) { return model.share_saved(); }},
  };
  for (const auto& [name, model] : models_) {
    for (const hrm::Route route : kRoutes)
      metrics.measured("routing_answers_total", "Answers by path",
                       [&times = model->times[static_cast<std::size_t>(route)]] {
                         return static_cast<double>(times.count());
                       },
                       {{"model", name}, {"path", std::string(word(route))}});
    for (const Figure& figure : kFigures)
      metrics.measured(figure.name, figure.help,
                       [&model = *model, read = figure.read] { return read(model); }, {{"model", name}});
  }
}

}  // namespace dormouse::daemon

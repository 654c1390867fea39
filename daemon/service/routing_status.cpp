#include "daemon/service/describe.h"
#include "daemon/service/routed_model.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {

namespace json = boost::json;

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

#include "learning/sleep_report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

namespace dormouse::learning {
namespace {

namespace json = boost::json;

json::object to_json(const GuardRow& row) {
  return {{"examples", row.examples}, {"before", row.before()}, {"awake", row.awake()},
          {"after", row.after()},     {"lost", row.lost},       {"gained", row.gained},
          {"p_value", row.p_value},   {"fell", row.fell}};
}

json::object to_json(const PrivacyReport& report) {
  const PrivacyOptions& options = report.options;
  const double spent = report.total().epsilon(options.delta);
  return {
      {"epsilon", options.epsilon},
      {"delta", options.delta},
      {"clip", options.clip},
      {"noise", options.noise},
      {"sampling_rate", report.rate},
      {"steps", report.steps},
      {"spent_tonight", report.tonight().epsilon(options.delta)},
      {"spent", spent},
      {"left", std::max(0.0, options.epsilon - spent)},
      {"unit", "one labelled episode, added or removed"},
      {"covers", "slow weights and Fisher information, of nights since this was turned on"},
      {"assumption",
       "seed examples, the number of episodes and the names of classes are public; fast weights, held-out "
       "checks, temperature and arbiter are not covered"}};
}

json::value to_json(const std::optional<KernelReport>& kernel) {
  if (!kernel) return nullptr;
  return json::object{
      {"examples", kernel->examples},
      {"weights", {{"network", kernel->network_weight}, {"kernel", kernel->kernel_weight}}},
      {"right",
       {{"network", kernel->network_right}, {"kernel", kernel->kernel_right}, {"together", kernel->right}}}};
}

template <class... T>
std::string format(const char* pattern, T... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string table_row(const std::string& name, const GuardRow& row) {
  if (row.examples == 0) return format("  %-20.40s no held-out examples\n", name.c_str());
  return format("  %-20.40s %6.1f%% %6.1f%% %6.1f%%  of %zu%s\n", name.c_str(), 100 * row.before(),
                100 * row.awake(), 100 * row.after(), row.examples, row.fell ? "  fell" : "");
}

/// "computed by xnnpack 71%, …"
std::string shares(const std::map<std::string, double>& seconds) {
  double total = 0;
  for (const auto& [driver, spent] : seconds) total += spent;
  std::string text;
  for (const auto& [driver, spent] : seconds)
    text += format("%s%s %.0f%%", text.empty() ? "  computed by " : ", ", driver.c_str(),
                   100 * spent / std::max(total, 1e-12));
  return text.empty() ? text : text + "\n";
}

std::string privacy_row(const PrivacyReport& report) {
  const PrivacyOptions& options = report.options;
  return format(
      "  privacy: epsilon %.3g tonight, %.3g of %.3g in all, at delta %.1g for one labelled episode\n",
      report.tonight().epsilon(options.delta), report.total().epsilon(options.delta), options.epsilon,
      options.delta);
}

}  // namespace

std::string_view word(Stage stage) {
  switch (stage) {
    case Stage::select:
      return "select";
    case Stage::rehearse:
      return "rehearse";
    case Stage::fit:
      return "fit";
    case Stage::dream_check:
      return "dream check";
    case Stage::consolidate:
      return "consolidate";
    case Stage::tidy:
      return "tidy";
    case Stage::commit:
      return "commit";
    case Stage::done:
      return "done";
  }
  return "done";
}

json::object to_json(const SleepReport& report) {
  json::array classes, loss, notes(report.notes.begin(), report.notes.end());
  for (std::size_t c = 0; c < report.verdict.classes.size(); ++c) {
    json::object row = to_json(report.verdict.classes[c]);
    row["label"] = report.labels[c];
    if (c < report.verdict.core.size() && report.verdict.core[c].examples > 0)
      row["core"] = to_json(report.verdict.core[c]);
    classes.push_back(std::move(row));
  }
  for (const auto& [step, value] : report.loss) loss.push_back({step, value});
  json::object stages;
  for (const auto& [stage, seconds] : report.stage_seconds) stages[word(stage)] = seconds;
  json::object drivers;
  for (const auto& [driver, seconds] : report.driver_seconds) drivers[driver] = seconds;
  json::object all{
      {"id", report.id},
      {"model", report.model},
      {"strategy", report.strategy},
      {"seed", report.seed},
      {"accepted", report.verdict.accepted},
      {"reason", report.verdict.reason},
      {"stopped", report.stopped},
      {"slow_classes_before", report.slow_classes_before},
      {"classes", std::move(classes)},
      {"all", to_json(report.verdict.all)},
      {"loss", std::move(loss)},
      {"steps", report.steps},
      {"replayed", report.replayed},
      {"taught", report.taught},
      {"self_labelled", report.self_labelled},
      {"heldout", report.heldout},
      {"rate", report.rate},
      {"ewc_lambda", report.ewc_lambda},
      {"right_without_ewc",
       report.right_without_ewc ? json::value(*report.right_without_ewc) : json::value(nullptr)},
      {"temperature", {{"before", report.temperature_before}, {"after", report.temperature_after}}},
      {"kernel", to_json(report.kernel)},
      {"seconds", report.seconds},
      {"stages", std::move(stages)},
      {"drivers", std::move(drivers)},
      {"notes", std::move(notes)}};
  if (report.privacy) all["privacy"] = to_json(*report.privacy);
  return all;
}

std::string to_text(const SleepReport& report) {
  std::string text = format("sleep %s of %s: %s\n", report.id.c_str(), report.model.c_str(),
                            report.verdict.accepted ? "accepted" : "not accepted");
  text += "  " + report.verdict.reason + "\n";
  text += format("  %s: %zu steps on %zu replayed and %zu taught latents, %.1f s of work\n",
                 report.strategy.c_str(), report.steps, report.replayed, report.taught, report.seconds);
  if (report.self_labelled > 0)
    text += format("  %zu unlabelled episodes were rehearsed a little under the model's own answer\n",
                   report.self_labelled);
  if (!report.loss.empty())
    text += format("  loss %.3f to %.3f, rate %.4f, EWC lambda %.3g, temperature %.2f to %.2f\n",
                   static_cast<double>(report.loss.front().second),
                   static_cast<double>(report.loss.back().second), static_cast<double>(report.rate),
                   static_cast<double>(report.ewc_lambda), static_cast<double>(report.temperature_before),
                   static_cast<double>(report.temperature_after));
  text += shares(report.driver_seconds);
  if (report.right_without_ewc)
    text += format("  control without EWC: %.1f%% of the held-out, %.1f%% with it\n",
                   100 * *report.right_without_ewc,
                   100 * (report.kernel ? report.kernel->network_right : report.verdict.all.after()));
  if (report.kernel)
    text += format(
        "  kernel head of %zu examples: %.1f%% of the held-out, network %.1f%%, together %.1f%%%s\n",
        report.kernel->examples, 100 * report.kernel->kernel_right, 100 * report.kernel->network_right,
        100 * report.kernel->right, report.kernel->kernel_weight > 0 ? "" : "; without weight, dropped");
  if (!report.verdict.classes.empty()) {
    text += format("  %-20s %7s %7s %7s  held-out accuracy\n", "class", "before", "awake", "after");
    for (std::size_t c = 0; c < report.verdict.classes.size(); ++c)
      text += table_row(report.labels[c], report.verdict.classes[c]);
    text += table_row("all", report.verdict.all);
  }
  if (report.privacy) text += privacy_row(*report.privacy);
  for (const std::string& note : report.notes) text += "  " + note + "\n";
  return text;
}

}  // namespace dormouse::learning

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <thread>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"
#include "engine/formats/atomic_file.h"

namespace dormouse::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Option kNowOptions[] = {
    {"model", "NAME", "this model (else the one with most new labels)"},
    {"budget", "TIME", "stop after this long, like 10min"},
    {"strategy", "WORD",
     "how to learn: replay+ewc, replay, ewc, si, lwf, ace, der++, ace+der++, gdumb, slda, ridge; to compare: "
     "finetune, joint (default: sleep.strategy)"},
    {"trial", "", "keep the result for inspection, do not use it"},
    {"detach", "", "do not wait for the end"}};

constexpr Option kReportOptions[] = {{"html", "FILE", "write a page to look at instead"}};

bool running(const boost::json::value& sleep) {
  const std::string state = cell(sleep, "state");
  return state == "queued" || state == "running";
}

/// The sleep's record once it is over; says on stderr which stage it is in.
std::string wait_for(HttpClient& client, const std::string& target) {
  std::string stage;
  for (;;) {
    std::string body = ask_text(client, get(target));
    const boost::json::value sleep = parse_json(body);
    if (!running(sleep)) return body;
    const std::string now = cell(sleep, "stage");
    if (now != std::exchange(stage, now) && now != "–") std::cerr << now << " …\n";
    std::this_thread::sleep_for(100ms);
  }
}

/// "▇▅▃▂▁": how the loss fell, on at most 40 columns.
std::string sparkline(const boost::json::array& points) {
  static constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::vector<double> values;
  for (const auto& point : points)
    if (const auto* pair = point.if_array(); pair && pair->size() == 2)
      values.push_back(pair->at(1).to_number<double>());
  if (values.empty()) return "";
  const auto [low, high] = std::ranges::minmax(values);
  const std::size_t step = values.size() / 40 + 1;
  std::string line;
  for (std::size_t i = 0; i < values.size(); i += step)
    line += kBars[high > low ? static_cast<std::size_t>(7 * (values[i] - low) / (high - low)) : 0];
  return line;
}

/// What EWC was worth: the same night with λ = 0.
std::string control_text(const boost::json::object& report) {
  const auto* without = report.if_contains("right_without_ewc");
  if (!without || !without->is_number()) return "";
  const auto* all = report.if_contains("all");
  return "control   " + cell(*without) + " of the held-out right with λ = 0" +
         (all ? ", " + cell(*all, "after") + " with λ" : "") + "\n";
}

/// Shares of rehearsal's time, "xnnpack 71%, reference 20%, other 9%".
std::string drivers_text(const boost::json::object& report) {
  const auto* drivers = report.if_contains("drivers");
  if (!drivers || !drivers->is_object() || drivers->get_object().empty()) return "";
  double total = 0;
  for (const auto& [name, seconds] : drivers->get_object()) total += seconds.to_number<double>();
  std::string text;
  for (const auto& [name, seconds] : drivers->get_object())
    text += (text.empty() ? "computed  " : ", ") + std::string(name) + " " +
            std::to_string(std::lround(100 * seconds.to_number<double>() / std::max(total, 1e-12))) + "%";
  return text + "\n";
}

std::string night_text(const boost::json::object& sleep, const boost::json::object& report) {
  const std::string state = cell(sleep, "state");
  std::string text = "sleep " + cell(sleep, "sleep") + " of " + cell(sleep, "model") + ": " +
                     paint(state == "accepted" ? Tone::good : Tone::bad, state) + ", " +
                     cell(report, "reason") + "\n\n";
  Table table({"class", "held out", "before", "after", "lost", "gained", "p"});
  if (const auto* classes = report.if_contains("classes"); classes && classes->is_array())
    for (const auto& row : classes->get_array())
      table.add({cell(row, "label"), cell(row, "examples"), cell(row, "before"), cell(row, "after"),
                 cell(row, "lost"), cell(row, "gained"), cell(row, "p_value")});
  text += table.text() + "\n";
  if (const auto* loss = report.if_contains("loss"); loss && loss->is_array() && !loss->get_array().empty())
    text += "loss      " + sparkline(loss->get_array()) + "  " + cell(loss->get_array().front().at(1)) +
            " to " + cell(loss->get_array().back().at(1)) + " in " + cell(report, "steps") + " steps\n";
  text += "rehearsed " + cell(report, "replayed") + " latents of the seed, " + cell(report, "taught") +
          " taught episodes; " + cell(report, "seconds") + " s, strategy " + cell(report, "strategy") +
          ", EWC λ " + cell(report, "ewc_lambda") + "\n";
  text += control_text(report) + drivers_text(report);
  if (const auto* energy = report.if_contains("energy"); energy && energy->is_object())
    text += "energy    " + cell(*energy, "joules") + " J (" + cell(*energy, "source") + ")\n";
  if (const auto* memory = report.if_contains("memory"); memory && memory->is_object())
    text += "memory    " + cell(*memory, "episodes") + " episodes, " + cell(*memory, "concepts") +
            " concepts, " + cell(*memory, "forgotten") + " forgotten in this night\n";
  if (const auto* why = sleep.if_contains("rolled_back")) text += "rolled back since: " + cell(*why) + "\n";
  return text;
}

int show(const Arguments& arguments, const std::string& body) {
  const boost::json::value sleep = parse_json(body);
  if (arguments.json())
    std::cout << body << "\n";
  else if (const auto* report = sleep.get_object().if_contains("report"); report && report->is_object())
    std::cout << night_text(sleep.get_object(), report->get_object());
  else
    std::cout << readable(sleep);
  return cell(sleep, "state") == "failed" ? kFailed : kOk;
}

int now(const Arguments& arguments) {
  boost::json::object json;
  if (const auto model = arguments.value("model")) json["model"] = *model;
  if (const auto budget = arguments.value("budget")) json["budget"] = *budget;
  if (const auto strategy = arguments.value("strategy")) json["strategy"] = *strategy;
  if (arguments.flag("trial")) json["trial"] = true;
  HttpClient client(arguments.admin_socket());
  const std::string started = ask_text(client, post("/v1/sleep", boost::json::serialize(json)));
  if (arguments.flag("detach")) return show(arguments, started);
  return show(arguments, wait_for(client, "/v1/sleeps/" + cell(parse_json(started), "sleep")));
}

int stop(const Arguments& arguments) {
  HttpClient client(arguments.admin_socket());
  const std::string stopping = ask_text(client, post("/v1/sleep/stop", "{}"));
  return show(arguments, wait_for(client, "/v1/sleeps/" + cell(parse_json(stopping), "sleep")));
}

int status(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  const boost::json::value sleep = ask(client, get("/v1/status")).at("sleep");
  if (arguments.json())
    std::cout << boost::json::serialize(sleep) << "\n";
  else
    std::cout << sleep_line(sleep);
  return kOk;
}

/// The ID that was asked for, else the last sleep's.
std::string which_sleep(HttpClient& client, const Arguments& arguments) {
  if (!arguments.positional().empty()) return percent_encode(arguments.positional()[0]);
  const boost::json::value sleeps = ask(client, get("/v1/sleeps"));
  if (!sleeps.is_array() || sleeps.get_array().empty())
    throw Failure(Errc::not_found, "the daemon has not slept yet");
  return cell(sleeps.get_array().front(), "sleep");
}

int report(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  const std::string target = "/v1/sleeps/" + which_sleep(client, arguments);
  const auto file = arguments.value("html");
  if (!file) return show(arguments, ask_text(client, get(target)));
  engine::write_file(*file, ask_text(client, get(target + "?format=html")));
  std::cout << *file << "\n";
  return kOk;
}

}  // namespace

extern const Verb sleep_now_verb{
    .name = "sleep now",
    .group = "learn",
    .summary = "consolidate what was taught, and show what came of it",
    .arguments = "[--model NAME] [--budget TIME] [--strategy WORD] [--detach] [--trial]",
    .example = "dormouse sleep now --model digits --budget 10min",
    .options = kNowOptions,
    .run = now};

extern const Verb sleep_stop_verb{.name = "sleep stop",
                                  .group = "learn",
                                  .summary = "end the running sleep; what it learnt is dropped",
                                  .arguments = "",
                                  .example = "dormouse sleep stop",
                                  .options = {},
                                  .run = stop};

extern const Verb sleep_status_verb{.name = "sleep status",
                                    .group = "learn",
                                    .summary = "say how far a sleep is, or why none begins",
                                    .arguments = "",
                                    .example = "dormouse sleep status",
                                    .options = {},
                                    .run = status};

extern const Verb sleep_report_verb{
    .name = "sleep report",
    .group = "learn",
    .summary = "say what a sleep changed and why (the last one without an ID)",
    .arguments = "[ID] [--html FILE]",
    .words = 1,
    .example = "dormouse sleep report --html night.html",
    .options = kReportOptions,
    .run = report};

}  // namespace dormouse::daemon

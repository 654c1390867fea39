#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "config/error.h"
#include "config/text.h"
#include "daemon/report/html.h"
#include "daemon/report/route_curve.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"
#include "engine/formats/atomic_file.h"
#include "hrm/trace.h"

namespace dormouse::daemon {
namespace {

constexpr Option kOptions[] = {
    {"target-error", "E", "of the answers that the low model may give by itself (0.01)"},
    {"delta", "D", "how probable it may be that audits mislead, and more of them are wrong (0.05)"},
    {"audits", "N", "requests whose truth is known when the threshold is chosen (1000)"},
    {"splits", "N", "random splits into audits and requests to answer (1000)"},
    {"seed", "N", "of the splits (1)"},
    {"plot", "FILE.svg", "accuracy over compute as a picture"}};

double fraction(const Arguments& arguments, std::string_view name, double otherwise) {
  constexpr auto kFits = [](double share) { return share > 0 && share < 1; };
  return arguments.number(name, "a number between 0 and 1", kFits).value_or(otherwise);
}

std::size_t count(const Arguments& arguments, std::string_view name, std::int64_t otherwise) {
  const std::int64_t number = arguments.integer(name).value_or(otherwise);
  if (number >= 1 && number <= 1'000'000) return static_cast<std::size_t>(number);
  throw UsageError{"--" + std::string(name) + " must be between 1 and 1000000"};
}

hrm::ReplayOptions options_of(const Arguments& arguments) {
  hrm::ReplayOptions options;
  options.promise.target_error = fraction(arguments, "target-error", options.promise.target_error);
  options.promise.delta = fraction(arguments, "delta", options.promise.delta);
  options.audits = count(arguments, "audits", 1000);
  options.splits = count(arguments, "splits", 1000);
  options.seed = count(arguments, "seed", 1);
  return options;
}

/// What to say of a folder where a file is wanted.
std::string offer_of(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".jsonl") names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  const std::string begin = folder.string() + " is a folder";
  return names.empty() ? begin + " without a MODEL.jsonl"
                       : begin + "; of its traces give one: " + config::join(names);
}

hrm::Trace open_trace(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw Failure(Errc::invalid, offer_of(path));
  std::ifstream file(path);
  if (!file) throw Failure(Errc::not_found, path + ": " + std::generic_category().message(errno));
  return hrm::read_trace(file, path);
}

/// Throws Failure(invalid) saying what to do where `trace` has too few requests.
void check_length(const hrm::Trace& trace, const hrm::ReplayOptions& options, const std::string& path) {
  const std::size_t all = trace.requests.size(), tested = hrm::tested_of(all, options);
  if (options.audits < tested && tested < all) return;
  const std::string begin = path + ": " + std::to_string(all) + " requests are too few";
  if (tested < 2 || tested == all)
    throw Failure(Errc::invalid, begin + " to learn from some and audit others");
  throw Failure(Errc::invalid, begin + " for " + std::to_string(options.audits) +
                                   " audits, as the gate learns from the first " +
                                   std::to_string(all - tested) + ": give --audits N with N below " +
                                   std::to_string(tested));
}

boost::json::object to_json(const hrm::Outcome& outcome) {
  return {{"accepted", outcome.accepted},
          {"accepted_error", outcome.error},
          {"accuracy", outcome.accuracy},
          {"compute", outcome.compute}};
}

/// With the limits, at 95%, of how often the promise is broken.
boost::json::object to_json(const hrm::CertifiedOutcome& outcome, std::size_t splits) {
  boost::json::object json = to_json(outcome.mean);
  json["certified"] = double(outcome.certified) / double(splits);
  json["violated"] = double(outcome.violated) / double(splits);
  json["violated_interval"] = {hrm::lower_limit(outcome.violated, splits, 0.025),
                               hrm::upper_limit(outcome.violated, splits, 0.025)};
  return json;
}

boost::json::object to_json(const hrm::Replay& replay, const hrm::ReplayOptions& options,
                            const hrm::Trace& trace) {
  boost::json::object json{{"learnt", replay.learnt},
                           {"tested", replay.tested},
                           {"truth", trace.truths == trace.requests.size()},
                           {"truths", trace.truths}};
  json["gate"] = to_json(replay.gate, options.splits);
  json["confidence"] = to_json(replay.confidence, options.splits);
  json["always_low"] = to_json(replay.always_low);
  json["always_high"] = to_json(replay.always_high);
  json["random"] = to_json(replay.random);
  json["oracle"] = to_json(replay.oracle);
  boost::json::array curve;
  for (const hrm::Outcome& outcome : replay.gate_curve) curve.push_back(to_json(outcome));
  json["curve"] = std::move(curve);
  return json;
}

std::string percent(double share) { return figure(100 * share, 2) + " %"; }

void add(Table& table, const std::string& name, const hrm::Outcome& outcome) {
  table.add({name, percent(outcome.accepted), percent(outcome.error), percent(outcome.accuracy),
             percent(outcome.compute)});
}

/// What came of the promise, in a sentence.
std::string verdict(const std::string& name, const hrm::CertifiedOutcome& outcome,
                    const hrm::ReplayOptions& options) {
  const auto share = [&](std::size_t splits) { return percent(double(splits) / double(options.splits)); };
  return name + ": certified in " + share(outcome.certified) + " of the splits; accepted errors above " +
         percent(options.promise.target_error) + " in " + share(outcome.violated) + " (at most " +
         percent(options.promise.delta) + " promised; 95 % interval " +
         percent(hrm::lower_limit(outcome.violated, options.splits, 0.025)) + " to " +
         percent(hrm::upper_limit(outcome.violated, options.splits, 0.025)) + ")\n";
}

std::string right(const hrm::Trace& trace) {
  if (trace.truths == trace.requests.size()) return "what is true.";
  const std::string otherwise = "what the high model says";
  return trace.truths == 0 ? otherwise + "."
                           : "what people said of " + std::to_string(trace.truths) + ", of the others " +
                                 otherwise + "; nobody drew by lot of which they spoke.";
}

std::string to_text(const hrm::Replay& replay, const hrm::ReplayOptions& options, const hrm::Trace& trace) {
  Table table({"way", "low answers", "wrong of these", "accuracy", "compute"});
  add(table, "gate, certified", replay.gate.mean);
  add(table, "confidence, certified", replay.confidence.mean);
  add(table, "by lot, at equal cost", replay.random);
  add(table, "always low", replay.always_low);
  add(table, "always high", replay.always_high);
  add(table, "oracle", replay.oracle);
  Table curve({"gate, at threshold", "low answers", "wrong of these", "accuracy", "compute"});
  for (std::size_t i = 0; i < replay.gate_curve.size(); i += 5)
    add(curve, std::to_string(i + 1), replay.gate_curve[i]);
  return "The gate learnt from " + std::to_string(replay.learnt) + " requests; " +
         std::to_string(options.audits) + " of " + std::to_string(replay.tested) + " are audited, in " +
         std::to_string(options.splits) + " splits. Right is " + right(trace) + "\n\n" + table.text() + "\n" +
         verdict("gate", replay.gate, options) + verdict("confidence", replay.confidence, options) + "\n" +
         curve.text();
}

int run(const Arguments& arguments) {
  const hrm::ReplayOptions options = options_of(arguments);
  const std::string& path = arguments.positional(0, "TRACE.jsonl");
  const hrm::Trace trace = open_trace(path);
  check_length(trace, options, path);
  const hrm::Replay replay = hrm::replay(trace.requests, options);
  if (const auto plot = arguments.value("plot")) engine::write_file(*plot, route_curve(replay, path));
  std::cout << (arguments.json() ? boost::json::serialize(to_json(replay, options, trace)) + "\n"
                                 : to_text(replay, options, trace));
  return kOk;
}

}  // namespace

extern const Verb route_eval_verb{
    .name = "route-eval",
    .group = "learn",
    .summary = "how often a cheap model may answer alone, with a bound on its errors",
    .arguments = "TRACE.jsonl [--target-error E] [--delta D] [--plot FILE.svg]",
    .words = 1,
    .example = "dormouse route-eval traces/words.jsonl --target-error 0.02 --plot routes.svg",
    .options = kOptions,
    .run = run};

}  // namespace dormouse::daemon

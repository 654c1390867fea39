#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/bench_drivers.h"
#include "daemon/verbs/bench_inputs.h"
#include "daemon/verbs/bench_report.h"
#include "daemon/verbs/bench_timing.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/resources.h"
#include "daemon/verbs/step_profile.h"
#include "drivers/all_drivers.h"
#include "engine/formats/all_formats.h"
#include "engine/session.h"

namespace dormouse::daemon {
namespace {

using engine::Cost;
using Clock = std::chrono::steady_clock;

constexpr Option kOptions[] = {
    {"shape", "NAME=1x3x224x224,…", "extents of inputs (else dynamic ones are 1)"},
    {"input", "NAME=FILE.npy,…", "what to give (else drawn: real numbers from -1 to 1, integers 0 or 1)"},
    {"threads", "N", "work together on one run (else 1)"},
    {"driver", "WORD",
     "what computes: cpu (unless you say), vulkan, auto, xnnpack, reference, or all, to compare them"},
    kDeviceOption,
    {"runs", "N", "as many timed runs"},
    {"seconds", "S", "or timed runs for so many seconds (else 2; 0.3 of each line of a report)"},
    {"report", "FILE",
     "write what this board is and how fast standard models and MODEL.onnx run on it, as JSON to send back"},
    {"trace", "FILE", "write a Chrome trace: open it in chrome://tracing or ui.perfetto.dev"}};

constexpr std::uint64_t kSeed = 1;
constexpr std::int64_t kProfiled = 30;
constexpr auto kProfiledFor = std::chrono::seconds(1);
constexpr std::size_t kShown = 25;

/// Rather than figures of another driver.
std::string why_missing(const std::string& driver, const Arguments& arguments) {
  if (driver != "vulkan") return "there is no such driver here";
  const bool may_help = !arguments.value("device") && drivers::built_in().front() == driver;
  return std::string("there is no GPU to measure") +
         (may_help ? "; --device cpu takes Mesa's llvmpipe, where that is installed" : "");
}

std::vector<const engine::Driver*> chosen_drivers(const Arguments& arguments) {
  auto chosen = drivers_of(arguments, {.threads = threads_of(arguments), .thorough = true});
  const std::string word = arguments.value_or("driver", "");
  const bool names_one = word == "vulkan" || word == "xnnpack";
  if (names_one && (chosen.empty() || chosen.front()->name() != word))
    throw Failure(Errc::unavailable, "--driver " + word + ": " + why_missing(word, arguments));
  return chosen;
}

engine::Session load(const Arguments& arguments, engine::Session::Options options) {
  return {engine::load_graph(arguments.positional(0, "MODEL.onnx")), chosen_drivers(arguments),
          std::move(options)};
}

std::vector<engine::Tensor> inputs_for(const engine::Session& session, const Arguments& arguments) {
  return bench_inputs(session.graph(), parse_shapes(arguments.value_or("shape", "")),
                      parse_files(arguments.value_or("input", "")), kSeed);
}

/// Runs again, observed; the first run, which plans, is not told.
std::size_t profile(const Arguments& arguments, StepProfile& steps) {
  bool warm = false;
  const engine::StepObserver observe = [&](const engine::StepRun& run) {
    if (warm) steps(run);
  };
  const engine::Session session = load(arguments, {.measure = true, .observe = observe});
  const std::vector<engine::Tensor> inputs = inputs_for(session, arguments);
  session.run(inputs);
  warm = true;
  const Clock::time_point begin = Clock::now();
  std::size_t runs = 0;
  do {
    session.run(inputs);
  } while (++runs < kProfiled && Clock::now() - begin < kProfiledFor);
  return runs;
}

/// Of one run of the whole model.
Cost total_cost(const StepProfile& steps, std::size_t runs) {
  Cost cost;
  for (const StepProfile::Step& step : steps.steps()) {
    const auto times = static_cast<std::int64_t>(step.runs / runs);
    cost.macs += step.cost.macs * times;
    cost.bytes += step.cost.bytes * times;
  }
  return cost;
}

double gflops(const Cost& cost, double microseconds) {
  return microseconds > 0 ? 2e-3 * static_cast<double>(cost.macs) / microseconds : 0;
}

double intensity(const Cost& cost) {
  return cost.bytes > 0 ? 2 * static_cast<double>(cost.macs) / static_cast<double>(cost.bytes) : 0;
}

std::string fixed(double value, int places) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

std::string figure_or_dash(double value, int places) { return value > 0 ? fixed(value, places) : "–"; }

void add_row(Table& table, const std::string& name, const StepProfile::Step& step, double us, double all) {
  table.add({name, step.op, step.driver, fixed(us, 1), fixed(all > 0 ? 100 * us / all : 0, 1),
             step.cost.macs > 0 ? std::to_string(step.cost.macs) : "–",
             figure_or_dash(gflops(step.cost, step.mean_us()), 1), figure_or_dash(intensity(step.cost), 1)});
}

/// The steps that take longest, the pieces of a driver's program beneath it.
void print_steps(const StepProfile& profile, std::size_t runs) {
  std::vector<const StepProfile::Step*> order;
  double all = 0;
  const auto per_run = [runs](const StepProfile::Step& step) {
    return Microseconds(step.total).count() / static_cast<double>(runs);
  };
  for (const StepProfile::Step& step : profile.steps()) {
    order.push_back(&step);
    all += per_run(step);
  }
  std::ranges::stable_sort(order, std::greater{}, [&](const auto* step) { return per_run(*step); });
  Table table({"step", "operator", "driver", "µs a run", "%", "MACs", "GFLOP/s", "FLOP/byte"});
  for (const StepProfile::Step* step : std::span(order).first(std::min(order.size(), kShown))) {
    add_row(table, std::string(static_cast<std::size_t>(step->depth) * 2, ' ') + step->name, *step,
            per_run(*step), all);
    for (const auto& [part, time] : step->parts) {
      const double us = Microseconds(time).count() / static_cast<double>(runs);
      table.add({"  · " + part, "", step->driver, fixed(us, 1), fixed(all > 0 ? 100 * us / all : 0, 1), "",
                 "", ""});
    }
  }
  std::cout << "\n" << table.text();
  if (order.size() > kShown)
    std::cout << "and " << order.size() - kShown << " that take less (--json has them)\n";
}

void print(const Timing& timing, const StepProfile& profile, std::size_t runs) {
  const auto us = [&](double q) { return fixed(timing.quantile(q).count(), 1); };
  const Cost cost = total_cost(profile, runs);
  std::cout << "load          " << fixed(timing.load.count() / 1e3, 2) << " ms, to the first answer "
            << fixed(timing.first_answer.count() / 1e3, 2) << " ms\n"
            << "latency       min " << us(0) << "  p50 " << us(0.5) << "  p90 " << us(0.9) << "  p99 "
            << us(0.99) << "  max " << us(1) << " µs (" << timing.latencies.size() << " runs)\n"
            << "throughput    " << fixed(timing.throughput(), 1) << " runs a second\n"
            << "arithmetic    " << cost.macs
            << " multiply-adds a run: " << fixed(gflops(cost, timing.quantile(0.5).count()), 1)
            << " GFLOP/s, " << fixed(intensity(cost), 1) << " FLOP a byte\n";
  print_steps(profile, runs);
}

boost::json::object described(const StepProfile::Step& step, std::size_t runs) {
  boost::json::array parts;
  for (const auto& [name, time] : step.parts)
    parts.push_back({{"name", name}, {"run_us", Microseconds(time).count() / static_cast<double>(runs)}});
  return {{"name", step.name},
          {"operator", step.op},
          {"driver", step.driver},
          {"depth", step.depth},
          {"run_us", Microseconds(step.total).count() / static_cast<double>(runs)},
          {"macs", step.cost.macs},
          {"bytes", step.cost.bytes},
          {"gflops", gflops(step.cost, step.mean_us())},
          {"flop_per_byte", intensity(step.cost)},
          {"parts", std::move(parts)}};
}

void print_json(const Timing& timing, const StepProfile& profile, std::size_t runs) {
  const Cost cost = total_cost(profile, runs);
  boost::json::array steps;
  for (const StepProfile::Step& step : profile.steps()) steps.push_back(described(step, runs));
  std::cout << boost::json::serialize(
                   boost::json::object{{"load_us", timing.load.count()},
                                       {"first_answer_us", timing.first_answer.count()},
                                       {"runs", timing.latencies.size()},
                                       {"latency_us",
                                        {{"min", timing.quantile(0).count()},
                                         {"p50", timing.quantile(0.5).count()},
                                         {"p90", timing.quantile(0.9).count()},
                                         {"p99", timing.quantile(0.99).count()},
                                         {"max", timing.quantile(1).count()}}},
                                       {"runs_per_second", timing.throughput()},
                                       {"macs", cost.macs},
                                       {"bytes", cost.bytes},
                                       {"gflops", gflops(cost, timing.quantile(0.5).count())},
                                       {"flop_per_byte", intensity(cost)},
                                       {"steps", std::move(steps)}})
            << "\n";
}

void write_trace(const StepProfile& profile, const std::string& path) {
  std::ofstream file(path);
  profile.write_trace(file);
  if (!file.flush()) throw Failure(Errc::io, path + ": cannot be written");
}

int report(const Arguments& arguments, const std::string& path) {
  const boost::json::object report = bench_report(arguments);
  std::ofstream file(path);
  file << boost::json::serialize(report) << "\n";
  if (!file.flush()) throw Failure(Errc::io, path + ": cannot be written");
  std::cout << (arguments.json() ? boost::json::serialize(report) + "\n" : readable(report));
  return kOk;
}

int run(const Arguments& arguments) {
  if (const auto path = arguments.value("report")) return report(arguments, *path);
  const auto word = arguments.value("driver");
  if (word == "all") return bench_drivers(arguments);
  if (word) choice_of(*word, "all");
  const Timing timing = time_runs(
      [&] { return load(arguments, {}); },
      [&](const engine::Session& session) { return inputs_for(session, arguments); }, RunLimit(arguments, 2));
  StepProfile steps;
  const std::size_t runs = profile(arguments, steps);
  if (arguments.json())
    print_json(timing, steps, runs);
  else
    print(timing, steps, runs);
  if (const auto path = arguments.value("trace")) write_trace(steps, *path);
  return kOk;
}

}  // namespace

extern const Verb bench_verb{.name = "bench",
                             .group = "run",
                             .summary = "say how fast a model runs here, and where its time goes",
                             .arguments = "MODEL.onnx | --report FILE [MODEL.onnx…]",
                             .words = kAnyWords,
                             .example = "dormouse bench activity.onnx --shape x=1x64x6 --trace trace.json",
                             .options = kOptions,
                             .run = run};

}  // namespace dormouse::daemon

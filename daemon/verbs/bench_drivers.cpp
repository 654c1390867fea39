#include "daemon/verbs/bench_drivers.h"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <iostream>

#include "daemon/verbs/bench_inputs.h"
#include "daemon/verbs/bench_timing.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/resources.h"
#include "drivers/measured.h"
#include "engine/formats/all_formats.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using drivers::Choice;

constexpr std::uint64_t kSeed = 1;
constexpr double kSeconds = 1;  // a driver

std::string fixed(double value, int places) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

/// A driver's line: how fast it is, and how many operators each driver gets.
json::object measure(const Arguments& arguments, std::span<const engine::Driver* const> drivers) {
  json::object nodes;
  const auto inputs_for = [&](const engine::Session& session) {
    auto inputs = bench_inputs(session.graph(), parse_shapes(arguments.value_or("shape", "")),
                               parse_files(arguments.value_or("input", "")), kSeed);
    for (const auto& [name, count] : session.placement(inputs)) nodes[name] = count;
    return inputs;
  };
  const auto open = [&] {
    return engine::Session(engine::load_graph(arguments.positional(0, "MODEL.onnx")), drivers);
  };
  const Timing timing = time_runs(open, inputs_for, RunLimit(arguments, kSeconds));
  return {{"first_answer_us", timing.first_answer.count()},
          {"p50_us", timing.quantile(0.5).count()},
          {"p90_us", timing.quantile(0.9).count()},
          {"runs", timing.latencies.size()},
          {"operators", std::move(nodes)}};
}

json::array verdicts(const drivers::MeasuredDriver& measured) {
  json::array all;
  for (const auto& [what, measurement, bytes] : measured.verdicts())
    all.push_back({{"part", what},
                   {"carried_bytes", bytes},
                   {"gpu_us", measurement.gpu_us},
                   {"cpu_us", measurement.cpu_us},
                   {"agree", measurement.agree},
                   {"taken", measurement.pays() ? measured.name() : "cpu"}});
  return all;
}

double number(const json::object& line, std::string_view key) { return line.at(key).to_number<double>(); }

void print(const json::array& lines, const json::value& measured, const std::string& no_gpu) {
  Table table({"driver", "p50 µs", "p90 µs", "first answer ms", "operators by driver"});
  for (const json::value& value : lines) {
    const json::object& line = value.as_object();
    std::string by;
    for (const auto& [name, count] : line.at("operators").as_object())
      by += (by.empty() ? "" : ", ") + std::string(name) + " " + cell(count);
    table.add({cell(value, "driver"), fixed(number(line, "p50_us"), 1), fixed(number(line, "p90_us"), 1),
               fixed(number(line, "first_answer_us") / 1e3, 2), by});
  }
  std::cout << table.text();
  if (measured.is_null()) {
    std::cout << "\nNo GPU is used here, so auto is the CPU: " << no_gpu << ".\n";
    return;
  }
  std::cout << "\n" << cell(measured, "device") << ": what auto measured, to and fro counted in\n";
  Table parts({"part", "carried kB", "GPU µs", "CPU µs", "auto takes"});
  for (const json::value& value : measured.at("parts").as_array()) {
    const json::object& part = value.as_object();
    parts.add({cell(value, "part"), fixed(number(part, "carried_bytes") / 1e3, 1),
               fixed(number(part, "gpu_us"), 1), fixed(number(part, "cpu_us"), 1),
               cell(value, "taken") + (part.at("agree").as_bool() ? "" : ": the GPU is wrong")});
  }
  std::cout << parts.text() << "What the CPU does in some 20 µs is not measured, and stays there.\n";
}

}  // namespace

int bench_drivers(const Arguments& arguments) {
  const bool asked = arguments.value("device").has_value();
  const Choice gpu = asked ? Choice::vulkan : Choice::automatic;  // one that was asked for is told of
  const drivers::DriverTable table = open_table(
      table_options(arguments, {.threads = threads_of(arguments), .thorough = true}), std::array{gpu});
  json::array lines;
  json::value measured;
  for (const auto& [word, choice] : drivers::choice_words()) {
    if (choice == Choice::xnnpack || (choice == Choice::vulkan && !table.gpu)) continue;
    json::object line = measure(arguments, table.chosen(choice));
    line["driver"] = word;
    lines.push_back(std::move(line));
  }
  if (table.gpu)
    measured = json::object{{"device", table.gpu->device()}, {"parts", verdicts(*table.measured)}};
  if (arguments.json())
    std::cout << json::serialize(json::object{{"drivers", lines}, {"auto", measured}}) << "\n";
  else
    print(lines, measured, table.no_gpu);
  return kOk;
}

}  // namespace dormouse::daemon

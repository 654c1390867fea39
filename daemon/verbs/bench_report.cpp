#include "daemon/verbs/bench_report.h"

#include <boost/json/array.hpp>
#include <cmath>
#include <filesystem>
#include <thread>

#include "daemon/verbs/bench_inputs.h"
#include "daemon/verbs/bench_timing.h"
#include "daemon/verbs/board_facts.h"
#include "daemon/verbs/graph_summary.h"
#include "drivers/all_drivers.h"
#include "engine/formats/all_formats.h"
#include "learning/families.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kSeed = 1;
constexpr double kSeconds = 0.3;  // of a line

/// A model on one driver; portable kernels compute what it does not.
struct Way {
  const std::string& model;
  const engine::Graph& graph;
  std::span<const engine::Driver* const> driver;  ///< none: portable kernels alone
  std::size_t threads;
};

json::object measure(const Way& way, const Arguments& arguments) {
  const auto shapes = parse_shapes(arguments.value_or("shape", ""));
  const Timing timing = time_runs(
      [&] { return engine::Session(way.graph, way.driver); },
      [&](const engine::Session& session) { return bench_inputs(session.graph(), shapes, {}, kSeed); },
      RunLimit(arguments, kSeconds));
  json::object line;
  line["model"] = way.model;
  const std::string_view driver = way.driver.empty() ? "reference" : way.driver[0]->name();
  line["driver"] = json::string_view(driver.data(), driver.size());
  line["threads"] = way.threads;
  const auto set = [&line](const char* key, Microseconds time) {
    line[key] = std::round(time.count() * 10) / 10;
  };
  set("load_us", timing.load);
  set("min_us", timing.quantile(0));
  set("p50_us", timing.quantile(0.5));
  set("p90_us", timing.quantile(0.9));
  line["runs"] = timing.latencies.size();
  if (const auto macs = summarise(way.graph).macs) line["macs"] = *macs;
  return line;
}

/// On each driver, with one thread and with all cores; on portable kernels with one.
void measure(const std::string& name, const engine::Graph& graph, const Arguments& arguments,
             json::array& lines) {
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t threads = 1;; threads = cores) {
    const auto drivers = drivers::all_drivers(threads);
    for (std::size_t i = 0; i < drivers.size(); ++i)
      lines.push_back(measure({name, graph, drivers.subspan(i, 1), threads}, arguments));
    if (threads == cores) break;
  }
  lines.push_back(measure({name, graph, {}, 1}, arguments));
}

}  // namespace

json::object bench_report(const Arguments& arguments) {
  json::object report;
  report["format"] = "dormouse-board-1";
  report["dormouse"] = DORMOUSE_VERSION;
  report["board"] = board_facts();
  report["before"] = board_state();
  json::array lines;
  // A window of an inertial sensor and six activities: a model of medium size of each family.
  const learning::ModelRequest request{.rows = 128, .channels = 6, .outputs = 6};
  for (const learning::Family& family : learning::families())
    measure(std::string(family.name), learning::new_model(family, request), arguments, lines);
  for (const std::string& path : arguments.positional())
    measure(std::filesystem::path(path).filename().string(), engine::load_graph(path), arguments, lines);
  report["latencies"] = std::move(lines);
  report["after"] = board_state();
  return report;
}

}  // namespace dormouse::daemon

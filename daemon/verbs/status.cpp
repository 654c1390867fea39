#include <boost/json/object.hpp>
#include <cstdio>
#include <iostream>

#include "daemon/client/ask.h"
#include "daemon/oip/codec.h"
#include "daemon/verbs/all_verbs.h"
#include "daemon/verbs/print.h"

namespace dormouse::daemon {
namespace {

using boost::json::object;

/// "12 d 3 h", "4 min", "7 s": the two largest units.
std::string age(std::int64_t seconds) {
  if (seconds >= 86'400)
    return std::to_string(seconds / 86'400) + " d " + std::to_string(seconds % 86'400 / 3600) + " h";
  if (seconds >= 3600)
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
  return seconds >= 60 ? std::to_string(seconds / 60) + " min" : std::to_string(seconds) + " s";
}

std::string size(const boost::json::value& bytes) {
  char text[32];
  const double count = bytes.to_number<double>();
  if (count < 1e6)
    std::snprintf(text, sizeof text, "%.0f kB", count / 1e3);
  else
    std::snprintf(text, sizeof text, "%.1f MB", count / 1e6);
  return text;
}

std::string milliseconds(const boost::json::value& latency, std::string_view quantile) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", latency.at(quantile).to_number<double>() / 1e3);
  return text;
}

std::string latency_line(const boost::json::value& latency, std::string_view when) {
  if (latency.at("count").to_number<std::uint64_t>() == 0) return "";
  return std::string(when) + " p50 " + milliseconds(latency, "p50_us") + " p95 " +
         milliseconds(latency, "p95_us") + " ms (" + cell(latency, "count") + ")";
}

std::string percent(const boost::json::value& share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", 100 * share.to_number<double>());
  return text;
}

/// ", 3 put off" where any were.
std::string put_off_text(const object& all) {
  std::uint64_t count = 0;
  if (const auto* reasons = all.if_contains("put_off"))
    for (const auto& [why, so_many] : reasons->get_object()) count += so_many.to_number<std::uint64_t>();
  return count > 0 ? ", " + std::to_string(count) + " put off" : "";
}

/// How far the guarantee is, and what the paths cost.
void print_router(const boost::json::value& router) {
  const object& all = router.get_object();
  std::cout << "router   " << cell(router, "rule");
  if (all.contains("target_error")) {
    if (all.contains("bound"))
      std::cout << ": at most " << percent(all.at("bound"))
                << " of its own answers are not the planner's (target " << percent(all.at("target_error"))
                << ", score from " << cell(router, "threshold") << ", "
                << cell(all.at("certificate"), "audits") << " audits)";
    std::cout << (cell(all.at("next"), "stage") == "learning" ? ", its gate learns from " : ", next test ")
              << cell(all.at("next"), "audits") << " of " << cell(all.at("next"), "needed") << " audits";
  }
  std::cout << "\n";
  const auto* paths = all.if_contains("paths");
  if (!paths) return;
  std::cout << "paths    ";
  for (const auto& [name, path] : paths->get_object())
    std::cout << name << " " << percent(path.at("share")) << " p50 " << milliseconds(path, "p50_us")
              << " p95 " << milliseconds(path, "p95_us") << " ms, ";
  std::cout << cell(all.at("audits"), "since_start") << " audited";
  if (const std::string skipped = cell(all.at("audits"), "skipped"); skipped != "0")
    std::cout << ", " << skipped << " skipped";
  std::cout << put_off_text(all);
  if (all.contains("saved") && all.at("saved").to_number<double>() >= 0)
    std::cout << ", " << percent(all.at("saved")) << " of the planner's compute saved";
  else if (all.contains("compute"))
    std::cout << ", " << percent(all.at("compute")) << " of what the planner alone would take";
  std::cout << "\n";
}

/// How a planner that is looped gets on.
void print_planner(const boost::json::value& planner) {
  const object& all = planner.get_object();
  std::cout << "planner  " << cell(planner, "puzzle");
  if (all.contains("answers")) {
    std::cout << ": " << cell(planner, "steps") << " steps on average, p50 " << cell(planner, "p50_ms")
              << " p95 " << cell(planner, "p95_ms") << " ms;";
    for (const auto& [why, so_many] : all.at("halts").get_object())
      std::cout << " " << why << " " << cell(so_many);
    if (all.at("low").to_number<std::uint64_t>() > 0)
      std::cout << "; " << cell(planner, "low") << " of them the cheap model's";
  }
  if (all.at("provisional").to_number<std::uint64_t>() > 0)
    std::cout << "; " << cell(planner, "provisional") << " provisional, " << cell(planner, "waiting")
              << " still thought about";
  std::cout << put_off_text(all) << "\n";
}

void print_models(const object& models) {
  for (const auto& [name, model] : models) {
    std::cout << "model    " << paint(Tone::strong, name) << "  version " << cell(model, "version") << ", "
              << cell(model, "inferences") << " inferences";
    if (const auto* labels = model.get_object().if_contains("labels"))
      std::cout << ", " << labels->get_array().size() << " classes, " << cell(model, "concepts")
                << " concepts, " << cell(model, "neighbours") << " latents at hand";
    std::cout << "\n";
    if (const auto* router = model.get_object().if_contains("router")) print_router(*router);
    if (const auto* planner = model.get_object().if_contains("planner")) print_planner(*planner);
    if (const auto* sets = model.get_object().if_contains("abstain"))
      std::cout << "abstains its sets miss at most " << percent(sets->at("miss")) << ", by "
                << cell(*sets, "examples") << " held-out examples"
                << (sets->at("threshold").is_null() ? ", which are too few yet" : "") << "\n";
  }
}

void print_anomaly_stream(std::string_view name, const boost::json::value& stream) {
  std::cout << "stream   " << name << "  " << cell(stream, "samples") << " samples, "
            << cell(stream, "alarms") << " anomalies, " << cell(stream, "remembered") << " remembered";
  const auto seen = stream.at("samples").to_number<std::uint64_t>(),
             needed = stream.at("warm_up").to_number<std::uint64_t>();
  if (seen < needed) std::cout << ", gets used to it for " << needed - seen << " more";
  if (stream.at("missing").to_number<std::uint64_t>() > 0)
    std::cout << ", " << cell(stream, "missing") << " values missing";
  std::cout << ", " << cell(stream, "dropped") << " rows dropped\n";
}

/// A stream that a model with a state answers, sample by sample.
void print_model_stream(std::string_view name, const boost::json::value& stream) {
  std::cout << "stream   " << name << "  " << cell(stream, "rows") << " samples through "
            << cell(stream, "model") << ", state of " << size(stream.at("state_bytes")) << " on disk after "
            << cell(stream, "saved") << ", " << cell(stream, "dropped") << " rows dropped\n";
}

void print_status(const boost::json::value& status) {
  std::cout << paint(Tone::good, "●") << " dormouse " << cell(status, "version") << "  "
            << cell(status.at("sleep"), "state") << "  up "
            << age(status.at("uptime_seconds").to_number<std::int64_t>()) << "  "
            << size(status.at("resident_bytes")) << "\n";
  print_models(status.at("models").as_object());
  if (const auto* const gpu = status.as_object().if_contains("gpu"); gpu && gpu->is_object()) {
    std::cout << "gpu      " << cell(*gpu, "device") << " (" << cell(*gpu, "driver") << ")";
    if (gpu->as_object().contains("failed"))
      std::cout << " has failed, the CPU computes: " << cell(*gpu, "failed");
    std::cout << "\n";
  }
  const auto& memory = status.at("memory");
  std::cout << "memory   " << cell(memory, "episodes") << " episodes, " << cell(memory, "labelled")
            << " labelled (" << size(memory.at("file_bytes")) << " on disk, " << size(memory.at("ram_bytes"))
            << " in RAM, inputs " << size(memory.at("clip_bytes")) << "; "
            << size(memory.at("bytes_written_today")) << " of " << size(memory.at("write_budget_bytes"))
            << " written today)\n";
  const auto& latency = status.at("latency");
  const std::string awake = latency_line(latency.at("awake"), "awake"),
                    asleep = latency_line(latency.at("asleep"), "asleep");
  if (!awake.empty() || !asleep.empty())
    std::cout << "latency  " << awake << (awake.empty() || asleep.empty() ? "" : ", ") << asleep << "\n";
  for (const auto& [name, stream] : status.at("streams").as_object()) {
    if (stream.as_object().contains("warm_up")) {
      print_anomaly_stream(name, stream);
      continue;
    }
    if (stream.as_object().contains("state_bytes")) {
      print_model_stream(name, stream);
      continue;
    }
    std::cout << "stream   " << name << "  " << cell(stream, "windows") << " windows of "
              << cell(stream, "window") << " rows, " << cell(stream, "dropped") << " rows dropped";
    if (stream.as_object().contains("alarms")) std::cout << ", " << cell(stream, "alarms") << " alarms";
    std::cout << "\n";
  }
  std::cout << sleep_line(status.at("sleep"));
}

int run(const Arguments& arguments) {
  HttpClient client(arguments.socket());
  const std::string body = ask_text(client, get("/v1/status"));
  if (arguments.json())
    std::cout << body << "\n";
  else
    print_status(parse_json(body));
  return kOk;
}

}  // namespace

extern const Verb status_verb{.name = "status",
                              .group = "run",
                              .summary = "show how the daemon is, what it serves and remembers",
                              .arguments = "",
                              .example = "dormouse status",
                              .options = {},
                              .run = run};

}  // namespace dormouse::daemon

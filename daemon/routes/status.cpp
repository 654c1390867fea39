#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <fstream>

#include "daemon/build.h"
#include "daemon/routes/routes.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "drivers/watched.h"
#include "hrm/prediction_set.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

/// Resident memory of this process.
std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

json::object abstain_status(const HeldOutView& view, double miss) {
  const auto threshold = hrm::set_threshold(view.set_scores, miss);
  return {{"miss", miss},
          {"examples", view.set_scores.size()},
          {"threshold", threshold ? json::value(rounded(double{*threshold})) : json::value(nullptr)}};
}

json::object model_status(const Service& service, const Entry& entry) {
  const engine::PublishedModel& model = *entry.served.model;
  json::object object{
      {"version", model.version}, {"inferences", entry.inferences}, {"failures", entry.failures}};
  if (auto planner = service.planning().status(entry)) object["planner"] = std::move(*planner);
  if (!entry.parts->learnable) return object;
  object["labels"] = json::value_from(model.labels);
  object["concepts"] = entry.served.concepts->size();
  object["neighbours"] = entry.served.index->size();
  object["seed"] = entry.parts->learnable->seed.has_value();
  if (const auto& view = entry.served.held_out; view && service.options().hrm.abstain)
    object["abstain"] = abstain_status(*view, *service.options().hrm.abstain);
  if (auto router = service.routing().status(entry)) object["router"] = std::move(*router);
  return object;
}

json::object memory_status(const memory::Statistics& statistics) {
  return {{"episodes", statistics.episodes},
          {"labelled", statistics.labelled},
          {"waiting", statistics.waiting},
          {"forgotten", statistics.forgotten},
          {"dropped", statistics.dropped},
          {"withheld", statistics.withheld},
          {"file_bytes", statistics.file_bytes},
          {"ram_bytes", statistics.ram_bytes},
          {"clip_bytes", statistics.clip_bytes},
          {"bytes_written", statistics.bytes_written},
          {"bytes_written_today", statistics.bytes_written_today},
          {"write_budget_bytes", statistics.write_budget}};
}

void measure_memory(const Service& service, Metrics& metrics) {
  const auto measured = [&](const char* name, const char* help, auto field) {
    metrics.measured(name, help,
                     [&service, field] { return static_cast<double>(service.statistics().*field); });
  };
  using memory::Statistics;
  measured("memory_episodes", "Episodes on disk", &Statistics::episodes);
  measured("memory_labelled", "Labelled episodes on disk", &Statistics::labelled);
  measured("memory_forgotten", "Episodes let go or erased since the start", &Statistics::forgotten);
  measured("memory_withheld", "Unlabelled episodes not stored because the day's bytes were written",
           &Statistics::withheld);
  measured("memory_ram_bytes", "RAM of the latents that are searched", &Statistics::ram_bytes);
  measured("memory_clip_bytes", "Kept raw inputs", &Statistics::clip_bytes);
  measured("memory_file_bytes", "Size of the database", &Statistics::file_bytes);
  measured("memory_written_bytes", "Written by memory since the start", &Statistics::bytes_written);
  measured("memory_written_today_bytes", "Written by memory today (UTC)", &Statistics::bytes_written_today);
  measured("memory_write_budget_bytes", "What memory may write a day", &Statistics::write_budget);
}

void measure_requests(const Service& service, Metrics& metrics) {
  metrics.measured("queue_waiting", "Requests that wait for their turn to compute",
                   [&service] { return static_cast<double>(service.queue().waiting()); });
  metrics.measured("queue_computing", "Requests whose turn it is",
                   [&service] { return static_cast<double>(service.queue().computing()); });
  metrics.measured("requests_expired", "Requests not computed to the end: deadline passed, or nobody waits",
                   [&service] { return static_cast<double>(service.expired()); });
  metrics.measured("requests_refused", "Requests turned away because too many waited",
                   [&service] { return static_cast<double>(service.queue().refused()); });
  for (const auto& [name, entry] : service.models()) {
    if (!entry.batcher) continue;
    const Batcher& batcher = *entry.batcher;
    metrics.measured("batches", "Batches computed",
                     [&batcher] { return static_cast<double>(batcher.batches()); }, {{"model", name}});
    metrics.measured("batched_rows", "Rows computed in batches",
                     [&batcher] { return static_cast<double>(batcher.rows()); }, {{"model", name}});
  }
}

/// Null: models and streams are computed on the CPU, as nobody asked for a device that does not work.
json::value gpu_status(const drivers::DriverTable& drivers) {
  if (drivers.missed)
    return json::object{{"driver", "vulkan"}, {"device", "none"}, {"failed", drivers.no_gpu}};
  if (!drivers.gpu) return nullptr;
  json::object gpu{{"driver", drivers.gpu->name()}, {"device", drivers.gpu->device()}};
  if (const auto trouble = drivers.gpu->trouble()) gpu["failed"] = *trouble;
  return gpu;
}

struct StatusParts {
  Service& service;
  Streams& streams;
  Nights& nights;
  Metrics& metrics;
  Histogram& awake;
  Histogram& asleep;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

json::object latency(const Histogram& histogram) {
  const auto microseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  };
  return {{"count", histogram.count()},
          {"p50_us", microseconds(histogram.quantile(0.5))},
          {"p95_us", microseconds(histogram.quantile(0.95))}};
}

asio::awaitable<Response> status(std::shared_ptr<StatusParts> parts) {
  auto read = [&service = parts->service] { return service.store().statistics(); };
  const memory::Statistics statistics = co_await run_on(parts->service.storage(), std::move(read));
  json::object models;
  for (const auto& [name, entry] : parts->service.models())
    models[name] = model_status(parts->service, entry);
  const auto uptime = std::chrono::steady_clock::now() - parts->started;
  co_return json_response(json::serialize(json::object{
      {"name", "dormouse"},
      {"version", kStamp},
      {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
      {"resident_bytes", resident_bytes()},
      {"models", std::move(models)},
      {"memory", memory_status(statistics)},
      {"sleep", parts->nights.status()},
      {"latency", json::object{{"awake", latency(parts->awake)}, {"asleep", latency(parts->asleep)}}},
      {"gpu", gpu_status(parts->service.driver_table())},
      {"streams", parts->streams.status()}}));
}

}  // namespace

void add_status_routes(Router& router, Service& service, Streams& streams, Nights& nights, Metrics& metrics,
                       LatencyByState latency_by_state) {
  auto parts = std::make_shared<StatusParts>(
      StatusParts{service, streams, nights, metrics, latency_by_state.awake, latency_by_state.asleep});
  metrics.measured("resident_bytes", "Resident memory of the process",
                   [] { return static_cast<double>(resident_bytes()); });
  metrics.measured("asleep", "1 while a night runs", [&nights] { return nights.asleep() ? 1.0 : 0.0; });
  for (const auto& [name, entry] : service.models())
    metrics.measured("model_version", "Version of the slow weights in service",
                     [&entry = entry] { return static_cast<double>(entry.served.model->version); },
                     {{"model", name}});
  measure_requests(service, metrics);
  measure_memory(service, metrics);
  service.routing().measure(metrics);
  service.planning().measure(metrics);
  router.add(Method::get, "/v1/events", [&service](Request) -> asio::awaitable<Response> {
    co_return event_response(service.events().subscribe());
  });
  router.add(Method::get, "/v1/status", [parts](Request) { return status(parts); });
  router.add(Method::get, "/metrics", [&metrics](Request) -> asio::awaitable<Response> {
    Response response;
    response.content_type = "text/plain; version=0.0.4";
    response.body = metrics.prometheus();
    co_return response;
  });
}

}  // namespace dormouse::daemon

#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <optional>
#include <stop_token>

#include "daemon/http/event_stream.h"
#include "daemon/service/service.h"

namespace dormouse::daemon {

/// What a caller asks of a night.
struct NightRequest {
  std::string model;
  learning::Strategy strategy = learning::Strategy::replay;
  bool trial = false;  ///< keep the version for inspection, whatever the dream check says, and do not use it
  std::optional<double> budget_seconds;
};

/// Sleep: one night at a time, on the training thread, always behind requests.
///
/// Lives on the io thread.
class Nights {
 public:
  explicit Nights(Service& service);

  /// Starts a night and returns its id. Throws Failure(conflict) while another one runs, or unavailable after
  /// stop().
  boost::asio::awaitable<std::int64_t> start(NightRequest request);
  /// Starts one by itself when it is idle and enough is new: call it every second or so.
  void consider();
  /// Asks the running night to end, and lets none begin; the night's work is lost, nothing else.
  void stop();
  bool asleep() const { return running_.has_value(); }
  boost::json::object status() const;

 private:
  struct Running {
    std::int64_t id = 0;
    NightRequest request;
    std::shared_ptr<const ModelParts> parts;
    std::int64_t parent = 0;  ///< the version in service when it began
    learning::SleepOptions options;
  };
  struct Outcome;

  boost::asio::awaitable<void> run(Running night, learning::SleepInputs inputs);
  Outcome sleep_through(const Running& night, learning::SleepInputs inputs, std::stop_token stop);
  void end(const Running& night, Outcome outcome);

  Service& service_;
  std::optional<Running> running_;
  std::stop_source stop_;
  bool stopped_ = false;
  std::atomic<double> progress_{0};
  std::atomic<learning::Stage> stage_{learning::Stage::select};
};

}  // namespace dormouse::daemon

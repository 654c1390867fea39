#include "daemon/service/nights.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/describe.h"
#include "learning/files.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

/// The night's thread goes behind every other; where the system refuses, the scheduler alone keeps it back.
void lower_priority() {
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  if (::setpriority(PRIO_PROCESS, thread, 19) != 0) log(Level::debug, "sleep runs at normal priority");
}

learning::Version version_of(const learning::SleepResult& result, const learning::SleepInputs& inputs,
                             std::int64_t parent, std::string id, bool accepted, Clock::Wall time) {
  learning::Version version;
  version.parent = parent;
  version.sleep = std::move(id);
  version.time = iso_time(time);
  version.accepted = accepted;
  version.labels = inputs.labels;
  version.temperature = result.temperature;
  version.arbiter = result.arbiter;
  version.weights = result.weights;
  version.fisher = result.fisher;
  return version;
}

}  // namespace

/// What a night brought, ready for the record.
struct Nights::Outcome {
  memory::SleepState state = memory::SleepState::failed;
  std::string report;
  std::optional<learning::Version> version;
  std::string digest;  ///< SHA-256 of the version's manifest
};

Nights::Nights(Service& service) : service_(service) {}

void Nights::stop() {
  stopped_ = true;
  stop_.request_stop();
}

asio::awaitable<std::int64_t> Nights::start(NightRequest request) {
  const Entry& entry = service_.learning_model(request.model);
  if (stopped_) throw Failure(Errc::unavailable, "the daemon is stopping");
  if (running_) throw Failure(Errc::conflict, "a night is running already; wait for it, or stop it");
  running_ = Running{0, request, entry.parts, entry.served.model->version, service_.options().sleep.cycle};
  running_->options.strategy = request.strategy;
  if (request.budget_seconds) running_->options.budget_seconds = *request.budget_seconds;
  stop_ = std::stop_source();  // stop() may come while the night begins
  auto begin = [this, model = request.model, trial = request.trial] {
    const std::int64_t id = service_.store().begin_sleep(model);
    Learner& learner = service_.learner(model);
    auto inputs = learner.sleep_inputs(std::to_string(id));
    if (!trial) learner.slept();  // labels given from now on are for another night
    return std::tuple(id, std::move(inputs), learner.served());
  };
  try {
    auto [id, inputs, served] = co_await run_on(service_.storage(), std::move(begin));
    service_.publish(request.model, std::move(served));
    running_->id = id;
    running_->options.seed = static_cast<std::uint64_t>(id);
    asio::co_spawn(service_.io(), run(*running_, std::move(inputs)), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    co_return id;
  } catch (...) {
    running_.reset();
    throw;
  }
}

asio::awaitable<void> Nights::run(Running night, learning::SleepInputs inputs) {
  log(Level::info, "sleep " + std::to_string(night.id) + " begins for model " + night.request.model);
  auto work = [this, night, inputs = std::move(inputs), stop = stop_.get_token()]() mutable {
    lower_priority();
    try {
      return sleep_through(night, std::move(inputs), stop);
    } catch (const std::exception& failure) {  // whatever became of the night, the daemon goes on
      log(Level::error, "sleep " + std::to_string(night.id) + " failed: " + failure.what());
      return Outcome{
          memory::SleepState::failed, json::serialize(json::object{{"error", failure.what()}}), {}, ""};
    }
  };
  Outcome outcome = co_await run_on(service_.training(), std::move(work));
  auto record = [this, night, outcome] {
    end(night, outcome);
    return service_.learner(night.request.model).served();
  };
  try {
    service_.publish(night.request.model, co_await run_on(service_.storage(), std::move(record)));
    log(Level::info, "sleep " + std::to_string(night.id) + " ended: " + std::string(word(outcome.state)));
  } catch (const std::exception& failure) {
    log(Level::error, "sleep " + std::to_string(night.id) + " could not be recorded: " + failure.what());
  }
  running_.reset();
}

Nights::Outcome Nights::sleep_through(const Running& night, learning::SleepInputs inputs,
                                      std::stop_token stop) {
  learning::SleepCycle cycle(inputs, night.options, {}, night.parts->drivers);
  progress_ = 0;
  do {
    service_.scheduler().give_way(stop);
    stage_ = cycle.stage();
    progress_ = cycle.progress();
  } while (cycle.advance(stop));
  const learning::SleepResult& result = cycle.result();
  Outcome outcome;
  outcome.report = json::serialize(learning::to_json(result.report));
  if (stop.stop_requested()) {
    outcome.state = memory::SleepState::stopped;
    return outcome;
  }
  const bool accepted = result.accepted && !night.request.trial;
  outcome.state = accepted ? memory::SleepState::accepted : memory::SleepState::rejected;
  outcome.version = version_of(result, inputs, night.parent, std::to_string(night.id), accepted,
                               std::chrono::system_clock::now());
  outcome.version->number = service_.versions(night.request.model).commit(*outcome.version);
  const auto folder = service_.options().state / "models" / night.request.model;
  const auto manifest =
      engine::map_file((folder / std::to_string(outcome.version->number) / "manifest.json").string());
  outcome.digest = learning::sha256({manifest->data(), manifest->size()});
  return outcome;
}

void Nights::end(const Running& night, Outcome outcome) {
  Learner& learner = service_.learner(night.request.model);
  if (outcome.state == memory::SleepState::accepted && learner.served().model->version != night.parent) {
    log(Level::warning, "sleep " + std::to_string(night.id) +
                            ": another version was put in service meanwhile; the night's is kept aside");
    outcome.state = memory::SleepState::rejected;
    outcome.version->accepted = false;
  }
  std::optional<memory::VersionRecord> record;
  if (outcome.version)
    record = memory::VersionRecord{
        night.request.model,
        outcome.version->number,
        outcome.version->parent,
        night.id,
        std::chrono::system_clock::now(),
        outcome.version->accepted ? memory::VersionState::accepted : memory::VersionState::rejected,
        outcome.digest};
  service_.store().end_sleep(night.id, outcome.state, outcome.report, record);
  if (outcome.version && outcome.version->accepted) learner.adopt(outcome.version);
  if (!night.request.trial) learner.consolidate();
  service_.store().checkpoint();
}

void Nights::consider() {
  const NightOptions& options = service_.options().sleep;
  if (running_ || stopped_ || !options.idle) return;
  if (std::chrono::steady_clock::now() - service_.last_request() < *options.idle) return;
  for (const auto& [name, entry] : service_.models()) {
    if (!entry.parts->learnable || entry.served.fresh_labels < options.every) continue;
    auto begin = start(NightRequest{name, {}, false, {}});
    asio::co_spawn(service_.io(), std::move(begin), [](std::exception_ptr error, std::int64_t) {
      try {
        if (error) std::rethrow_exception(error);
      } catch (const Failure& failure) {
        log(Level::warning, "sleep did not begin: " + failure.error().context);
      }
    });
    return;
  }
}

json::object Nights::status() const {
  if (!running_) return {{"state", "awake"}};
  return {{"state", "asleep"},
          {"sleep", running_->id},
          {"model", running_->request.model},
          {"strategy", word(running_->request.strategy)},
          {"stage", word(stage_.load())},
          {"progress", progress_.load()}};
}

}  // namespace dormouse::daemon

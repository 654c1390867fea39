#include "daemon/service/nights.h"

#include <boost/asio/co_spawn.hpp>

#include "config/log.h"
#include "daemon/run_on.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

NightOptions options_for(const NightRequest& request, NightOptions options) {
  options.cycle.strategy = request.strategy;
  if (request.budget_seconds) options.cycle.budget_seconds = *request.budget_seconds;
  return options;
}

}  // namespace

Nights::Nights(Service& service, Board board, std::chrono::milliseconds watch_period)
    : service_(service), board_(std::move(board)), watch_period_(watch_period) {}

std::optional<std::int64_t> Nights::interrupt() {
  if (!running_) return std::nullopt;
  stop_.request_stop();
  return running_->id;
}

void Nights::stop() {
  stopped_ = true;
  stop_.request_stop();
}

asio::awaitable<std::int64_t> Nights::start(NightRequest request) {
  const Entry& entry = service_.learning_model(request.model);
  if (stopped_) throw Failure(Errc::unavailable, "the daemon is stopping");
  if (running_) throw Failure(Errc::conflict, "a night is running already; wait for it, or stop it");
  running_ = NightJob{0, request, entry.parts, entry.served.model->version,
                      options_for(request, service_.options().sleep)};
  stop_ = std::stop_source();  // stop() may come while the night begins
  auto begin = [this, model = request.model, trial = request.trial, options = running_->options] {
    if (const auto unfit = why_unfit(options, board_.on_battery()))
      throw Failure(Errc::conflict, "the board is " + *unfit + "; feed it, or set sleep.on_battery to true");
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
    running_->options.cycle.seed = static_cast<std::uint64_t>(id);
    asio::co_spawn(service_.io(), run(*running_, std::move(inputs)), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    co_return id;
  } catch (...) {
    running_.reset();
    throw;
  }
}

asio::awaitable<void> Nights::run(NightJob night, learning::SleepInputs inputs) {
  log(Level::info, "sleep " + std::to_string(night.id) + " begins for model " + night.request.model);
  progress_.fraction = 0;
  progress_.hot = false;
  auto work = [this, night, inputs = std::move(inputs), stop = stop_.get_token()]() mutable {
    return work_through(service_, board_, night, std::move(inputs), progress_, watch_period_, stop);
  };
  NightOutcome outcome = co_await run_on(service_.training(), std::move(work));
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

void Nights::end(const NightJob& night, NightOutcome outcome) {
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

Circumstances Nights::circumstances(const Entry& entry) const {
  return {.fresh_labels = entry.served.fresh_labels,
          .unused = std::chrono::steady_clock::now() - service_.last_request(),
          .time_of_day = local_time_of_day(service_.clock().wall()),
          .on_battery = on_battery_,
          .temperature = temperature_};
}

asio::awaitable<void> Nights::consider() {
  if (running_ || stopped_ || std::exchange(considering_, true)) co_return;
  auto look = [this] { return std::pair(board_.on_battery(), board_.temperature()); };
  std::tie(on_battery_, temperature_) = co_await run_on(service_.storage(), std::move(look));
  considering_ = false;
  for (const auto& [name, entry] : service_.models()) {
    if (running_ || stopped_) co_return;
    if (!entry.parts->learnable || why_awake(service_.options().sleep, circumstances(entry))) continue;
    try {
      NightRequest request;
      request.model = name;
      co_await start(std::move(request));
    } catch (const Failure& failure) {
      log(Level::warning, "sleep did not begin: " + failure.error().context);
    }
    co_return;
  }
}

json::object Nights::status() const {
  if (running_)
    return {{"state", "asleep"},
            {"sleep", running_->id},
            {"model", running_->request.model},
            {"strategy", word(running_->request.strategy)},
            {"stage", progress_.hot ? "too hot, pausing" : word(progress_.stage.load())},
            {"progress", progress_.fraction.load()}};
  json::object waits;
  for (const auto& [name, entry] : service_.models())
    if (entry.parts->learnable)
      if (const auto why = why_awake(service_.options().sleep, circumstances(entry))) waits[name] = *why;
  return {{"state", "awake"}, {"waits", std::move(waits)}};
}

}  // namespace dormouse::daemon

#include "daemon/service/nights.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/privacy_account.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

NightOptions options_for(const NightRequest& request, NightOptions options) {
  if (request.strategy) options.cycle.strategy = *request.strategy;
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
  NightJob job;
  job.request = request;
  job.parts = entry.parts;
  job.parent = entry.served.model->version;
  job.options = options_for(request, service_.options().sleep);
  running_ = job;
  stop_ = std::stop_source();  // stop() may come while the night begins
  auto begin = [this, job] { return prepare(job); };
  try {
    Prepared night = co_await run_on(service_.storage(), std::move(begin));
    const std::int64_t id = night.job.id;
    launch(std::move(night));
    co_return id;
  } catch (...) {
    running_.reset();
    throw;
  }
}

Nights::Prepared Nights::prepare(NightJob job) {
  if (const auto unfit = why_unfit(job.options, board_.on_battery()))
    throw Failure(Errc::conflict, "the board is " + *unfit + "; feed it, or set sleep.on_battery to true");
  const std::string& model = job.request.model;
  Learner& learner = service_.learner(model);
  learner.check_inputs();
  learning::SleepInputs inputs = learner.sleep_inputs("");
  job.privacy = service_.options().privacy.dp;
  inputs.privacy = night_privacy(service_.store(), job, inputs);
  job.id = service_.store().begin_sleep(model);
  inputs.id = std::to_string(job.id);
  job.options.cycle.seed = static_cast<std::uint64_t>(job.id);
  job.sequence = learner.sequence();
  job.classes = learner.labels().size();
  job.embedding = learner.served().embedding_version;
  job.forgotten = service_.store().statistics().forgotten;
  if (!job.request.trial) learner.slept(job.sequence);  // labels given from now on are for another night
  return {std::move(job), std::move(inputs), {}, learner.served()};
}

asio::awaitable<void> Nights::resume() {
  for (const auto& [name, entry] : service_.models()) {
    if (running_ || stopped_) co_return;
    if (!entry.parts->learnable) continue;
    // From here on nothing is forgotten that this night may hold a copy of.
    running_.emplace().request.model = name;
    stop_ = std::stop_source();
    auto look = [this, model = name, parts = entry.parts, options = service_.options().sleep] {
      return interrupted(model, parts, options);
    };
    std::optional<Prepared> night;
    try {
      night = co_await run_on(service_.storage(), std::move(look));
    } catch (...) {
      running_.reset();
      throw;
    }
    running_.reset();
    if (!night) continue;
    log(Level::info, "sleep " + std::to_string(night->job.id) + " goes on where it was interrupted");
    launch(std::move(*night));
  }
}

std::optional<Nights::Prepared> Nights::interrupted(const std::string& model,
                                                    std::shared_ptr<const ModelParts> parts,
                                                    const NightOptions& options) {
  const NightJournal journal = journal_of(service_.options().state, model);
  try {
    if (auto entry = journal.read()) return take_up(std::move(*entry), std::move(parts), options);
  } catch (const std::exception& failure) {
    log(Level::warning, model + ": the journal of a night is of no use and dropped: " + failure.what());
    journal.drop();
  }
  return std::nullopt;
}

Nights::Prepared Nights::take_up(NightJournal::Entry entry, std::shared_ptr<const ModelParts> parts,
                                 const NightOptions& options) {
  NightJob& job = entry.job;
  const std::string& model = parts->options.name;
  Learner& learner = service_.learner(model);
  if (job.request.model != model || learner.served().model->version != job.parent)
    throw Failure(Errc::corrupt, "it is of another model, or of another version than is in service");
  if (job.privacy != std::optional<learning::PrivacyOptions>(service_.options().privacy.dp))
    throw Failure(Errc::corrupt, "privacy.dp is not what it was when the night began");
  auto inputs = learner.sleep_inputs_as_of(std::to_string(job.id), job.sequence, job.classes);
  if (digest_of(inputs) != job.inputs)
    throw Failure(Errc::corrupt, "what the night read is no longer what memory holds");
  inputs.privacy = night_privacy(service_.store(), job, inputs);
  service_.store().resume_sleep(job.id);
  if (!job.request.trial) learner.slept(job.sequence);
  const learning::SleepOptions cycle = job.options.cycle;
  job.options = options;
  job.options.cycle = cycle;
  job.parts = std::move(parts);
  job.embedding = learner.served().embedding_version;
  job.forgotten = std::min(job.forgotten, service_.store().statistics().forgotten);
  ++job.resumed;
  return {std::move(job), std::move(inputs), std::move(entry.state), learner.served()};
}

void Nights::launch(Prepared night) {
  running_ = night.job;
  service_.publish(night.job.request.model, night.served);
  asio::co_spawn(service_.io(), run(std::move(night)), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

asio::awaitable<void> Nights::run(Prepared prepared) {
  const NightJob night = prepared.job;
  log(Level::info, "sleep " + std::to_string(night.id) + " begins for model " + night.request.model);
  progress_.fraction = 0;
  progress_.hot = false;
  auto work = [this, prepared = std::move(prepared), stop = stop_.get_token()]() mutable {
    return work_through(service_, board_, prepared.job, std::move(prepared.inputs), prepared.state, progress_,
                        watch_period_, stop);
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
  const bool accepted = outcome.version && outcome.version->accepted;
  const bool moved = accepted && outcome.version->embedding != night.embedding;
  std::vector<memory::Entry> entries = privacy_entries(night.request.model, outcome.privacy_spent);
  std::optional<learning::CoreSet> core;
  if (moved) {
    outcome.report["reembedding"].as_object()["retired"] = learner.catch_up(*outcome.version);
  } else if (!night.request.trial) {
    learner.consolidate();
  }
  if (accepted && !moved)
    entries.push_back(learner.guard().entry(core.emplace(learner.core_after(*outcome.version))));
  outcome.report["memory"] = memory_tiers(night, core ? *core : learner.guard().current());
  const std::string report = json::serialize(outcome.report);
  service_.store().end_sleep(night.id, outcome.state, report, record, entries,
                             moved ? std::optional(outcome.version->embedding) : std::nullopt);
  if (core) learner.guard().take(std::move(*core));
  if (accepted) learner.adopt(outcome.version, outcome.seed);
  journal_of(service_.options().state, night.request.model).drop();
  service_.store().checkpoint();
}

json::object Nights::memory_tiers(const NightJob& night, const learning::CoreSet& core) const {
  const memory::Statistics statistics = service_.store().statistics();
  return {{"working", service_.options().memory.working.items},
          {"episodes", statistics.episodes},
          {"labelled", statistics.labelled},
          {"concepts", service_.learner(night.request.model).served().concepts->size()},
          {"file_bytes", statistics.file_bytes},
          {"forgotten", statistics.forgotten - night.forgotten},
          {"core", core.examples().size()}};
}

Circumstances Nights::circumstances(const Entry& entry) const {
  return {.fresh_labels = entry.served.fresh_labels,
          .unused = std::chrono::steady_clock::now() - service_.last_request(),
          .time_of_day = local_time_of_day(service_.clock().wall()),
          .on_battery = on_battery_,
          .temperature = temperature_};
}

asio::awaitable<void> Nights::consider() {
  if (stopped_ || std::exchange(considering_, true)) co_return;
  auto look = [this] { return look_around(); };
  Surroundings seen = co_await run_on(service_.storage(), std::move(look));
  considering_ = false;
  on_battery_ = seen.on_battery;
  temperature_ = seen.temperature;
  for (auto& [name, served] : seen.retreats) service_.publish(name, std::move(served));
  for (const auto& [name, entry] : service_.models()) {
    if (running_ || stopped_) co_return;
    if (!entry.parts->learnable || why_awake(service_.options().sleep, circumstances(entry))) continue;
    try {
      NightRequest request;
      request.model = name;
      co_await start(std::move(request));
    } catch (const Failure& failure) {
      const std::string before = std::exchange(refusal_, failure.error().context);
      if (before != refusal_) log(Level::warning, "sleep did not begin: " + refusal_);
    }
    co_return;
  }
}

Nights::Surroundings Nights::look_around() {
  Surroundings seen{board_.on_battery(), board_.temperature(), {}};
  for (const auto& [name, entry] : service_.models()) {
    if (!entry.parts->learnable) continue;
    try {
      Learner& learner = service_.learner(name);
      if (const auto why = learner.retreat()) {
        log(Level::warning, name + " is rolled back: " + *why);
        seen.retreats.emplace_back(name, learner.served());
      }
    } catch (const Failure& failure) {
      log(Level::error, name + " cannot be rolled back: " + failure.error().context);
    }
  }
  return seen;
}

json::object Nights::status() const {
  if (running_)
    return {{"state", "asleep"},
            {"sleep", running_->id},
            {"model", running_->request.model},
            {"strategy", word(running_->options.cycle.strategy)},
            {"stage", progress_.hot ? "too hot, pausing" : word(progress_.stage.load())},
            {"progress", progress_.fraction.load()}};
  json::object waits;
  for (const auto& [name, entry] : service_.models())
    if (entry.parts->learnable)
      if (const auto why = why_awake(service_.options().sleep, circumstances(entry))) waits[name] = *why;
  return {{"state", "awake"}, {"waits", std::move(waits)}};
}

}  // namespace dormouse::daemon

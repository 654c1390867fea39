#include "daemon/service/night_work.h"

#include <boost/asio/post.hpp>
#include <future>

#include "config/log.h"
#include "daemon/low_priority.h"
#include "daemon/service/describe.h"
#include "daemon/service/night_journal.h"
#include "daemon/service/night_watch.h"
#include "daemon/service/reembedding.h"
#include "daemon/service/trunk.h"
#include "learning/files.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

learning::Version version_of(const learning::SleepResult& result, const std::vector<std::string>& labels,
                             const NightJob& job, bool accepted, Clock::Wall time) {
  learning::Version version;
  version.parent = job.parent;
  version.sleep = std::to_string(job.id);
  version.time = iso_time(time);
  version.accepted = accepted;
  version.embedding = job.parts->options.trainable.trunk ? job.id : job.embedding;
  version.labels = labels;
  version.temperature = result.temperature;
  version.arbiter = result.arbiter;
  version.weights = result.weights;
  version.fisher = result.fisher;
  version.kernel = result.kernel;
  return version;
}

std::string sha256_of(const std::filesystem::path& manifest) {
  const auto text = engine::map_file(manifest.string());
  return learning::sha256({text->data(), text->size()});
}

/// The cycle from its first piece to its last, or to whatever ends it before.
class NightWork {
 public:
  NightWork(Service& service, const Board& board, const NightJob& job, NightProgress& progress,
            std::chrono::milliseconds watch_period)
      : service_(service),
        job_(job),
        progress_(progress),
        watch_(board, job_.options, service.clock(), watch_period, progress.hot),
        journal_(journal_of(service.options().state, job.request.model)) {}

  NightOutcome run(learning::SleepInputs inputs, const std::optional<engine::NamedTensors>& state,
                   std::stop_token stop) {
    const std::vector<std::string> labels = inputs.labels;
    if (job_.inputs.empty()) job_.inputs = digest_of(inputs);
    learning::SleepCycle& cycle =
        cycle_.emplace(std::move(inputs), job_.options.cycle, learning::SleepHooks{}, job_.parts->drivers);
    if (state) cycle.restore(*state);
    write_journal(cycle);
    std::optional<std::string> ended = advance(cycle, stop);
    const learning::SleepResult& result = cycle.result();
    NightOutcome outcome;
    const bool accepted = result.accepted && !job_.request.trial;
    learning::Version version = version_of(result, labels, job_, accepted, std::chrono::system_clock::now());
    json::object embedded;
    if (!ended && !stop.stop_requested() && accepted && version.embedding != job_.embedding)
      ended = embed(version, stop, embedded, outcome);
    outcome.report = report_of(result, ended);
    if (!embedded.empty()) outcome.report["reembedding"] = std::move(embedded);
    outcome.privacy_spent = privacy_spent();
    outcome.state = memory::SleepState::stopped;
    if (!ended && !stop.stop_requested()) commit(std::move(version), outcome);
    return outcome;
  }

  /// By the model's nights up to this piece of this one; nothing when it is not private.
  std::optional<learning::PrivacyLoss> privacy_spent() const {
    if (!cycle_ || !cycle_->report().privacy) return std::nullopt;
    return cycle_->report().privacy->total();
  }

 private:
  /// Why it had to end before its time, if it had to.
  std::optional<std::string> advance(learning::SleepCycle& cycle, std::stop_token stop) {
    std::optional<std::string> ended;
    std::stop_source end;
    const std::stop_callback forward(stop, [&end] { end.request_stop(); });
    do {
      service_.scheduler().give_way(stop);
      ended = watch_.look(cycle.worked_seconds(), job_.options.cycle.budget_seconds, stop);
      if (ended) end.request_stop();
      if (cycle.stage() == learning::Stage::rehearse && watch_.energy_spent())
        cycle.end_rehearsal("the energy budget was spent before the last step");
      progress_.stage = cycle.stage();
      progress_.fraction = cycle.progress();
    } while (cycle.advance(end.get_token()) && keep(cycle));
    return ended;
  }

  /// Writes the journal where a stage ended, or enough was done since. True.
  bool keep(const learning::SleepCycle& cycle) {
    const double done = cycle.worked_seconds() - written_;
    const bool due = done >= std::chrono::duration<double>(job_.options.journal).count();
    if (due || cycle.stage() != written_stage_) write_journal(cycle);
    return true;
  }

  /// A night goes on without a journal that cannot be written; a power cut then costs it.
  void write_journal(const learning::SleepCycle& cycle) {
    written_ = cycle.worked_seconds();
    written_stage_ = cycle.stage();
    try {
      journal_.write(job_, cycle.save());
    } catch (const Failure& failure) {
      log(Level::warning,
          "sleep " + std::to_string(job_.id) + " keeps no journal: " + failure.error().context);
    }
  }

  json::object report_of(const learning::SleepResult& result, const std::optional<std::string>& ended) {
    json::object report = learning::to_json(result.report);
    if (ended) report["reason"] = *ended;
    if (job_.resumed > 0) report["resumed"] = job_.resumed;
    const double joules = watch_.energy().joules();
    report["energy"] = {{"joules", joules}, {"source", watch_.energy().source()}};
    return report;
  }

  /// Sees seed and memory with the version's trunk; why that had to end, if it had to. It may take as long as
  /// the night's budget: what is left over then is retired, unlabelled and old as it is.
  std::optional<std::string> embed(const learning::Version& version, std::stop_token stop,
                                   json::object& report, NightOutcome& outcome) {
    const Clock::Steady begin = service_.clock().now();
    const auto worked = [&] { return std::chrono::duration<double>(service_.clock().now() - begin).count(); };
    outcome.seed = std::make_shared<const learning::Seed>(seed_seen_by(*job_.parts, version));
    Reembedding work([this](const auto& piece) { with_store(piece); }, job_.request.model, version.embedding,
                     trunk_of(*job_.parts, &version));
    std::optional<std::string> ended;
    do {
      service_.scheduler().give_way(stop);
      ended = watch_.look(worked(), job_.options.cycle.budget_seconds, stop);
    } while (!ended && !stop.stop_requested() && worked() < job_.options.cycle.budget_seconds &&
             work.advance());
    report = {{"embedded", work.embedded()}, {"seconds", worked()}};
    return ended;
  }

  /// Waits for the storage thread, which never waits for this one.
  void with_store(const std::function<void(memory::Store&)>& piece) {
    const auto task = std::make_shared<std::packaged_task<void()>>([&] { piece(service_.store()); });
    std::future<void> done = task->get_future();
    boost::asio::post(service_.storage(), [task] { (*task)(); });
    done.get();
  }

  void commit(learning::Version version, NightOutcome& outcome) {
    // What earlier nights changed and this one may not stays changed.
    learning::VersionStore& versions = service_.versions(job_.request.model);
    if (job_.parent != 0) version.weights.merge(versions.load(job_.parent).weights);
    outcome.state = version.accepted ? memory::SleepState::accepted : memory::SleepState::rejected;
    outcome.version = std::move(version);
    outcome.version->number = versions.commit(*outcome.version);
    const auto folder = service_.options().state / "models" / job_.request.model;
    outcome.digest = sha256_of(folder / std::to_string(outcome.version->number) / "manifest.json");
  }

  Service& service_;
  NightJob job_;
  NightProgress& progress_;
  NightWatch watch_;
  NightJournal journal_;
  std::optional<learning::SleepCycle> cycle_;
  double written_ = 0;  ///< seconds of work when the journal was written, and in which stage
  learning::Stage written_stage_ = learning::Stage::select;
};

}  // namespace

NightOutcome work_through(Service& service, const Board& board, const NightJob& job,
                          learning::SleepInputs inputs, const std::optional<engine::NamedTensors>& state,
                          NightProgress& progress, std::chrono::milliseconds watch_period,
                          std::stop_token stop) {
  lower_priority();
  std::optional<NightWork> work;
  try {
    work.emplace(service, board, job, progress, watch_period);
    return work->run(std::move(inputs), state, stop);
  } catch (const std::exception& failure) {
    log(Level::error, "sleep " + std::to_string(job.id) + " failed: " + failure.what());
    NightOutcome outcome;
    outcome.report = {{"error", failure.what()}};
    if (work) outcome.privacy_spent = work->privacy_spent();
    return outcome;
  }
}

}  // namespace dormouse::daemon

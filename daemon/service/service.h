#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/clock.h"
#include "daemon/http/event_stream.h"
#include "daemon/service/batcher.h"
#include "daemon/service/inference.h"
#include "daemon/service/learner.h"
#include "daemon/service/planning.h"
#include "daemon/service/queue.h"
#include "daemon/service/routing.h"
#include "daemon/service/state_lock.h"
#include "engine/scheduler.h"
#include "memory/store.h"
#include "memory/working.h"

namespace dormouse::daemon {

/// A model in service, as the io thread sees it.
struct Entry {
  std::shared_ptr<const ModelParts> parts;
  Served served;  ///< replaced whenever something was learnt
  std::uint64_t inferences = 0;
  std::uint64_t failures = 0;
  std::chrono::nanoseconds compute{};
  std::chrono::nanoseconds queued{};   ///< of that, waiting for a turn
  std::chrono::nanoseconds typical{};  ///< a running mean of what one inference takes to compute
  Clock::Wall last{};
  std::unique_ptr<Batcher> batcher{};  ///< null: each request by itself
};

/// Where inputs come from.
struct Origin {
  std::string stream = {};  ///< empty: a request that did not say
  float novelty = 0;        ///< that the stream had there, in [0, 1]
};

/// An inference with what memory calls it.
struct Answered {
  InferenceResult result;
  std::int64_t version = 0;
  std::vector<memory::EpisodeId> ids;  ///< a row each; none for a model without labels or an old version

  /// See answer_labels(); none where there are no rows.
  const std::vector<std::string>& labels() const {
    static const std::vector<std::string> none;
    return result.rows.empty() ? none : *result.rows.front().labels;
  }
};

struct TaughtAnswer {
  memory::EpisodeId episode = 0;
  std::string label;
  bool new_class = false;
  bool held_out = false;
};

/// The parts of the daemon put together: models, memory, learning. Routes call it, nothing else does.
///
/// Lives on the io thread; whatever touches the disk or computes for longer than a hand-over takes runs
/// on its pools and comes back as a value.
/// The storage thread owns the store and the learners, the training thread the night.
class Service {
 public:
  /// Loads every model and opens the state folder. Throws Failure naming file and reason.
  Service(const Options& options, boost::asio::io_context& io, drivers::DriverTable drivers,
          const Clock& clock);
  ~Service();  ///< joins the pools; what was acknowledged is on disk already

  /// The model `name`. Throws Failure(not_found) naming those there are.
  Entry& model(const std::string& name);
  /// The same, if it can be taught. Throws Failure(conflict).
  Entry& learning_model(const std::string& name);
  const std::map<std::string, Entry>& models() const { return models_; }
  /// The model that is meant where none is named. Throws Failure(not_found) when there is none at all.
  const std::string& default_model() const;
  const Options& options() const { return options_; }

  static constexpr float kNovel = 0.5f;  ///< from here on an input is worth remembering

  /// `remember`: answers that are novel, uncertain or corrected by the planner may become episodes. Throws
  /// Failure(unavailable) when too many requests wait, Failure(expired) as `urgency` says.
  boost::asio::awaitable<Answered> infer(std::string name, std::vector<engine::Tensor> inputs, bool remember,
                                         Origin origin, Urgency urgency);
  // Not a default argument: g++ 12 destroys one of such a type twice within co_await.
  boost::asio::awaitable<Answered> infer(std::string name, std::vector<engine::Tensor> inputs,
                                         bool remember = true) {
    return infer(std::move(name), std::move(inputs), remember, Origin(), Urgency());
  }
  /// Slow weights alone, of any version on disk.
  boost::asio::awaitable<Answered> infer_version(std::string name, std::int64_t version,
                                                 std::vector<engine::Tensor> inputs, Urgency urgency);
  /// Acknowledged when on disk; the next inference knows it.
  boost::asio::awaitable<TaughtAnswer> teach(std::string name, memory::EpisodeId id, std::string label);
  /// Erases what the selection means, in working memory too; durable when it is back. `dry_run` only counts.
  boost::asio::awaitable<Forgotten> forget(memory::Selection selection, bool dry_run);
  /// Swaps to a version (0: as shipped). Throws Failure(not_found / corrupt).
  boost::asio::awaitable<void> roll_back(std::string name, std::int64_t version);

  /// Ids for so many episodes.
  boost::asio::awaitable<std::vector<memory::EpisodeId>> next_ids(std::size_t count);

  /// What working memory holds of an inference, or nullptr.
  const memory::Inference* recent(memory::EpisodeId id) const { return recents_.find(id); }
  /// Memory's statistics as of the last tick.
  const memory::Statistics& statistics() const { return statistics_; }
  /// The explanation of a recent answer, or nullptr.
  const RowAnswer* explanation(memory::EpisodeId id) const;

  // For what else lives on these threads: nights, streams, routes.
  /// Those of streams, and of models that choose none.
  std::span<const engine::Driver* const> drivers() const { return drivers_; }
  const drivers::DriverTable& driver_table() const { return table_; }
  boost::asio::thread_pool& compute() { return compute_; }
  boost::asio::thread_pool& storage() { return storage_; }
  boost::asio::thread_pool& training() { return training_; }
  boost::asio::io_context& io() { return io_; }
  engine::Scheduler& scheduler() { return scheduler_; }
  /// What happened, for whoever listens: /v1/events.
  EventStream& events() { return events_; }
  Planning& planning() { return *planning_; }
  const Planning& planning() const { return *planning_; }
  Routing& routing() { return *routing_; }
  const Routing& routing() const { return *routing_; }
  /// The right to compute so many rows with a model, in its turn; throws as infer().
  boost::asio::awaitable<InferenceQueue::Turn> turn(const std::string& name, Urgency urgency,
                                                    std::size_t rows = 1);
  /// Work of a model that nobody waits for, on the compute threads. It is done when it says so; else it made
  /// way for a request, and is called again. `may_go_on` is to be asked every now and then, and lets it get
  /// on a little each time. Throws Failure(expired) where it waits for its turn when `gone` is requested.
  boost::asio::awaitable<void> behind_requests(std::string name,
                                               std::function<bool(std::function<bool()> may_go_on)> work,
                                               std::stop_token gone);
  const Clock& clock() const { return clock_; }
  memory::Store& store() { return *store_; }                                 ///< storage thread only
  Learner& learner(const std::string& name) { return *learners_.at(name); }  ///< storage thread only
  learning::VersionStore& versions(const std::string& name) {
    return *versions_.at(name);
  }  ///< storage or training
  void publish(const std::string& name, Served served);
  std::chrono::steady_clock::time_point last_request() const { return last_request_; }
  const InferenceQueue& queue() const { return queue_; }
  std::uint64_t expired() const { return expired_; }  ///< requests, before they were computed to the end

  /// Takes effect with the next request and the next night.
  void reconfigure(const HrmOptions& hrm, const NightOptions& sleep);
  /// Gives the store its turn: call a few times a second.
  void tick();
  /// Commits what waits and checkpoints: the last thing before the end.
  void close();

 private:
  struct Explained {
    memory::EpisodeId id = 0;
    std::shared_ptr<const RowAnswer> answer;
  };

  /// What an episode keeps of a request beside its answer.
  struct Experience {
    std::vector<engine::Tensor> inputs;
    std::int64_t embedding_version = 0;
    Origin origin;
  };

  boost::asio::awaitable<void> reserve_more();
  void note(const Entry& entry, Answered& answered, const Experience& experience, bool remember);
  std::optional<Served> planner_of(const Entry& entry);
  /// What configuration and held-out examples say about hybrid answers and sets, and what a planner's step
  /// may take.
  void prepare(InferenceJob& job, const Urgency& urgency) const;
  /// An inference in its turn.
  boost::asio::awaitable<InferenceResult> compute(std::string name, InferenceJob job, Urgency urgency);
  void count(const Failure& failure, Entry& entry);
  void make_batcher(Entry& entry);
  /// Whether the io thread may as well compute this itself.
  bool worth_no_hand_over(const Entry& entry, const InferenceJob& job) const;
  std::shared_ptr<const engine::PublishedModel> open_version(const ModelParts& parts, std::int64_t number);
  void remember(const memory::Inference& inference);

  Options options_;
  StateLock lock_;  ///< before anything in the state folder is touched
  boost::asio::io_context& io_;
  drivers::DriverTable table_;
  std::vector<const engine::Driver*> drivers_;
  const Clock& clock_;
  std::unique_ptr<memory::Store> store_;
  std::unique_ptr<learning::Files> files_;
  std::map<std::string, std::unique_ptr<learning::VersionStore>> versions_;
  std::map<std::string, std::unique_ptr<Learner>> learners_;
  std::map<std::string, Entry> models_;
  std::map<std::pair<std::string, std::int64_t>, std::shared_ptr<const engine::PublishedModel>>
      opened_versions_;
  std::multiset<std::string> forgetting_;  ///< models that are, each as often as it is
  memory::IdAllocator ids_;
  bool reserving_ = false;
  memory::RecentInferences recents_;
  memory::Recent<Explained> explained_;
  memory::Statistics statistics_;
  std::atomic<std::size_t> remembering_{0};  ///< episodes on their way to the storage thread
  engine::Scheduler scheduler_;
  InferenceQueue queue_;
  std::uint64_t expired_ = 0;
  EventStream events_;
  std::unique_ptr<Planning> planning_;
  std::unique_ptr<Routing> routing_;
  std::chrono::steady_clock::time_point last_request_;
  // Joined first: their work uses everything above.
  boost::asio::thread_pool storage_{1};
  boost::asio::thread_pool training_{1};
  boost::asio::thread_pool compute_;
};

}  // namespace dormouse::daemon

#include "daemon/service/service.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ranges>
#include <thread>

#include "config/log.h"
#include "config/text.h"
#include "daemon/run_on.h"
#include "daemon/service/configured_models.h"
#include "daemon/service/consolidated.h"
#include "daemon/service/patience.h"
#include "daemon/service/shipped_files.h"
#include "hrm/prediction_set.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr std::size_t kExplained = 512;   // answers that `why` can explain in full
constexpr std::size_t kOpenVersions = 4;  // other versions kept ready for inference
// An inference that takes less than this is computed on the io thread when it is the only one: handing it to
// another core and back costs up to 150 µs, and a second request waits no longer than for its turn in the
// pool.
constexpr std::chrono::microseconds kShort{500};
// One that computes and one behind it, so that a thread need not wait for the io thread to send the next.
constexpr std::size_t kTurnsAThread = 2;

const fs::path& make_state_folder(const fs::path& state) {
  std::error_code error;
  fs::create_directories(state / "models", error);
  if (error)
    throw Failure(Errc::io, state.string() + ": cannot make the state folder: " + error.message() +
                                "; set 'state' in the configuration to a folder this user may write");
  fs::permissions(state, fs::perms::owner_all, fs::perm_options::replace, error);
  return state;
}

std::size_t compute_threads(const ProcessOptions& options) {
  const std::size_t cores = std::thread::hardware_concurrency();
  return options.threads.value_or(std::max<std::size_t>(1, cores / options.threads_per_inference));
}

std::string names(const std::map<std::string, Entry>& models) {
  return config::join(std::views::keys(models));
}

}  // namespace

Service::Service(const Options& options, asio::io_context& io, drivers::DriverTable drivers,
                 const Clock& clock)
    : options_(options),
      lock_(make_state_folder(options.state)),
      io_(io),
      table_(std::move(drivers)),
      drivers_(table_.chosen(options.process.driver)),
      clock_(clock),
      files_(std::make_unique<learning::Files>()),
      recents_(options.memory.working.items, options.memory.working.inputs.count),
      explained_(kExplained),
      queue_(io, kTurnsAThread * compute_threads(options.process), options.process.queue),
      events_(io.get_executor()),
      last_request_(std::chrono::steady_clock::now()),
      compute_(compute_threads(options.process)) {
  store_ = std::make_unique<memory::Store>(
      memory::StoreOptions{options_.state / "dormouse.db", options_.memory.episodic, ""}, clock_);
  store_->distil_with(
      [this](std::span<const memory::Episode> let_go) { return consolidated_with(*store_, let_go); });
  for (const auto& parts : load_models(options_, table_)) {
    const std::string& name = parts->options.name;
    auto& versions = versions_[name];
    const FileInService file = parts->learnable ? file_in_service(*store_, *parts) : FileInService();
    versions = std::make_unique<learning::VersionStore>(
        options_.state / "models" / name, *files_, learning::ModelFile{parts->file, file.embedding == 0});
    auto& learner = learners_[name];
    learner = std::make_unique<Learner>(parts, options_.sleep, *store_, versions.get(), file,
                                        options_.memory.semantic);
    models_.emplace(name, Entry{parts, learner->served()});
  }
  for (auto& [name, entry] : models_) make_batcher(entry);
  planning_ = std::make_unique<Planning>(*this);
  routing_ = std::make_unique<Routing>(*this);
  ids_.add(store_->reserve_ids());
}

Service::~Service() {
  compute_.join();
  training_.join();
  storage_.join();
}

Entry& Service::model(const std::string& name) {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second;
  throw Failure(Errc::not_found, "no model is called '" + name + "'; there is " + names(models_));
}

const std::string& Service::default_model() const {
  if (models_.empty())
    throw Failure(Errc::not_found, "there are no models here, only streams that detect anomalies");
  return models_.begin()->first;
}

Entry& Service::learning_model(const std::string& name) {
  Entry& entry = model(name);
  if (entry.parts->learnable) return entry;
  if (entry.parts->thinker)
    throw Failure(Errc::conflict, "model '" + name +
                                      "' is a planner's step, which infers and does not learn: it cannot be "
                                      "taught and has no versions; 'dormouse train' trains one");
  if (!entry.parts->answers.empty())
    throw Failure(Errc::conflict, "model '" + name +
                                      "' answers with the class itself and has no scores from a linear layer "
                                      "to learn by, so it cannot be taught; export a network for that");
  const TensorSpec& first = entry.parts->outputs.front();
  if (first.dtype != engine::DType::f32 || first.shape.rank() != 2)
    throw Failure(Errc::conflict, "model '" + name + "' only infers: its first output is " +
                                      std::string(word(first.dtype)) + " " + to_string(first.shape) +
                                      ", not a row of scores of classes, so it cannot be taught");
  throw Failure(Errc::conflict, "model '" + name +
                                    "' has no labels, so it cannot be taught; give it 'labels' in the "
                                    "configuration");
}

std::optional<Served> Service::planner_of(const Entry& entry) {
  if (entry.parts->options.planner.empty()) return std::nullopt;
  return model(entry.parts->options.planner).served;
}

namespace {

struct Timed {
  InferenceResult result;
  std::chrono::nanoseconds took{};
};

Timed timed(const InferenceJob& job) {
  const auto began = std::chrono::steady_clock::now();
  InferenceResult result = daemon::infer(job);
  return {std::move(result), std::chrono::steady_clock::now() - began};
}

}  // namespace

bool Service::worth_no_hand_over(const Entry& entry, const InferenceJob& job) const {
  const bool one_row =
      !job.inputs.empty() && job.inputs[0].shape().rank() > 0 && job.inputs[0].shape()[0] == 1;
  return one_row && !job.planner && !job.thoughts && entry.typical.count() > 0 && entry.typical < kShort &&
         scheduler_.foreground_count() == 1;
}

namespace {

std::size_t rows_of(const ModelParts& parts, const InferenceJob& job) {
  if (job.thoughts) return job.thoughts->size();
  const bool many = (parts.learnable || divisible(parts)) && !job.inputs.empty() &&
                    job.inputs[0].shape().rank() > 0 && job.inputs[0].elements() > 0;
  return many ? static_cast<std::size_t>(job.inputs[0].shape()[0]) : 1;
}

}  // namespace

void Service::make_batcher(Entry& entry) {
  const ModelOptions& options = entry.parts->options;
  if (!options.batching) return;
  entry.batcher = std::make_unique<Batcher>(io_, *options.batching,
                                            [this, name = options.name](InferenceJob job, Urgency urgency) {
                                              return compute(name, std::move(job), std::move(urgency));
                                            });
}

asio::awaitable<InferenceResult> Service::compute(std::string name, InferenceJob job, Urgency urgency) {
  Entry& entry = model(name);
  const auto asked = std::chrono::steady_clock::now();
  auto waiting = turn(name, urgency, rows_of(*entry.parts, job));
  const InferenceQueue::Turn turn = co_await std::move(waiting);
  entry.queued += std::chrono::steady_clock::now() - asked;
  job.waiting = queue_.rows_waiting(Priority::interactive);  // what is put off must not put off more
  const bool here = worth_no_hand_over(entry, job);
  std::optional<Patience> patience;
  if (!here && (urgency.deadline || urgency.gone.stop_possible()))
    job.stop = patience.emplace(io_, urgency).token();
  auto work = [job = std::move(job)] { return timed(job); };
  Timed answer;
  if (here) {
    answer = work();
  } else {
    answer = co_await run_on(compute_, std::move(work));
  }
  entry.typical = entry.typical.count() == 0 ? answer.took : (7 * entry.typical + answer.took) / 8;
  co_return std::move(answer.result);
}

asio::awaitable<void> Service::behind_requests(std::string name,
                                               std::function<bool(std::function<bool()>)> work,
                                               std::stop_token gone) {
  constexpr std::chrono::milliseconds kPause{2};
  asio::steady_timer pause(io_);
  for (;;) {
    {
      auto waiting = turn(name, Urgency{.priority = Priority::background, .gone = gone});
      const InferenceQueue::Turn turn = co_await std::move(waiting);
      auto a_while = [this, &work] {
        return work([this, first = true]() mutable {
          return std::exchange(first, false) || scheduler_.foreground_count() == 0;
        });
      };
      const bool done = co_await run_on(compute_, std::move(a_while));
      if (done) co_return;
    }
    pause.expires_after(kPause);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<InferenceQueue::Turn> Service::turn(const std::string& name, Urgency urgency,
                                                    std::size_t rows) {
  return queue_.turn(name, model(name).parts->options.concurrency.value_or(SIZE_MAX), std::move(urgency),
                     rows);
}

void Service::publish(const std::string& name, Served served) {
  models_.at(name).served = std::move(served);
  routing_->heed_models();
}

void Service::reconfigure(const HrmOptions& hrm, const NightOptions& sleep) {
  options_.hrm = hrm;
  options_.sleep = sleep;
  routing_->reconfigure();
}

void Service::count(const Failure& failure, Entry& entry) {
  ++entry.failures;
  if (failure.error().code == Errc::expired) ++expired_;
}

void Service::prepare(InferenceJob& job, const Urgency& urgency) const {
  const HeldOutView* const view = job.served.held_out.get();
  const hrm::Blend blend = view ? view->blend : hrm::Blend();
  job.router.mixing = options_.hrm.mixing.value_or(blend.mixing);
  job.router.temperature = options_.hrm.temperature.value_or(blend.temperature);
  if (view && options_.hrm.abstain)
    job.set_threshold = hrm::set_threshold(view->set_scores, *options_.hrm.abstain);
  if (!job.served.thinker && !(job.planner && job.planner->thinker)) return;
  const engine::Shape& shape = job.inputs.at(0).shape();
  if (shape.rank() > 0 && shape[0] > 0 && shape.elements() == 0)  // as many rows as anybody likes to write
    throw Failure(Errc::invalid, "a planner is given an input without values: " + to_string(shape));
  job.thoughts =
      std::make_shared<std::vector<Thinking>>(static_cast<std::size_t>(shape.rank() > 0 ? shape[0] : 0));
  job.steps = urgency.steps;
  const auto time = urgency.time ? urgency.time : options_.hrm.latency_budget;
  if (time) job.answer_by = std::chrono::steady_clock::now() + *time;
}

asio::awaitable<Answered> Service::infer(std::string name, std::vector<engine::Tensor> inputs, bool remember,
                                         Origin origin, Urgency urgency) {
  Entry& entry = model(name);
  const auto start = last_request_ = std::chrono::steady_clock::now();
  InferenceJob job{entry.served, planner_of(entry), options_.hrm.router, options_.hrm.neighbours,
                   std::move(inputs)};
  prepare(job, urgency);
  job.judge = routing_->judge(entry);
  job.planner_by = job.answer_by ? job.answer_by : routing_->planner_by(entry);
  job.busy = options_.hrm.busy;
  if (options_.hrm.latency_budget) job.due = start + *options_.hrm.latency_budget;
  if (job.answer_by) job.due = job.answer_by;  // as the request itself has it
  routing_->make_way();
  std::optional<InferenceJob> followed;
  if (routing_->follows(entry) || job.thoughts) followed = job;
  Answered answered;
  answered.version = job.served.model->version;
  Experience experience{job.inputs, job.served.embedding_version, std::move(origin)};
  {
    const auto foreground = scheduler_.foreground();
    const bool batched = entry.batcher && !job.thoughts && entry.batcher->takes(job);
    auto work = batched ? entry.batcher->compute(std::move(job), std::move(urgency))
                        : compute(name, std::move(job), std::move(urgency));
    try {
      answered.result = co_await std::move(work);
    } catch (const Failure& failure) {
      count(failure, entry);
      throw;
    }
  }
  ++entry.inferences;
  entry.last = clock_.wall();
  entry.compute += std::chrono::steady_clock::now() - start;
  if (!answered.result.rows.empty()) {
    answered.ids = co_await next_ids(answered.result.rows.size());
    note(entry, answered, experience, remember);
    if (routing_->follows(entry)) routing_->answered(entry, *followed, answered);
  }
  if (!answered.result.plans.empty()) {
    answered.ids = co_await next_ids(answered.result.plans.size());
    planning_->answered(entry, *followed, answered);
  }
  co_return answered;
}

asio::awaitable<Answered> Service::infer_version(std::string name, std::int64_t version,
                                                 std::vector<engine::Tensor> inputs, Urgency urgency) {
  const Entry& entry = learning_model(name);
  const std::pair key(name, version);
  auto opened = opened_versions_.find(key);
  if (opened == opened_versions_.end()) {
    auto open = [this, parts = entry.parts, version] { return open_version(*parts, version); };
    auto made = co_await run_on(storage_, std::move(open));
    if (opened_versions_.size() >= kOpenVersions) opened_versions_.clear();
    opened = opened_versions_.insert_or_assign(key, std::move(made)).first;
  }
  const auto model = opened->second;
  const auto foreground = scheduler_.foreground();
  InferenceJob job{entry.served, std::nullopt, options_.hrm.router, options_.hrm.neighbours,
                   std::move(inputs)};
  job.served.model = model;
  job.router.accept = 0;  // the version's own answer, no second opinion
  auto work = compute(name, std::move(job), std::move(urgency));
  Answered answered;
  answered.result = co_await std::move(work);
  answered.version = version;
  co_return answered;
}

std::shared_ptr<const engine::PublishedModel> Service::open_version(const ModelParts& parts,
                                                                    std::int64_t number) {
  std::optional<learning::Version> found;
  if (number != 0) found = versions_.at(parts.options.name)->load(number);
  auto model = std::make_shared<engine::PublishedModel>();
  model->name = parts.options.name;
  model->version = number;
  model->session = open_session(parts, found ? &*found : nullptr);
  model->labels = found ? found->labels : parts.learnable->labels;
  model->slow_classes = model->labels.size();
  const auto& seed = parts.learnable->seed;
  model->slow_temperature = found ? found->temperature : (seed ? seed->temperature : 1.0f);
  model->kernel = open_kernel(parts, found ? &*found : nullptr);
  if (model->kernel) model->slow_temperature = 1;
  return model;
}

void Service::tick() {
  asio::post(storage_, [this] {
    try {
      store_->tick();
      const auto evicted = store_->take_evicted();
      for (const auto& [name, learner] : learners_) learner->evicted(evicted);
      asio::post(io_, [this, now = store_->statistics()] { statistics_ = now; });
    } catch (const Failure& failure) {
      log(Level::warning, "memory cannot be written: " + failure.error().context);
    }
  });
}

void Service::close() {
  compute_.join();
  training_.join();
  routing_->save_all();
  asio::post(storage_, [this] {
    try {
      store_->flush();
      store_->checkpoint();
    } catch (const Failure& failure) {
      log(Level::error, "memory could not be flushed: " + failure.error().context);
    }
  });
  storage_.join();
}

}  // namespace dormouse::daemon

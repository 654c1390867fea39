#include "engine/session.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <list>
#include <map>
#include <mutex>

#include "config/log.h"
#include "engine/context.h"
#include "engine/failure_listener.h"
#include "engine/interpreter.h"
#include "engine/passes/pass.h"
#include "engine/plan.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kArenaLimit = std::size_t{2} << 30;

void give_back_free_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

/// A plan and the contexts that wait for a thread.
struct Prepared {
  explicit Prepared(Plan made) : plan(std::move(made)) {
    for (Step& step : plan.steps) step.partition.graph = &plan.graph;  // the graph moved in with the plan
  }

  std::unique_ptr<Context> take(Context::Options options) {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto context = std::move(idle.back());
        idle.pop_back();
        return context;
      }
    }
    auto made = std::make_unique<Context>(plan, options);
    give_back_free_memory();  // what passes, planning and packing took for a while
    return made;
  }

  void give_back(std::unique_ptr<Context> context) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(context));
  }

  Plan plan;
  std::mutex mutex;
  std::vector<std::unique_ptr<Context>> idle;
};

/// A context for as long as one run takes.
class Lease {
 public:
  Lease(Prepared& from, Context::Options options) : from_(from), context_(from.take(options)) {}
  ~Lease() { from_.give_back(std::move(context_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Context* operator->() const { return context_.get(); }

 private:
  Prepared& from_;
  std::unique_ptr<Context> context_;
};

/// Time by driver; null: portable kernels.
using Spent = std::map<const Driver*, std::chrono::nanoseconds>;

/// Kernels need what they read to be aligned; what is borrowed from other programs may not be.
std::vector<Tensor> aligned(std::span<const Tensor> tensors) {
  std::vector<Tensor> result(tensors.begin(), tensors.end());
  for (Tensor& tensor : result)
    if (reinterpret_cast<std::uintptr_t>(tensor.data()) % size_of(tensor.dtype()) != 0)
      tensor = tensor.clone();
  return result;
}

/// Interprets. Outputs are nobody else's: not constants, inputs or views on them.
std::vector<Tensor> interpreted(const Graph& graph, std::span<const Tensor> inputs, const RunSubgraph& run,
                                const std::stop_token& stop) {
  std::vector<Tensor> outputs = interpret(graph, aligned(inputs), run, stop);
  for (Tensor& output : outputs)
    if (output.buffer().use_count() > 1) output = output.clone();
  return outputs;
}

std::vector<Shape> shapes_of(std::span<const Tensor> tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return shapes;
}

StepObserver deeper(const StepObserver& observe) {
  if (!observe) return {};
  return [observe](const StepRun& step) {
    StepRun inner = step;
    ++inner.depth;
    observe(inner);
  };
}

bool accepts(const Shape& expected, const Shape& given) {
  return std::ranges::equal(expected, given, [](std::int64_t want, std::int64_t have) {
    return want == have || (want == kDynamic && have >= 0);
  });
}

}  // namespace

struct Session::State {
  State(Graph g, std::span<const Driver* const> d, Options o)
      : graph(std::move(g)), drivers(d.begin(), d.end()), options(std::move(o)) {
    if (options.optimise) engine::optimise(graph);
  }

  void check(std::span<const Tensor> inputs) const {
    if (inputs.size() != graph.inputs().size())
      throw Failure(Errc::invalid, "the model takes " + std::to_string(graph.inputs().size()) +
                                       " inputs; given " + std::to_string(inputs.size()));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ValueInfo& value = graph.value(graph.inputs()[i]);
      const bool fits = !value.shape_known || accepts(value.shape, inputs[i].shape());
      if (value.dtype == inputs[i].dtype() && fits) continue;
      throw Failure(Errc::invalid, "input '" + value.name + "': expected " + std::string(word(value.dtype)) +
                                       " " + to_string(value.shape) + ", given " +
                                       std::string(word(inputs[i].dtype())) + " " +
                                       to_string(inputs[i].shape()));
    }
  }

  /// Copies what a run made to where the caller wants it.
  void copy(std::span<const Tensor> made, std::span<const View> to) const {
    if (to.size() != made.size())
      throw Failure(Errc::invalid, "the model has " + std::to_string(made.size()) +
                                       " outputs; given room for " + std::to_string(to.size()));
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (made[i].dtype() != to[i].dtype || made[i].shape() != *to[i].shape)
        throw Failure(Errc::invalid, "output '" + graph.value(graph.outputs()[i]).name + "': is " +
                                         std::string(word(made[i].dtype())) + " " +
                                         to_string(made[i].shape()) + ", given room for " +
                                         std::string(word(to[i].dtype)) + " " + to_string(*to[i].shape));
      if (made[i].elements() > 0) std::memcpy(to[i].data, made[i].data(), made[i].byte_size());
    }
  }

  std::shared_ptr<Prepared> prepared_for(std::span<const Tensor> inputs) {
    if (auto found = find(inputs)) return found;
    return prepare(inputs, nullptr);
  }

  /// Plans for all drivers left but that one.
  std::shared_ptr<Prepared> prepare(std::span<const Tensor> inputs, const Driver* without) {
    const std::vector<Shape> shapes = shapes_of(inputs);
    const std::vector<const Driver*> left = drivers_left();
    std::vector<const Driver*> some = left;
    std::erase(some, without);
    // Planning happens outside the lock: two threads may plan the same shape once each.
    auto made = std::make_shared<Prepared>(make_plan(graph, shapes, some, kArenaLimit));
    const std::lock_guard lock(mutex);
    if (left.size() != drivers.size()) return made;  // one has failed meanwhile
    std::erase_if(plans, [&](const auto& plan) { return without && plan.first == shapes; });
    plans.emplace_front(shapes, made);
    if (plans.size() > options.plans) plans.pop_back();
    return made;
  }

  std::vector<const Driver*> drivers_left() {
    const std::lock_guard lock(mutex);
    return drivers;
  }

  /// From now on it computes without the driver that failed; inputs that it had no room for, without it.
  void go_without(const DriverFailure& failure, std::span<const Tensor> inputs) {
    if (failure.error().code == Errc::too_large) {
      log(Level::warning, "driver " + std::string(failure.driver->name()) +
                              " does not compute inputs of this size: " + failure.error().context);
      prepare(inputs, failure.driver);
      return;
    }
    decltype(plans) over;  // may wait for the device as they go, which nobody else should
    const std::lock_guard lock(mutex);
    if (std::erase(drivers, failure.driver) == 0) return;  // another thread was first
    over.swap(plans);
    log(Level::warning, "driver " + std::string(failure.driver->name()) +
                            " is no longer used by a model: " + failure.error().context);
    if (const auto* const listener = dynamic_cast<const FailureListener*>(failure.driver))
      listener->given_up(failure.error());
  }

  std::shared_ptr<Prepared> find(std::span<const Tensor> inputs) {
    const std::lock_guard lock(mutex);
    const auto found = std::ranges::find_if(plans, [&](const auto& plan) {
      return std::ranges::equal(plan.first, inputs, {}, {}, &Tensor::shape);
    });
    if (found == plans.end()) return nullptr;
    plans.splice(plans.begin(), plans, found);
    return found->second;
  }

  /// The session of a subgraph of this graph's, made when it is first run.
  const Session& session_of(const Graph& subgraph) {
    const std::lock_guard lock(mutex);
    std::unique_ptr<Session>& session = subgraphs[&subgraph];
    if (!session)
      session = std::make_unique<Session>(subgraph, drivers,
                                          Options{.plans = options.plans,
                                                  .optimise = options.optimise,
                                                  .measure = options.measure,
                                                  .observe = deeper(options.observe),
                                                  .patient = true});
    return *session;
  }

  /// Whether a plan for these inputs is not worth making: see Options::patient.
  bool too_new(std::span<const Tensor> inputs) {
    if (!options.patient) return false;
    std::vector<Shape> shapes = shapes_of(inputs);
    const std::lock_guard lock(mutex);
    if (std::ranges::find(recent, shapes) != recent.end()) {
      new_in_a_row = 0;
      return false;
    }
    recent.push_back(std::move(shapes));
    if (recent.size() > options.plans) recent.pop_front();
    return ++new_in_a_row > options.plans;
  }

  /// What tells of the steps of one run, adding to `here` what is timed; empty if nobody asked.
  StepObserver observer(Spent& here) const {
    if (!options.timed) return options.observe;
    return [this, &here](const StepRun& run) {
      here[run.step ? run.step->driver : nullptr] += run.end - run.begin;
      if (options.observe) options.observe(run);
    };
  }

  std::vector<Tensor> run_planned(std::span<const Tensor> inputs, const RunSubgraph& run_subgraph,
                                  const std::stop_token& stop);

  void add(const Spent& more) {
    const std::lock_guard lock(mutex);
    for (const auto& [driver, time] : more) spent[driver] += time;
  }

  Graph graph;
  std::vector<const Driver*> drivers;
  Options options;
  std::mutex mutex;
  std::atomic<std::size_t> copied = 0;
  Spent spent;
  std::list<std::pair<std::vector<Shape>, std::shared_ptr<Prepared>>> plans;  // most recently used first
  std::list<std::vector<Shape>> recent;  // as many as there are plans; when patient
  std::size_t new_in_a_row = 0;
  std::map<const Graph*, std::unique_ptr<Session>> subgraphs;  // the keys live as long as `graph`
};

/// What one run of a model is, through all its subgraphs.
struct Session::Call {
  SubgraphRuns& runs;
  const std::stop_token& stop;
};

/// Throws DriverFailure.
std::vector<Tensor> Session::State::run_planned(std::span<const Tensor> inputs,
                                                const RunSubgraph& run_subgraph,
                                                const std::stop_token& stop) {
  Spent here;
  const StepObserver observe = observer(here);
  const auto prepared = prepared_for(inputs);
  const Lease context(*prepared, {.measure = options.measure, .feeds_back = options.feeds_back});
  const std::size_t before = context->copied();
  std::vector<Tensor> outputs = context->run(inputs, {run_subgraph, observe, stop});
  if (const std::size_t more = context->copied() - before) copied += more;
  if (const auto& tail = prepared->plan.tail) {
    const auto begin = observe ? StepRun::Clock::now() : StepRun::Clock::time_point{};
    std::vector<Tensor> given(inputs.begin(), inputs.end());
    std::ranges::move(outputs, std::back_inserter(given));
    outputs = interpreted(*tail, given, run_subgraph, stop);
    if (observe) observe({*tail, nullptr, nullptr, begin, StepRun::Clock::now(), 0});
  }
  if (options.timed) add(here);
  return outputs;
}

Session::Session(Graph graph, std::span<const Driver* const> drivers, Options options)
    : state_(std::make_unique<State>(std::move(graph), drivers, std::move(options))) {}

Session::~Session() = default;

const Graph& Session::graph() const { return state_->graph; }

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, const std::stop_token& stop) const {
  SubgraphRuns runs;
  return run(inputs, {runs, stop});
}

void Session::run_into(std::span<const Tensor> inputs, std::span<const View> outputs,
                       const std::stop_token& stop) const {
  state_->copy(run(inputs, stop), outputs);
}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, const Call& call) const {
  state_->check(inputs);
  const RunSubgraph run_subgraph = [&](const Graph& subgraph, std::span<const Tensor> given) {
    call.runs.count();
    return state_->session_of(subgraph).run(given, call);
  };
  if (state_->too_new(inputs)) return interpreted(state_->graph, inputs, run_subgraph, call.stop);
  for (;;) {
    try {
      return state_->run_planned(inputs, run_subgraph, call.stop);
    } catch (const DriverFailure& failure) {
      state_->go_without(failure, inputs);
    }
  }
}

std::size_t Session::copied_inputs() const { return state_->copied; }

std::map<std::string, double> Session::seconds() const {
  const std::lock_guard lock(state_->mutex);
  std::map<std::string, double> seconds;
  for (const auto& [driver, time] : state_->spent)
    seconds[driver ? std::string(driver->name()) : "reference"] +=
        std::chrono::duration<double>(time).count();
  return seconds;
}

std::vector<std::pair<std::string, std::size_t>> Session::placement(std::span<const Tensor> inputs) const {
  state_->check(inputs);
  const auto prepared = state_->prepared_for(inputs);
  std::map<std::string, std::size_t> counts;
  for (const Step& step : prepared->plan.steps)
    counts[step.driver ? std::string(step.driver->name()) : "reference"] += step.partition.nodes.size();
  if (prepared->plan.tail) counts["reference"] += prepared->plan.tail->nodes().size();
  return {counts.begin(), counts.end()};
}

}  // namespace dormouse::engine

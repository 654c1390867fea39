#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <list>
#include <map>
#include <mutex>

#include "engine/context.h"
#include "engine/interpreter.h"
#include "engine/passes/pass.h"
#include "engine/plan.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kArenaLimit = std::size_t{2} << 30;

/// A plan and the contexts that wait for a thread.
struct Prepared {
  explicit Prepared(Plan made) : plan(std::move(made)) {
    for (Step& step : plan.steps) step.partition.graph = &plan.graph;  // the graph moved in with the plan
  }

  std::unique_ptr<Context> take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        auto context = std::move(idle.back());
        idle.pop_back();
        return context;
      }
    }
    return std::make_unique<Context>(plan);
  }

  void give_back(std::unique_ptr<Context> context) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(context));
  }

  Plan plan;
  std::mutex mutex;
  std::vector<std::unique_ptr<Context>> idle;
};

bool accepts(const Shape& expected, const Shape& given) {
  return std::ranges::equal(expected, given, [](std::int64_t want, std::int64_t have) {
    return want == have || (want == kDynamic && have >= 0);
  });
}

}  // namespace

struct Session::State {
  State(Graph g, std::span<const Driver* const> d, Options o)
      : graph(std::move(g)), drivers(d.begin(), d.end()), options(o) {
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

  std::shared_ptr<Prepared> prepared_for(std::span<const Tensor> inputs) {
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs) shapes.push_back(input.shape());
    if (auto found = find(shapes)) return found;
    // Planning happens outside the lock: two threads may plan the same shape once each.
    auto made = std::make_shared<Prepared>(make_plan(graph, shapes, drivers, kArenaLimit));
    const std::lock_guard lock(mutex);
    plans.emplace_front(std::move(shapes), made);
    if (plans.size() > options.plans) plans.pop_back();
    return made;
  }

  std::shared_ptr<Prepared> find(const std::vector<Shape>& shapes) {
    const std::lock_guard lock(mutex);
    const auto found =
        std::ranges::find(plans, shapes, &std::pair<std::vector<Shape>, std::shared_ptr<Prepared>>::first);
    if (found == plans.end()) return nullptr;
    plans.splice(plans.begin(), plans, found);
    return found->second;
  }

  /// The session of a subgraph of this graph's, made when it is first run.
  const Session& session_of(const Graph& subgraph) {
    const std::lock_guard lock(mutex);
    std::unique_ptr<Session>& session = subgraphs[&subgraph];
    if (!session)
      session = std::make_unique<Session>(
          subgraph, drivers, Options{.plans = options.plans, .optimise = options.optimise, .patient = true});
    return *session;
  }

  /// Whether a plan for these inputs is not worth making: see Options::patient.
  bool too_new(std::span<const Tensor> inputs) {
    if (!options.patient) return false;
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs) shapes.push_back(input.shape());
    const std::lock_guard lock(mutex);
    if (std::ranges::find(recent, shapes) != recent.end()) {
      new_in_a_row = 0;
      return false;
    }
    recent.push_back(std::move(shapes));
    if (recent.size() > options.plans) recent.pop_front();
    return ++new_in_a_row > options.plans;
  }

  void add(const Spent& more) {
    const std::lock_guard lock(mutex);
    for (const auto& [driver, time] : more) spent[driver] += time;
  }

  Graph graph;
  std::vector<const Driver*> drivers;
  Options options;
  std::mutex mutex;
  Spent spent;
  std::list<std::pair<std::vector<Shape>, std::shared_ptr<Prepared>>> plans;  // most recently used first
  std::list<std::vector<Shape>> recent;  // as many as there are plans; when patient
  std::size_t new_in_a_row = 0;
  std::map<const Graph*, std::unique_ptr<Session>> subgraphs;  // the keys live as long as `graph`
};

Session::Session(Graph graph, std::span<const Driver* const> drivers, Options options)
    : state_(std::make_unique<State>(std::move(graph), drivers, options)) {}

Session::~Session() = default;

const Graph& Session::graph() const { return state_->graph; }

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) const {
  SubgraphRuns runs;
  return run(inputs, runs);
}

std::vector<Tensor> Session::run(std::span<const Tensor> inputs, SubgraphRuns& runs) const {
  state_->check(inputs);
  const RunSubgraph run_subgraph = [&](const Graph& subgraph, std::span<const Tensor> given) {
    runs.count();
    return state_->session_of(subgraph).run(given, runs);
  };
  if (state_->too_new(inputs)) return interpret(state_->graph, inputs, run_subgraph);
  const auto prepared = state_->prepared_for(inputs);
  Spent spent;
  Spent* const measured = state_->options.timed ? &spent : nullptr;
  auto context = prepared->take();
  std::vector<Tensor> outputs = context->run(inputs, run_subgraph, measured);
  prepared->give_back(std::move(context));
  if (prepared->plan.tail) {
    const Stopwatch watch(measured);
    std::vector<Tensor> given(inputs.begin(), inputs.end());
    given.insert(given.end(), outputs.begin(), outputs.end());
    outputs = interpret(*prepared->plan.tail, given, run_subgraph);
  }
  if (measured) state_->add(spent);
  return outputs;
}

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

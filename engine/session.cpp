#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <list>
#include <map>
#include <mutex>

#include "engine/interpreter.h"
#include "engine/kernel_call.h"
#include "engine/passes/pass.h"
#include "engine/plan.h"

namespace dormouse::engine {
namespace {

constexpr std::size_t kArenaLimit = std::size_t{2} << 30;

/// Time by driver; null: portable kernels.
using Spent = std::map<const Driver*, std::chrono::nanoseconds>;

/// Reads the clock only where one driver hands over to another. Without `spent` it does nothing.
class Stopwatch {
 public:
  explicit Stopwatch(Spent* spent) : spent_(spent) {
    if (spent_) since_ = Clock::now();
  }
  ~Stopwatch() { stop(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  void hand_over(const Driver* driver) {
    if (driver == running_) return;
    stop();
    running_ = driver;
  }

 private:
  using Clock = std::chrono::steady_clock;
  void stop() {
    if (!spent_) return;
    const Clock::time_point now = Clock::now();
    (*spent_)[running_] += now - std::exchange(since_, now);
  }

  Spent* spent_;
  const Driver* running_ = nullptr;
  Clock::time_point since_;
};

/// What one thread needs to run a plan: an arena, and kernels and programs bound to it.
class Context {
 public:
  explicit Context(const Plan& plan) : plan_(plan), arena_(Buffer::allocate(plan.arena_bytes)) {
    for (std::size_t i = 0; i < plan.places.size(); ++i) views_.push_back(view(static_cast<ValueId>(i)));
    for (const Step& step : plan.steps) bind(step);
    scratch_ = Buffer::allocate(scratch_bytes_);
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs, Spent* spent) {
    Stopwatch watch(spent);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      copy(views_[static_cast<std::size_t>(plan_.graph.inputs()[i])].data, inputs[i].data(),
           inputs[i].byte_size());
    for (Bound& step : steps_) {
      watch.hand_over(step.driver);
      if (step.program)
        step.program->run(step.inputs, step.outputs);
      else
        step.call.run({scratch_->writable_data(), step.call.scratch_bytes});
    }
    std::vector<Tensor> outputs;
    for (const ValueId id : plan_.graph.outputs()) outputs.push_back(take(id));
    return outputs;
  }

 private:
  struct Bound {
    std::vector<View> inputs;
    std::vector<View> outputs;
    KernelCall call;
    std::unique_ptr<Program> program;
    const Driver* driver = nullptr;
  };

  static void copy(std::byte* to, const std::byte* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  View view(ValueId id) const {
    const ValueInfo& value = plan_.graph.value(id);
    const Place place = plan_.places[static_cast<std::size_t>(id)];
    if (place.kind == Place::Kind::constant) return view_of(*value.constant);
    if (place.kind == Place::Kind::nowhere) return {};
    return {value.dtype, &value.shape, arena_->writable_data() + place.offset};
  }

  std::vector<View> views(std::span<const ValueId> ids) const {
    std::vector<View> result;
    for (const ValueId id : ids)
      result.push_back(id == kAbsent ? View{} : views_[static_cast<std::size_t>(id)]);
    return result;
  }

  void bind(const Step& step) {
    Bound bound;
    if (step.driver) {
      bound.inputs = views(step.partition.inputs);
      bound.outputs = views(step.partition.outputs);
      bound.program = step.driver->compile(step.partition);
      bound.driver = step.driver;
    } else {
      const Node& node = plan_.graph.nodes()[step.partition.nodes.front()];
      bound.inputs = views(node.inputs);
      bound.outputs = views(node.outputs);
      if (node.op->is_view && bound.inputs[0].data == bound.outputs[0].data) return;
      bound.call = prepare_or_copy(node, bound);
      scratch_bytes_ = std::max(scratch_bytes_, bound.call.scratch_bytes);
    }
    steps_.push_back(std::move(bound));
  }

  static KernelCall prepare_or_copy(const Node& node, const Bound& bound) {
    if (!node.op->is_view) return prepare(node, bound.inputs, bound.outputs);
    const Kernel copy_elements = [](const KernelContext& context) noexcept {
      const View& out = context.outputs[0];
      copy(out.data, context.inputs[0].data, static_cast<std::size_t>(out.elements()) * size_of(out.dtype));
    };
    return {copy_elements, &node.attributes, bound.inputs, bound.outputs, 0};
  }

  Tensor take(ValueId id) const {
    const View& from = views_[static_cast<std::size_t>(id)];
    Tensor result(from.dtype, *from.shape);
    copy(result.mutable_data(), from.data, result.byte_size());
    return result;
  }

  const Plan& plan_;
  std::shared_ptr<Buffer> arena_;
  std::vector<View> views_;
  std::vector<Bound> steps_;
  std::size_t scratch_bytes_ = 0;
  std::shared_ptr<Buffer> scratch_;
};

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
      if (value.dtype == inputs[i].dtype() && accepts(value.shape, inputs[i].shape())) continue;
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
};

Session::Session(Graph graph, std::span<const Driver* const> drivers, Options options)
    : state_(std::make_unique<State>(std::move(graph), drivers, options)) {}

Session::~Session() = default;

const Graph& Session::graph() const { return state_->graph; }

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) const {
  state_->check(inputs);
  const auto prepared = state_->prepared_for(inputs);
  Spent spent;
  Spent* const measured = state_->options.timed ? &spent : nullptr;
  std::vector<Tensor> outputs;
  if (prepared->plan.interpreted) {
    const Stopwatch watch(measured);
    outputs = interpret(prepared->plan.graph, inputs);
  } else {
    auto context = prepared->take();
    outputs = context->run(inputs, measured);
    prepared->give_back(std::move(context));
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
  if (prepared->plan.interpreted) counts["reference"] = prepared->plan.graph.nodes().size();
  return {counts.begin(), counts.end()};
}

}  // namespace dormouse::engine

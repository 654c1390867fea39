#include "learning/planner_spec.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "engine/formats/all_formats.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/bytes.h"
#include "engine/formats/safetensors.h"
#include "engine/planner_keys.h"
#include "learning/families.h"
#include "learning/layers.h"
#include "learning/linear_layer.h"
#include "learning/step.h"

namespace dormouse::learning {
namespace {

using engine::kDynamic;
using engine::Shape;
using engine::Tensor;
using engine::Value;
using engine::ValueId;

constexpr std::int64_t kMixerTokens = 72;  // hidden units among cells, by the measured size of the network

/// Appends the parts of a planner; a weight is made where it is first used.
class Core {
 public:
  Core(engine::Graph& graph, const PlannerSpec& spec, Random& random, Value x)
      : graph_(graph), spec_(spec), random_(random), x_(x) {}
  virtual ~Core() = default;

  virtual Shape state(const Shape& x) const = 0;
  virtual Value cycle(Value z) = 0;
  virtual Value logits(Value z) = 0;
  virtual Value right(Value before, Value z) = 0;  ///< q, of the state before the last cycle and after it
  /// Whether the state learns from what q should be.
  virtual bool heeds_judgement() const = 0;

 protected:
  Value weight(const std::string& name, const Shape& shape, std::int64_t fan_in, double gain = 1) {
    if (const auto known = graph_.find(name)) return {&graph_, *known};
    Tensor values(engine::DType::f32, shape);
    if (fan_in > 0) values = he_normal(shape, fan_in, random_);
    for (float& value : values.mutable_values<float>()) value *= static_cast<float>(gain);
    return {&graph_, graph_.add_constant(name, std::move(values))};
  }

  engine::Graph& graph_;
  const PlannerSpec& spec_;
  Random& random_;
  Value x_;
};

class Convolutions final : public Core {
 public:
  using Core::Core;

  Shape state(const Shape& x) const override { return {x[0], spec_.width, x[2], x[3]}; }

  Value cycle(Value z) override {
    const Value seen = engine::apply("Concat", {z, x_}, {{"axis", std::int64_t{1}}});
    const Value h = engine::relu(convolution(seen, "look", spec_.width, 3));
    return engine::relu(z + convolution(h, "think", spec_.width, 3, 0.5));
  }
  Value logits(Value z) override { return convolution(z, "answer", spec_.puzzle->classes, 3); }
  /// The worst of all cells. What still moves is not yet right: a state alone does not show that.
  Value right(Value before, Value z) override {
    const Value moved = engine::apply("Abs", {z - before});
    const Value seen = engine::apply("Concat", {z, moved}, {{"axis", std::int64_t{1}}});
    return engine::apply("ReduceMin", {convolution(seen, "halt", 1, 3)},
                         {{"axes", std::vector<std::int64_t>{2, 3}}, {"keepdims", std::int64_t{0}}});
  }
  /// On mazes larger than those it learnt from it is the worse for it.
  bool heeds_judgement() const override { return false; }

 private:
  Value convolution(Value x, const std::string& name, std::int64_t channels, std::int64_t kernel,
                    double gain = 1) {
    const std::int64_t in = x.shape()[1], around = kernel / 2;
    const Value weights =
        weight(name + ".weight", {channels, in, kernel, kernel}, in * kernel * kernel, gain);
    return engine::apply("Conv", {x, weights, weight(name + ".bias", {channels}, 0)},
                         {{"pads", std::vector<std::int64_t>(4, around)}});
  }
};

class Mixer final : public Core {
 public:
  using Core::Core;

  /// Answer and latent side by side.
  Shape state(const Shape& x) const override { return {x[0], x[1], 2 * spec_.width}; }

  Value cycle(Value z) override {
    if (!seen_) {
      const std::int64_t cells = x_.shape()[1], symbols = x_.shape()[2];
      seen_ = engine::matmul(x_, weight("embed.weight", {symbols, spec_.width}, symbols)) +
              weight("place.weight", {cells, spec_.width}, 2);
    }
    Value answer = part(z, 0), latent = part(z, 1);
    for (std::int64_t i = 0; i < spec_.thoughts; ++i) latent = think(seen_ + answer + latent);
    answer = think(answer + latent);
    return engine::apply("Concat", {answer, latent}, {{"axis", std::int64_t{2}}});
  }
  Value logits(Value z) override {
    const Value cells = engine::matmul(
        part(z, 0), weight("answer.weight", {spec_.width, spec_.puzzle->classes}, spec_.width, 0.5));
    return engine::transpose(cells, {0, 2, 1});
  }
  Value right(Value, Value z) override {
    const Value mean = engine::reduce_mean(part(z, 0), {1}, false);
    return engine::matmul(mean, weight("halt.weight", {spec_.width, 1}, spec_.width)) +
           weight("halt.bias", {1}, 0);
  }
  bool heeds_judgement() const override { return true; }

 private:
  Value part(Value z, std::int64_t which) {
    const auto numbers = [&](std::int64_t value) { return engine::integers(graph_, {value}); };
    return engine::apply("Slice",
                         {z, numbers(which * spec_.width), numbers((which + 1) * spec_.width), numbers(2)});
  }

  /// Two layers that mix among cells, then in each.
  Value think(Value h) {
    for (const char* layer : {"layer0", "layer1"}) {
      const Value across =
          gated(engine::transpose(h, {0, 2, 1}), std::string(layer) + ".cells", kMixerTokens);
      h = normalised(h + engine::transpose(across, {0, 2, 1}));
      h = normalised(h + gated(h, std::string(layer) + ".units", 2 * spec_.width));
    }
    return h;
  }

  /// SwiGLU (Shazeer 2020).
  Value gated(Value h, const std::string& name, std::int64_t hidden) {
    const std::int64_t in = h.shape().back();
    const Value gate = engine::matmul(h, weight(name + ".gate", {in, hidden}, in, 0.7));
    const Value value = engine::matmul(h, weight(name + ".value", {in, hidden}, in, 0.7));
    return engine::matmul(gate * engine::sigmoid(gate) * value,
                          weight(name + ".out", {hidden, in}, hidden, 0.7));
  }

  static Value normalised(Value h) { return h / engine::sqrt(engine::reduce_mean(h * h, {2}, true) + 1e-5); }

  Value seen_;
};

std::unique_ptr<Core> core_of(engine::Graph& graph, const PlannerSpec& spec, Random& random, Value x) {
  if (spec.puzzle->classes == 2) return std::make_unique<Convolutions>(graph, spec, random, x);
  return std::make_unique<Mixer>(graph, spec, random, x);
}

/// x of any batch; of any size where the puzzle has several.
Shape input_of(const PuzzleKind& puzzle) {
  if (puzzle.size == 0) return {kDynamic, 3, kDynamic, kDynamic};
  return {kDynamic, puzzle.size * puzzle.size, puzzle.classes + 1};
}

Value add_input(engine::Graph& graph, const char* name, const Shape& shape) {
  return {&graph, graph.add_input(name, engine::DType::f32, shape)};
}

Value detached(Value a) { return engine::apply("Detach", {a}, {}, "dormouse"); }

/// q where every cell of the logits is the answer's, -q elsewhere.
Value judged(Value q, Value logits, Value answers) {
  const Value named =
      engine::apply("ArgMax", {logits}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
  const Value error = engine::apply("Abs", {engine::cast(named, engine::DType::f32) - answers});
  std::vector<std::int64_t> axes;
  for (std::size_t axis = 1; axis < answers.shape().rank(); ++axis)
    axes.push_back(static_cast<std::int64_t>(axis));
  const Value errors = engine::unsqueeze(engine::reduce_sum(error, axes, false), {1});
  return engine::where(engine::greater(errors, engine::scalar_like(errors, 0.5)), q * -1.0, q);
}

/// [N, classes, …] as rows of classes.
Value as_rows(Value logits) {
  const std::size_t rank = logits.shape().rank();
  std::vector<std::int64_t> order{0};
  for (std::size_t axis = 2; axis < rank; ++axis) order.push_back(static_cast<std::int64_t>(axis));
  order.push_back(1);
  return engine::reshape(engine::transpose(logits, order), {-1, logits.shape()[1]});
}

/// `more` behind what there is, if there is anything.
Value behind(Value there, Value more, std::int64_t axis) {
  return there ? engine::apply("Concat", {there, more}, {{"axis", axis}}) : more;
}

/// Of a step that was trained, or of a file of weights alone.
Parameters weights_in(const std::string& file) {
  const auto bytes = engine::map_file(file);
  const auto is_model = [&](const engine::Format& format) {
    return format.load_graph && format.detect({bytes->data(), bytes->size()});
  };
  if (std::ranges::any_of(engine::all_formats(), is_model))
    return parameters_by_name(engine::load_graph(file));
  return engine::read_safetensors(file).tensors;
}

}  // namespace

void bind_options(config::Binder& binder, PlannerSpec& spec) {
  std::string puzzle;
  binder.required("puzzle", puzzle);
  try {
    spec.puzzle = &puzzle_called(puzzle);
  } catch (const Failure& failure) {
    throw binder.wrong("puzzle", failure.error().context);
  }
  const bool grid = spec.puzzle->size == 0;
  spec.width = grid ? 32 : 64;
  spec.cycles = grid ? 1 : 3;
  spec.steps = grid ? 60 : 6;
  binder.optional("width", spec.width, config::range(1, 1024));
  binder.optional("cycles", spec.cycles, config::range(1, 64));
  binder.optional("thoughts", spec.thoughts, config::range(1, 64));
  binder.optional("unroll", spec.unroll, config::range(1, 256));
  binder.optional("segments", spec.segments, config::range(1, 256));
  binder.optional("examples", spec.examples, config::range(1, 1 << 24));
  binder.optional("steps", spec.steps, config::range(1, 4096));
}

bool is_planner_spec(const std::filesystem::path& path) {
  const config::Node root = config::load_file(path);
  return std::ranges::find(root.entries, "planner", [](const auto& entry) { return entry.key; }) !=
         root.entries.end();
}

PlannerSpec read_planner_spec(const std::filesystem::path& path) {
  const config::Node root = config::load_file(path);
  config::Binder binder(root);
  PlannerSpec spec;
  spec.train.loss.smoothing = 0;
  binder.required("model", spec.name);
  binder.required("planner", spec);
  binder.optional("weights", spec.weights);
  binder.optional("train", spec.train);
  binder.finish();
  return spec;
}

engine::Graph planner_step(const PlannerSpec& spec) {
  engine::Graph graph;
  Random random(spec.train.seed);
  const Value x = add_input(graph, "x", input_of(*spec.puzzle));
  const auto core = core_of(graph, spec, random, x);
  Value z = add_input(graph, "z", core->state(x.shape()));
  Value before;
  for (std::int64_t i = 0; i < spec.cycles; ++i) before = std::exchange(z, core->cycle(z));
  const Value logits = core->logits(z), q = core->right(before, z);
  graph.rename(z.id, "z.next");
  graph.rename(logits.id, "logits");
  graph.rename(q.id, "q");
  for (const Value& output : {z, logits, q}) graph.mark_output(output.id);
  graph.metadata = {{engine::kPuzzleKey, std::string(spec.puzzle->name)}};
  if (spec.weights.empty()) return graph;
  return with_parameters(std::move(graph), weights_in(spec.weights.string()));
}

engine::Graph planner_training_graph(const PlannerSpec& spec, const Shape& input) {
  engine::Graph graph;
  Random random(spec.train.seed);
  Shape shape = input;
  shape[0] = spec.train.batch;
  const Value x = add_input(graph, "x", shape);
  const auto core = core_of(graph, spec, random, x);
  Value z = add_input(graph, "z", core->state(shape)), answers;
  Value rows, q;
  for (std::int64_t i = 0; i < spec.unroll; ++i) {
    const Value before = std::exchange(z, core->cycle(z)), logits = core->logits(z);
    if (!answers) {
      std::vector<std::int64_t> cells = logits.shape().extents();
      cells.erase(cells.begin() + 1);
      answers = add_input(graph, "answers", Shape(std::move(cells)));
    }
    rows = behind(rows, as_rows(logits), 0);
    const Value right =
        core->heeds_judgement() ? core->right(before, z) : core->right(detached(before), detached(z));
    q = behind(q, judged(right, logits, answers), 0);
  }
  Value row = behind(q, q * 0, 1);
  for (std::int64_t i = 2; i < spec.puzzle->classes; ++i) row = behind(row, q * 0 + -1e9, 1);
  graph.mark_output(behind(rows, row, 0).id);
  graph.mark_output(z.id);
  return graph;
}

Tensor planner_start(const engine::Graph& step, const Tensor& x) {
  Shape shape = step.value(step.inputs().at(1)).shape;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis)
    if (shape[axis] == kDynamic) shape[axis] = x.shape()[axis];
  return {engine::DType::f32, std::move(shape)};
}

engine::Graph write_new_planner(const PuzzleKind& puzzle, std::uint64_t seed,
                                const std::filesystem::path& path, bool overwrite) {
  const std::filesystem::path weights = std::filesystem::path(path).replace_extension(".safetensors");
  if (!overwrite) {
    refuse_to_overwrite(path);
    refuse_to_overwrite(weights);
  }
  const bool grid = puzzle.size == 0;
  const std::string text =
      "# hrm: one step, looped until its answer holds\nmodel: " +
      boost::json::serialize(boost::json::value(path.stem().string())) +
      "\nplanner: {puzzle: " + std::string(puzzle.name) +
      (grid ? ", unroll: 8, segments: 10, examples: 1600"
            : ", cycles: 3, unroll: 1, segments: 8, examples: 1600, steps: 6") +
      "}\nweights: " + boost::json::serialize(boost::json::value(weights.filename().string())) +
      (grid ? "\ntrain: {epochs: 8, batch: 16, rate: 0.002, optimiser: {rule: adamw, clip_norm: 1, average: "
              "0.99}, seed: "
            : "\ntrain: {epochs: 40, batch: 32, rate: 0.001, optimiser: {rule: adamw, clip_norm: 1, average: "
              "0.99}, seed: ") +
      std::to_string(seed) + "}\n";
  engine::write_file(path.string(), text);
  PlannerSpec spec = read_planner_spec(path);
  spec.weights.clear();
  engine::Graph step = planner_step(spec);
  engine::write_safetensors(weights.string(), {parameters_by_name(step), {{"format", "dormouse-weights-1"}}});
  return step;
}

}  // namespace dormouse::learning

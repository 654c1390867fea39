#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <unordered_map>

#include "engine/formats/onnx.h"
#include "engine/kernels/ternary.h"
#include "engine/op.h"
#include "engine/ops/pairs.h"
#include "engine/passes/pass.h"
#include "engine/value.h"

namespace dormouse::engine {

extern const Pass constant_folding;
extern const Pass dead_code;

namespace {

constexpr int kOpset = 18;  // of write_onnx()

using Inputs = std::vector<Value>;  // and outputs

Inputs gelu(const Node& node, const Inputs& in) {
  const Value x = in[0], half = x * 0.5;
  if (node.attributes.get<std::string>("approximate", "none") != "tanh")
    return {half * (apply("Erf", {x * (1 / std::numbers::sqrt2)}) + 1)};
  const Value inner = x + x * x * x * 0.044715;
  return {half * (tanh(inner * (std::numbers::sqrt2 * std::numbers::inv_sqrtpi)) + 1)};
}

Inputs swish(const Node& node, const Inputs& in) {
  return {in[0] * sigmoid(in[0] * static_cast<double>(node.attributes.get<float>("alpha", 1)))};
}

/// (w, x, M) → w' = M·w + x, twice: as the state and as a row of the result.
std::shared_ptr<const Graph> oscillator_body(DType type, const Shape& state, const Shape& matrices) {
  auto body = std::make_shared<Graph>();
  const Value w{body.get(), body->add_input("w", type, state)},
      x{body.get(), body->add_input("x", type, state)};
  const Value m{body.get(), body->add_input("M", type, matrices)};
  const Value next = reduce_sum(m * unsqueeze(w, {1}), {2}, false) + x;
  body->mark_output(next.id);
  body->mark_output(apply("Identity", {next}).id);
  return body;
}

/// Zeros for the first step of every sequence. No number is greater than itself, and the shape stays known.
Value at_rest(Value x) {
  const Value first =
      apply("Gather", {x, constant(*x.graph, Tensor::scalar<std::int64_t>(0))}, {{"axis", std::int64_t{1}}});
  return cast(greater(first, first), x.dtype());
}

Inputs oscillator_scan(const Node& node, const Inputs& in) {
  const Value x = in[0], m = in[1];
  if (!x.info().shape_known || !m.info().shape_known)
    throw Failure(Errc::unsupported, "OscillatorScan (node " + node.name + "): its rank is not known");
  Graph& graph = *x.graph;
  const std::vector<std::int64_t> axes{1}, directions{pairs::is_reverse(node.attributes) ? 1 : 0};
  const Value start = in.size() > 2 && in[2] ? in[2] : at_rest(x);
  const Shape& sequence = x.shape();
  const Attributes attributes{
      {"body", oscillator_body(x.dtype(), {sequence[0], sequence[2], sequence[3]}, m.shape())},
      {"num_scan_inputs", std::int64_t{1}},
      {"scan_input_axes", axes},
      {"scan_output_axes", axes},
      {"scan_input_directions", directions},
      {"scan_output_directions", directions},
      {"captures", std::int64_t{1}}};
  const auto made = graph.add_node(*find_op("", "Scan"), {start.id, x.id, m.id}, attributes, {"", ""});
  return {{&graph, made[1]}};
}

/// (h, x, elapsed?, Rᵀ) → h' as CfC has it, twice: as the state and as a row of the result.
std::shared_ptr<const Graph> cfc_body(const Inputs& own, Value recurrence) {
  auto body = std::make_shared<Graph>();
  const auto input = [&](const char* name, Shape shape) {
    return Value{body.get(), body->add_input(name, recurrence.dtype(), std::move(shape))};
  };
  const std::int64_t hidden = recurrence.shape()[0], batch = own[0].shape()[0];
  const Value h = input("h", {batch, hidden}), x = input("x", {batch, 4 * hidden});
  const Value elapsed = own.size() > 2 ? input("elapsed", {batch, 1}) : Value{};
  const Value all = x + matmul(h, input("R", recurrence.shape()));
  const auto ids =
      body->add_node(*find_op("", "Split"), {all.id, integers(*body, {hidden, hidden, hidden, hidden}).id},
                     {{"axis", std::int64_t{1}}}, {"", "", "", ""});
  const auto gate = [&](std::size_t i) { return Value{body.get(), ids[i]}; };
  const Value t = sigmoid((elapsed ? gate(2) * elapsed : gate(2)) + gate(3));
  const Value next = (1.0 - t) * tanh(gate(0)) + t * tanh(gate(1));
  body->mark_output(next.id);
  body->mark_output(apply("Identity", {next}).id);
  return body;
}

Inputs cfc(const Node& node, const Inputs& in) {
  const auto has = [&](std::size_t i) { return i < in.size() && in[i]; };
  const auto refuse = [&](const std::string& what) {
    throw Failure(Errc::unsupported,
                  "CfC (node " + node.name + "): " + what + " cannot be written as a Scan");
  };
  const bool plain = node.attributes.get<std::string>("direction", "forward") == "forward" &&
                     node.attributes.integer("layout", 0) == 0 && !node.attributes.has("activations") &&
                     node.attributes.get<float>("clip", 0) == 0;
  if (!plain || has(4))
    refuse("one that is not forward, steps first, of its own activations and full length");
  const Value x = in[0];
  if (!x.info().shape_known || !in[2].shape().is_static()) refuse("one of unknown shape");
  Graph& graph = *x.graph;
  const auto matrix = [&](Value w) { return transpose(squeeze(w, {0}), {1, 0}); };
  const std::int64_t hidden = in[2].shape()[2];
  Value projected = matmul(x, matrix(in[1]));
  if (has(3)) projected = projected + reduce_sum(reshape(in[3], {2, 4 * hidden}), {0}, false);
  // Zeros of the batch's extent, whatever it is: no number is greater than itself.
  const Value row =
      apply("Slice", {apply("Gather", {projected, constant(graph, Tensor::scalar<std::int64_t>(0))},
                            {{"axis", std::int64_t{0}}}),
                      integers(graph, {0}), integers(graph, {hidden}), integers(graph, {1})});
  const Value start = has(5) ? squeeze(in[5], {0}) : cast(greater(row, row), x.dtype());
  Inputs own{start, projected};
  if (has(6)) own.push_back(unsqueeze(in[6], {2}));
  const Value recurrence = matrix(in[2]);
  std::vector<ValueId> ids;
  for (const Value& value : own) ids.push_back(value.id);
  ids.push_back(recurrence.id);
  const auto made = graph.add_node(*find_op("", "Scan"), std::move(ids),
                                   {{"body", cfc_body(own, recurrence)},
                                    {"num_scan_inputs", std::ssize(own) - 1},
                                    {"captures", std::int64_t{1}}},
                                   {"", ""});
  return {unsqueeze(Value{&graph, made[1]}, {1}), unsqueeze(Value{&graph, made[0]}, {0})};
}

/// Its weights as −1, 0 and 1, transposed, which products of whole numbers take exactly.
Inputs bit_linear(const Node& node, const Inputs& in) {
  const Value x = in[0];
  const auto& w = in[1].info().constant;
  if (!w || w->dtype() != DType::f32)
    throw Failure(Errc::unsupported, "BitLinear (node " + node.name + "): its weights are no f32 constant");
  const auto weights = w->values<float>();
  const float scale = ternary_scale(weights);
  const std::int64_t rows = w->shape()[0], columns = w->shape()[1];
  Tensor turned(DType::f32, {columns, rows});
  const auto to = turned.mutable_values<float>();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i) / columns, column = static_cast<std::int64_t>(i) % columns;
    to[static_cast<std::size_t>(column * rows + row)] = ternary(weights[i], scale);
  }
  const Value peak = apply("ReduceMax", {apply("Abs", {x}), integers(*x.graph, {-1})});
  const Value most = apply("Max", {peak, scalar_like(x, kLeastScale)});
  const Value numbers = apply("Round", {x * (scalar_like(x, kTernarySteps) / most)});
  const Value factor = most / scalar_like(x, kTernarySteps) * static_cast<double>(scale);
  const Value y = matmul(numbers, constant(*x.graph, std::move(turned))) * factor;
  return {in.size() > 2 && in[2] ? y + in[2] : y};
}

/// How others spell what ONNX 18 has no operator for.
struct Spelling {
  std::string_view domain, op;
  Inputs (*spell)(const Node&, const Inputs&);  ///< gives the node's outputs
};

constexpr std::array kSpellings{Spelling{"", "Gelu", gelu}, Spelling{"", "Swish", swish},
                                Spelling{"dormouse", "OscillatorScan", oscillator_scan},
                                Spelling{"dormouse", "BitLinear", bit_linear},
                                Spelling{"dormouse", "CfC", cfc}};

const Spelling* spelling_of(const Node& node) {
  for (const Spelling& spelling : kSpellings)
    if (spelling.domain == node.op->domain && spelling.op == node.op->name) return &spelling;
  return nullptr;
}

/// Appends the nodes of one graph to another, spelt out where they must be.
class Copy {
 public:
  explicit Copy(const Graph& from) : from_(from) {
    for (const ValueId id : from.inputs()) {
      const ValueInfo& value = from.value(id);
      map_[id] = value.shape_known ? to_.add_input(value.name, value.dtype, value.shape)
                                   : to_.add_input(value.name, value.dtype);
    }
  }

  Graph run() {
    for (const Node& node : from_.nodes()) {
      if (const Spelling* const spelling = spelling_of(node))
        spell(*spelling, node);
      else
        copy(node);
    }
    for (const ValueId id : from_.outputs()) to_.mark_output(map(id));
    to_.metadata = from_.metadata;
    return std::move(to_);
  }

 private:
  ValueId map(ValueId id) {
    if (id == kAbsent) return kAbsent;
    const auto [entry, fresh] = map_.try_emplace(id, kAbsent);
    if (fresh) entry->second = to_.add_constant(from_.value(id).name, from_.value(id).constant.value());
    return entry->second;
  }

  void spell(const Spelling& spelling, const Node& node) {
    Inputs inputs;
    for (const ValueId id : node.inputs) inputs.push_back({&to_, map(id)});
    const Inputs results = spelling.spell(node, inputs);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kAbsent) continue;
      to_.rename(results[i].id, from_.value(node.outputs[i]).name);
      map_[node.outputs[i]] = results[i].id;
    }
  }

  void copy(const Node& node) {
    if (!node.op->domain.empty() || node.op->since > kOpset)
      throw Failure(Errc::unsupported, std::string(node.op->name) + " (node " + node.name + "): opset " +
                                           std::to_string(kOpset) +
                                           " of ONNX has no such operator; write the model as it is");
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(map(id));
    std::vector<std::string> names;
    for (const ValueId id : node.outputs) names.push_back(from_.value(id).name);
    const auto made = to_.add_node(*node.op, std::move(inputs), node.attributes, std::move(names), node.name);
    for (std::size_t i = 0; i < made.size(); ++i) map_[node.outputs[i]] = made[i];
  }

  const Graph& from_;
  Graph to_;
  std::unordered_map<ValueId, ValueId> map_;
};

}  // namespace

Graph in_standard_operators(const Graph& graph) {
  Graph folded = graph;
  constant_folding.run(folded);
  dead_code.run(folded);
  return Copy(folded).run();
}

}  // namespace dormouse::engine

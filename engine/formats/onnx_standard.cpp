#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <unordered_map>

#include "engine/formats/onnx.h"
#include "engine/op.h"
#include "engine/ops/pairs.h"
#include "engine/passes/pass.h"
#include "engine/value.h"

namespace dormouse::engine {

extern const Pass constant_folding;
extern const Pass dead_code;

namespace {

constexpr int kOpset = 18;  // of write_onnx()

using Inputs = std::vector<Value>;

Value gelu(const Node& node, const Inputs& in) {
  const Value x = in[0], half = x * 0.5;
  if (node.attributes.get<std::string>("approximate", "none") != "tanh")
    return half * (apply("Erf", {x * (1 / std::numbers::sqrt2)}) + 1);
  const Value inner = x + x * x * x * 0.044715;
  return half * (tanh(inner * (std::numbers::sqrt2 * std::numbers::inv_sqrtpi)) + 1);
}

Value swish(const Node& node, const Inputs& in) {
  return in[0] * sigmoid(in[0] * static_cast<double>(node.attributes.get<float>("alpha", 1)));
}

Value along(std::string_view op, Value x, std::int64_t axis) {
  return apply(op, {x, integers(*x.graph, {axis})});
}

/// (w, x, M) → w' = M·w + x, twice: as the state and as a row of the result.
std::shared_ptr<const Graph> oscillator_body(DType type, const Shape& state, const Shape& matrices) {
  auto body = std::make_shared<Graph>();
  const Value w{body.get(), body->add_input("w", type, state)},
      x{body.get(), body->add_input("x", type, state)};
  const Value m{body.get(), body->add_input("M", type, matrices)};
  const Value next = reduce_sum(m * along("Unsqueeze", w, 1), {2}, false) + x;
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

Value oscillator_scan(const Node& node, const Inputs& in) {
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
  return {&graph, made[1]};
}

/// How others spell what ONNX 18 has no operator for.
struct Spelling {
  std::string_view domain, op;
  Value (*spell)(const Node&, const Inputs&);
};

constexpr std::array kSpellings{Spelling{"", "Gelu", gelu}, Spelling{"", "Swish", swish},
                                Spelling{"dormouse", "OscillatorScan", oscillator_scan}};

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
    const Value result = spelling.spell(node, inputs);
    to_.rename(result.id, from_.value(node.outputs[0]).name);
    map_[node.outputs[0]] = result.id;
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

#include "engine/formats/onnx.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <filesystem>
#include <iterator>
#include <set>
#include <unordered_map>

#include "engine/formats/bytes.h"
#include "engine/formats/onnx_gradient.h"
#include "engine/formats/onnx_ml.h"
#include "engine/formats/onnx_proto.h"
#include "engine/formats/onnx_upgrade.h"
#include "engine/formats/protobuf.h"
#include "engine/op.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kNewestOpset = 25;

using Slot = InferContext::Slot;

/// A value of the graphs around a subgraph that one of the subgraphs of a node reads.
struct Captured {
  std::string name;
  ValueInfo value;
};

/// Turns a parsed graph, in a model or in a node, into ours.
class Import {
 public:
  Import(OnnxGraph graph, std::span<const Op* const> more) : source_(std::move(graph)), more_(more) {}

  Graph run() && {
    add_weights();
    for (const OnnxValue& input : source_.inputs) add_input(input);
    return finish();
  }

  /// As a subgraph, whose inputs are `own` and then what is captured.
  Graph run_within(const std::vector<Slot>& own, const std::vector<Captured>& captured) && {
    add_weights();
    add_own_inputs(own);
    for (const Captured& outer : captured) capture(outer);
    return finish();
  }

 private:
  void add_weights() {
    for (auto& [name, weight] : source_.initialisers) {
      if (ids_.contains(name))
        throw Failure(Errc::corrupt, source_.where + ": two initialisers called '" + name + "'");
      define(name, graph_.add_constant(name, std::move(weight)));
    }
  }

  Graph finish() {
    sort_topologically(source_);
    collect_uses();
    for (OnnxNode& node : source_.nodes) add(std::move(node));
    for (const OnnxValue& output : source_.outputs) mark_output(output);
    return std::move(graph_);
  }

  void add_own_inputs(const std::vector<Slot>& own) {
    std::erase_if(source_.inputs, [&](const OnnxValue& input) { return ids_.contains(input.name); });
    if (source_.inputs.size() != own.size())
      throw Failure(Errc::corrupt, source_.where + ": takes " + std::to_string(source_.inputs.size()) +
                                       " inputs and is given " + std::to_string(own.size()));
    for (std::size_t i = 0; i < own.size(); ++i) {
      const std::string& name = source_.inputs[i].name;
      define(name, own[i].shape_known ? graph_.add_input(name, own[i].dtype, own[i].shape)
                                      : graph_.add_input(name, own[i].dtype));
    }
  }

  // Weights are shared; the rest is handed in, also what another subgraph of the node captures alone.
  void capture(const Captured& outer) {
    const bool read = source_.captures.contains(outer.name);
    const ValueInfo& value = outer.value;
    if (value.constant) {
      if (read) define(outer.name, graph_.add_constant(value.name, *value.constant));
      return;
    }
    const ValueId id = value.shape_known ? graph_.add_input(value.name, value.dtype, value.shape)
                                         : graph_.add_input(value.name, value.dtype);
    if (read) define(outer.name, id);
  }

  void collect_uses() {
    for (const OnnxNode& node : source_.nodes) used_.merge(names_read(node));
    for (const OnnxValue& output : source_.outputs) used_.insert(output.name);
  }

  void define(const std::string& name, ValueId id) {
    if (!ids_.emplace(name, id).second)
      throw Failure(Errc::corrupt, source_.where + ": '" + name + "' is made twice");
  }

  void add_input(const OnnxValue& input) {
    if (ids_.contains(input.name)) return;  // a weight, listed as old files do
    const std::string where = source_.where + ": input '" + input.name + "'";
    if (!input.dtype)
      throw Failure(Errc::unsupported,
                    where + ": not a tensor of numbers; export the model with those as inputs");
    if (!input.shape) {
      throw Failure(Errc::unsupported,
                    where + ": no shape; export it with one, whose dimensions may be dynamic");
    }
    define(input.name, graph_.add_input(input.name, *input.dtype, *input.shape));
  }

  void mark_output(const OnnxValue& output) {
    const ValueId id = ids_.at(output.name);  // sort_topologically saw that something makes it
    if (output.dtype && *output.dtype != graph_.value(id).dtype) {
      throw Failure(Errc::corrupt, source_.where + ": output '" + output.name + "' is said to be " +
                                       std::string(word(*output.dtype)) + " and is " +
                                       std::string(word(graph_.value(id).dtype)));
    }
    graph_.mark_output(id);
  }

  const ValueInfo* look_up(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? nullptr : &graph_.value(found->second);
  }

  void add(OnnxNode node) {
    if (is_gradient(node)) return add_gradient(node);
    const LookUp known = [this](const std::string& name) { return look_up(name); };
    for (OnnxNode& newest : upgrade(std::move(node), known)) {
      if (newest.op_type == "Constant" && newest.domain.empty()) {
        add_constant(newest);
      } else {
        add_operator(newest);
      }
    }
  }

  ValueId named(const std::string& name, const OnnxNode& node) const {
    const auto found = ids_.find(name);
    if (found == ids_.end())
      throw Failure(Errc::corrupt, node.where + ": nothing before it makes '" + name + "'");
    return found->second;
  }

  void add_gradient(const OnnxNode& node) {
    const OnnxGradient asked = gradient_of(node);
    std::vector<ValueId> cut, inputs;
    for (const std::string& x : asked.xs) cut.push_back(named(x, node));
    for (const std::string& z : asked.zs) cut.push_back(named(z, node));
    for (const std::string& input : node.inputs) inputs.push_back(named(input, node));
    try {
      const auto gradients = add_derivatives(graph_, named(asked.y, node), cut, asked.xs.size(), inputs);
      for (std::size_t i = 0; i < gradients.size(); ++i)
        if (const std::string& name = node.outputs[i]; !name.empty())
          define(name, graph_.add_node(*find_op("", "Identity"), {gradients[i]}, {}, {name})[0]);
    } catch (const Failure& failure) {
      throw Failure(failure.error().code, node.where + ": " + failure.error().context);
    }
  }

  void add_constant(const OnnxNode& node) {
    if (node.outputs.size() != 1 || node.attributes.entries().size() != 1) {
      throw Failure(Errc::corrupt, node.where + ": one output and one value are needed");
    }
    const auto& [form, attribute] = *node.attributes.entries().begin();
    define(node.outputs[0],
           graph_.add_constant(node.outputs[0], constant_value(form, attribute, node.where)));
  }

  static Tensor constant_value(const std::string& form, const Attribute& attribute,
                               const std::string& where) {
    if (const auto* tensor = std::get_if<Tensor>(&attribute)) return *tensor;
    if (const auto* real = std::get_if<float>(&attribute)) return Tensor::scalar(*real);
    if (const auto* integer = std::get_if<std::int64_t>(&attribute)) return Tensor::scalar(*integer);
    if (const auto* reals = std::get_if<std::vector<float>>(&attribute)) {
      return Tensor::from<float>(Shape{static_cast<std::int64_t>(reals->size())}, *reals);
    }
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute)) {
      return Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(integers->size())}, *integers);
    }
    throw Failure(Errc::unsupported,
                  where + ": a constant given as " + form + " is not supported; export the model without it");
  }

  const Op* known_op(const OnnxNode& node) const {
    const auto found = std::ranges::find_if(
        more_, [&](const Op* op) { return op->name == node.op_type && op->domain == node.domain; });
    return found != more_.end() ? *found : find_op(node.domain, node.op_type);
  }

  const Op& operator_of(const OnnxNode& node) const {
    const std::string domain = node.domain.empty() ? "ai.onnx" : node.domain;
    const std::string form =
        node.where + ": operator " + node.op_type + " of " + domain + ", opset " + std::to_string(node.opset);
    const Op* op = known_op(node);
    if (!op) {
      throw Failure(Errc::unsupported,
                    form + ": there is no such operator here; export the model without it");
    }
    if (node.opset < op->since) {
      throw Failure(Errc::unsupported, form + ": only its form of opset " + std::to_string(op->since) +
                                           " and later is known; export the model with that");
    }
    return *op;
  }

  void add_operator(OnnxNode& node) {
    const Op& op = operator_of(node);
    std::vector<ValueId> inputs;
    for (const std::string& name : node.inputs) inputs.push_back(name.empty() ? kAbsent : ids_.at(name));
    while (!inputs.empty() && inputs.back() == kAbsent) inputs.pop_back();
    if (op.control) add_subgraphs(*op.control, node, inputs);
    if (!op.control && !node.subgraphs.empty())
      throw Failure(Errc::unsupported, node.where + ": attribute '" + node.subgraphs.begin()->first +
                                           "' is a graph, which this operator does not run");
    std::vector<std::string> outputs = node.outputs;
    // Exporters name optional outputs (Dropout's mask) that nothing reads.
    while (outputs.size() > 1 &&
           (outputs.back().empty() || (outputs.size() > op.max_outputs && !used_.contains(outputs.back())))) {
      outputs.pop_back();
    }
    const std::vector<ValueId> made = add_to_graph(op, node, std::move(inputs), outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].empty()) define(outputs[i], made[i]);
    }
  }

  void add_subgraphs(const ControlFlow& control, OnnxNode& node, std::vector<ValueId>& inputs) {
    std::vector<Slot> own;
    for (const ValueId id : inputs) own.push_back(id == kAbsent ? Slot{} : slot_of(graph_.value(id)));
    std::set<std::string> names;
    for (const auto& [attribute, subgraph] : node.subgraphs)
      names.insert(subgraph->captures.begin(), subgraph->captures.end());
    std::vector<Captured> captured;
    for (const std::string& name : names) {
      const ValueId id = ids_.at(name);
      captured.push_back({name, graph_.value(id)});
      if (!graph_.value(id).constant) inputs.push_back(id);
    }
    node.attributes.set("captures", static_cast<std::int64_t>(inputs.size() - own.size()));
    const std::vector<Slot> given = control.given(node.attributes, own);
    for (const auto& [attribute, subgraph] : node.subgraphs)
      node.attributes.set(
          attribute, std::make_shared<const Graph>(Import(*subgraph, more_).run_within(given, captured)));
  }

  std::vector<ValueId> add_to_graph(const Op& op, OnnxNode& node, std::vector<ValueId> inputs,
                                    std::vector<std::string> outputs) {
    try {
      return graph_.add_node(op, std::move(inputs), std::move(node.attributes), std::move(outputs),
                             node.name);
    } catch (const Failure& failure) {
      throw Failure(failure.error().code, node.where + ": " + failure.error().context);
    }
  }

  OnnxGraph source_;
  std::span<const Op* const> more_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> ids_;
  std::set<std::string> used_;
};

void check_opset(const OnnxModel& model, const std::string& file) {
  const auto found = model.opsets.find("");
  if (found == model.opsets.end() || (found->second >= 1 && found->second <= kNewestOpset)) return;
  throw Failure(Errc::unsupported, file + ": opset " + std::to_string(found->second) +
                                       "; export it with opset 1 to " + std::to_string(kNewestOpset));
}

// What a classifier calls its classes, where nothing in the file says it already.
void add_labels(OnnxModel& model) {
  const OnnxClasses classes = classes_of(model.graph);
  const auto is_labels = [](const auto& entry) { return entry.first == kLabelsKey; };
  if ((classes.names.empty() && classes.numbers.empty()) || std::ranges::any_of(model.metadata, is_labels))
    return;
  const boost::json::value list = classes.names.empty() ? boost::json::value_from(classes.numbers)
                                                        : boost::json::value_from(classes.names);
  model.metadata.emplace_back(kLabelsKey, boost::json::serialize(list));
}

Graph import_from(const OnnxSource& source, std::span<const Op* const> more) {
  OnnxModel model = parse_onnx(source);
  check_opset(model, source.name);
  inline_functions(model);
  check_strings(model.graph);
  add_labels(model);
  find_captures(model.graph);
  Graph graph = Import(std::move(model.graph), more).run();
  graph.metadata = std::move(model.metadata);
  graph.files = {source.bytes};
  if (source.files) std::ranges::move(source.files->mapped(), std::back_inserter(graph.files));
  return graph;
}

std::shared_ptr<ExternalFiles> beside(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return std::make_shared<ExternalFiles>(folder.empty() ? "." : folder.string());
}

}  // namespace

Graph read_onnx(const std::string& path, std::span<const Op* const> more) {
  return import_from({map_file(path), path, beside(path)}, more);
}

Graph read_onnx(std::shared_ptr<Buffer> bytes, const std::string& name, std::span<const Op* const> more) {
  return import_from({std::move(bytes), name, nullptr}, more);
}

Tensor read_onnx_tensor(const std::string& path) {
  const OnnxSource source{map_file(path), path, nullptr};
  return parse_onnx_tensor(as_text({source.bytes->data(), source.bytes->size()}), source, path).tensor;
}

bool is_onnx(std::span<const std::byte> bytes) {
  constexpr std::byte kIrVersion{ModelField::ir_version << 3};
  if (!bytes.empty() && bytes[0] == kIrVersion)
    return true;  // as every writer we know begins, cut short or not
  bool has_graph = false;
  try {
    ProtobufReader reader(as_text(bytes), "");
    while (reader.next()) {
      if (reader.field() > ModelField::functions) return false;
      has_graph = has_graph || reader.field() == ModelField::graph;
    }
  } catch (const Failure&) {
    return false;
  }
  return has_graph;
}

}  // namespace dormouse::engine

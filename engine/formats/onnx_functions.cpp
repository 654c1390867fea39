#include <algorithm>

#include "engine/formats/onnx_model.h"

namespace dormouse::engine {
namespace {

// Functions that call others twice each could describe any number of nodes in a small file.
constexpr std::size_t kMaxNodes = 100'000;

using Names = std::map<std::string, std::string>;

/// Puts function bodies in the place of the nodes that call them.
class Inlining {
 public:
  explicit Inlining(const std::vector<OnnxFunction>& functions) {
    for (const OnnxFunction& function : functions)
      if (!functions_.emplace(std::pair{function.domain, function.name}, &function).second)
        throw Failure(Errc::unsupported, "function '" + function.name + "' of " + function.domain +
                                             ": defined twice; overloads are not known here");
  }

  void run(std::vector<OnnxNode>& nodes) {
    std::vector<OnnxNode> result;
    for (OnnxNode& node : nodes) add(std::move(node), result);
    nodes = std::move(result);
  }

 private:
  void add(OnnxNode node, std::vector<OnnxNode>& to) {
    for (const auto& [name, subgraph] : node.subgraphs) run(subgraph->nodes);
    const auto found = functions_.find({node.domain, node.op_type});
    if (found == functions_.end()) {
      if (++count_ > kMaxNodes)
        throw Failure(Errc::too_large, node.where + ": the model's functions come to more than " +
                                           std::to_string(kMaxNodes) + " nodes");
      to.push_back(std::move(node));
      return;
    }
    const OnnxFunction& function = *found->second;
    if (std::ranges::find(calls_, &function) != calls_.end())
      throw Failure(Errc::corrupt, node.where + ": function '" + function.name + "' calls itself");
    if (calls_.empty()) origin_ = node.where;
    calls_.push_back(&function);
    call(function, node, to);
    calls_.pop_back();
  }

  void call(const OnnxFunction& function, const OnnxNode& node, std::vector<OnnxNode>& to) {
    if (node.inputs.size() > function.inputs.size() || node.outputs.size() > function.outputs.size())
      throw Failure(Errc::corrupt, node.where + ": function '" + function.name + "' has " +
                                       std::to_string(function.inputs.size()) + " inputs and " +
                                       std::to_string(function.outputs.size()) + " outputs");
    const std::string prefix = function.name + "." + std::to_string(++calls_made_) + "/";
    Names names{{"", ""}};
    for (std::size_t i = 0; i < function.inputs.size(); ++i)
      names[function.inputs[i]] = i < node.inputs.size() ? node.inputs[i] : "";
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      const auto [entry, fresh] = names.try_emplace(function.outputs[i], node.outputs[i]);
      if (!fresh) to.push_back(identity(entry->second, node.outputs[i], node));
    }
    for (const OnnxNode& inner : function.nodes) {
      OnnxNode copy = inner;
      copy.where = origin_ + ": " + inner.where;  // not every call between: that would grow with the depth
      rename(copy, names, prefix);
      resolve(copy, function, node);
      add(std::move(copy), to);
    }
  }

  /// For an output that is an input, or another output once more.
  static OnnxNode identity(const std::string& from, const std::string& to, const OnnxNode& call) {
    return {.name = call.name,
            .op_type = "Identity",
            .domain = {},
            .inputs = {from},
            .outputs = {to},
            .attributes = {},
            .where = call.where,
            .opset = 13};
  }

  static std::string renamed(const std::string& name, Names& names, const std::string& prefix) {
    return names.try_emplace(name, prefix + name).first->second;
  }

  static void rename(OnnxNode& node, Names& names, const std::string& prefix) {
    for (std::string& name : node.inputs) name = renamed(name, names, prefix);
    for (std::string& name : node.outputs) name = renamed(name, names, prefix);
    for (auto& [attribute, subgraph] : node.subgraphs) {
      subgraph = std::make_shared<OnnxGraph>(*subgraph);
      rename(*subgraph, names, prefix);
    }
  }

  static void rename(OnnxGraph& graph, Names& names, const std::string& prefix) {
    for (auto& [name, tensor] : graph.initialisers) name = renamed(name, names, prefix);
    for (OnnxValue& input : graph.inputs) input.name = renamed(input.name, names, prefix);
    for (OnnxValue& output : graph.outputs) output.name = renamed(output.name, names, prefix);
    for (OnnxNode& node : graph.nodes) rename(node, names, prefix);
  }

  /// Attributes that refer to the function's take the value that the call gives, or the default, or are left
  /// out.
  static void resolve(OnnxNode& node, const OnnxFunction& function, const OnnxNode& call) {
    for (const auto& [attribute, reference] : std::exchange(node.references, {})) {
      if (const auto graph = call.subgraphs.find(reference); graph != call.subgraphs.end()) {
        node.subgraphs[attribute] = std::make_shared<OnnxGraph>(*graph->second);
        continue;
      }
      for (const Attributes* const given : {&call.attributes, &function.defaults}) {
        const auto value = given->entries().find(reference);
        if (value == given->entries().end()) continue;
        node.attributes.set(attribute, value->second);
        break;
      }
    }
    for (const auto& [attribute, subgraph] : node.subgraphs)
      for (OnnxNode& inner : subgraph->nodes) resolve(inner, function, call);
  }

  std::map<std::pair<std::string, std::string>, const OnnxFunction*> functions_;
  std::vector<const OnnxFunction*> calls_;
  std::string origin_;  // where the outermost call stands
  std::size_t count_ = 0;
  std::size_t calls_made_ = 0;
};

void refuse_references(const std::vector<OnnxNode>& nodes) {
  for (const OnnxNode& node : nodes) {
    if (!node.references.empty())
      throw Failure(Errc::corrupt, node.where + ": attribute '" + node.references.begin()->first +
                                       "' refers to a function's, outside of one");
    for (const auto& [name, subgraph] : node.subgraphs) refuse_references(subgraph->nodes);
  }
}

}  // namespace

void inline_functions(OnnxModel& model) {
  refuse_references(model.graph.nodes);
  if (!model.functions.empty()) Inlining(model.functions).run(model.graph.nodes);
}

}  // namespace dormouse::engine

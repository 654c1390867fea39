#include <functional>
#include <queue>
#include <unordered_map>

#include "engine/formats/onnx_gradient.h"
#include "engine/formats/onnx_model.h"

namespace dormouse::engine {
namespace {

constexpr std::ptrdiff_t kGiven = -1;  // an input or a weight, not made by a node

using Makers = std::unordered_map<std::string, std::ptrdiff_t>;

[[noreturn]] void corrupt(const std::string& where, const std::string& what) {
  throw Failure(Errc::corrupt, where + ": " + what);
}

Makers makers_of(const OnnxGraph& graph) {
  const std::string& file = graph.where;
  Makers makers;
  for (const auto& [name, tensor] : graph.initialisers) {
    makers.emplace(name, kGiven);
  }
  std::unordered_map<std::string, int> inputs;
  for (const OnnxValue& input : graph.inputs) {
    if (!inputs.emplace(input.name, 0).second) corrupt(file, "two inputs called '" + input.name + "'");
    makers.emplace(input.name, kGiven);  // old files list weights among the inputs too
  }
  for (const std::string& name : graph.captures) makers.emplace(name, kGiven);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& output : graph.nodes[i].outputs) {
      if (output.empty()) continue;
      const auto [maker, first] = makers.emplace(output, i);
      if (first) continue;
      corrupt(graph.nodes[i].where, maker->second == kGiven
                                        ? "'" + output + "' is an input or a weight already"
                                        : "'" + output + "' is made twice, also by " +
                                              graph.nodes[static_cast<std::size_t>(maker->second)].where);
    }
  }
  return makers;
}

std::ptrdiff_t maker(const Makers& makers, const std::string& name, const std::string& where) {
  const auto found = makers.find(name);
  if (found == makers.end()) corrupt(where, "nothing makes '" + name + "'");
  return found->second;
}

}  // namespace

std::set<std::string> names_read(const OnnxNode& node) {
  std::set<std::string> names(node.inputs.begin(), node.inputs.end());
  names.erase("");
  for (const auto& [attribute, subgraph] : node.subgraphs)
    names.insert(subgraph->captures.begin(), subgraph->captures.end());
  if (is_gradient(node)) names.insert(gradient_of(node).y);
  return names;
}

std::set<std::string> find_captures(OnnxGraph& graph) {
  std::set<std::string> made, read;
  for (const auto& [name, tensor] : graph.initialisers) made.insert(name);
  for (const OnnxValue& input : graph.inputs) made.insert(input.name);
  for (OnnxNode& node : graph.nodes) {
    for (const auto& [attribute, subgraph] : node.subgraphs) subgraph->captures = find_captures(*subgraph);
    read.merge(names_read(node));
    made.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const OnnxValue& output : graph.outputs) read.insert(output.name);
  for (const std::string& name : made) read.erase(name);
  return read;
}

void sort_topologically(OnnxGraph& graph) {
  const Makers makers = makers_of(graph);
  for (const OnnxValue& output : graph.outputs) maker(makers, output.name, graph.where + ": output");
  std::vector<std::vector<std::size_t>> readers(graph.nodes.size());
  std::vector<std::size_t> waits(graph.nodes.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& input : names_read(graph.nodes[i])) {
      const std::ptrdiff_t made_by = maker(makers, input, graph.nodes[i].where);
      if (made_by == kGiven) continue;
      readers[static_cast<std::size_t>(made_by)].push_back(i);
      ++waits[i];
    }
  }

  // The first of those that can go goes, so that a sorted model stays as it is.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < waits.size(); ++i) {
    if (waits[i] == 0) ready.push(i);
  }
  std::vector<OnnxNode> sorted;
  while (!ready.empty()) {
    const std::size_t next = ready.top();
    ready.pop();
    for (const std::size_t reader : readers[next]) {
      if (--waits[reader] == 0) ready.push(reader);
    }
    sorted.push_back(std::move(graph.nodes[next]));
  }
  for (std::size_t i = 0; i < waits.size(); ++i) {
    if (waits[i] != 0) corrupt(graph.nodes[i].where, "it needs its own output: the graph has a cycle");
  }
  graph.nodes = std::move(sorted);
}

}  // namespace dormouse::engine

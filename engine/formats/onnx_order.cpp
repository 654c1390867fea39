#include <functional>
#include <queue>
#include <unordered_map>

#include "engine/formats/onnx_model.h"

namespace dormouse::engine {
namespace {

constexpr std::ptrdiff_t kGiven = -1;  // an input or a weight, not made by a node

using Makers = std::unordered_map<std::string, std::ptrdiff_t>;

[[noreturn]] void corrupt(const std::string& where, const std::string& what) {
  throw Failure(Errc::corrupt, where + ": " + what);
}

Makers makers_of(const OnnxModel& model, const std::string& file) {
  Makers makers;
  for (const auto& [name, tensor] : model.initialisers) {
    if (!makers.emplace(name, kGiven).second) corrupt(file, "two initialisers called '" + name + "'");
  }
  std::unordered_map<std::string, int> inputs;
  for (const OnnxValue& input : model.inputs) {
    if (!inputs.emplace(input.name, 0).second) corrupt(file, "two inputs called '" + input.name + "'");
    makers.emplace(input.name, kGiven);  // old files list weights among the inputs too
  }
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    for (const std::string& output : model.nodes[i].outputs) {
      if (output.empty()) continue;
      if (!makers.emplace(output, i).second) corrupt(model.nodes[i].where, "'" + output + "' is made twice");
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

void sort_topologically(OnnxModel& model, const std::string& file) {
  const Makers makers = makers_of(model, file);
  for (const OnnxValue& output : model.outputs) maker(makers, output.name, file + ": output");
  std::vector<std::vector<std::size_t>> readers(model.nodes.size());
  std::vector<std::size_t> waits(model.nodes.size(), 0);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    for (const std::string& input : model.nodes[i].inputs) {
      if (input.empty()) continue;
      const std::ptrdiff_t made_by = maker(makers, input, model.nodes[i].where);
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
    sorted.push_back(std::move(model.nodes[next]));
  }
  for (std::size_t i = 0; i < waits.size(); ++i) {
    if (waits[i] != 0) corrupt(model.nodes[i].where, "it needs its own output: the graph has a cycle");
  }
  model.nodes = std::move(sorted);
}

}  // namespace dormouse::engine

#include "daemon/service/trunk.h"

#include <algorithm>
#include <array>

#include "engine/value.h"
#include "learning/step.h"

namespace dormouse::daemon {
namespace {

using engine::Graph;
using engine::Node;
using engine::Value;
using engine::ValueId;

Graph whole(const ModelParts& parts, const learning::Version* version) {
  return version ? learning::with_parameters(parts.graph, version->weights) : parts.graph;
}

[[noreturn]] void immovable(const ModelParts& parts, const std::string& why) {
  throw Failure(Errc::configuration,
                "model " + parts.options.name + ": its trunk cannot move (trainable: all): " + why);
}

/// `graph` reading `rows` in place of its input.
void read_rows(Graph& graph, ValueId rows, const engine::Shape& one) {
  const std::size_t before = graph.nodes().size();
  std::vector<std::int64_t> extents(one.begin(), one.end());
  extents[0] = -1;
  const Value shaped = engine::reshape({&graph, rows}, extents);
  const ValueId input = graph.inputs().front();
  std::vector<Node> nodes = graph.nodes();
  for (std::size_t i = 0; i < before; ++i) std::ranges::replace(nodes[i].inputs, input, shaped.id);
  std::rotate(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(before), nodes.end());
  graph.set_nodes(std::move(nodes));
}

}  // namespace

engine::Shape one_input(const ModelParts& parts) {
  if (parts.inputs.size() != 1 || parts.inputs[0].dtype != engine::DType::f32)
    immovable(parts, "it needs one f32 input");
  engine::Shape shape = parts.inputs[0].shape;
  if (shape.rank() > 0) shape[0] = 1;
  if (shape.rank() < 2 || !shape.is_static())
    immovable(parts, "its input is " + to_string(parts.inputs[0].shape) + ", fixed it is not");
  return shape;
}

Graph graph_of_rows(const ModelParts& parts, const learning::Version* version, Until until) {
  const engine::Shape one = one_input(parts);
  Graph graph = whole(parts, version);
  const ValueId value = until == Until::latent ? parts.learnable->cut : graph.outputs().front();
  ValueId rows = graph.inputs().front();
  if (one.rank() != 2) {
    const std::int64_t elements = one.elements(0, one.rank());
    rows = graph.add_input("dormouse.rows", engine::DType::f32, {engine::kDynamic, elements});
    read_rows(graph, rows, one);
  }
  return engine::extract(graph, std::array{rows}, std::array{value});
}

std::unique_ptr<const engine::Session> trunk_of(const ModelParts& parts, const learning::Version* version) {
  const Graph graph = whole(parts, version);
  return std::make_unique<const engine::Session>(
      engine::extract(graph, std::array{graph.inputs().front()}, std::array{parts.learnable->cut}),
      parts.drivers);
}

learning::Seed seed_seen_by(const ModelParts& parts, const learning::Version& version) {
  const Learnable& learnable = *parts.learnable;
  if (!learnable.seed || !learnable.seed_inputs)
    throw Failure(Errc::configuration,
                  "model " + parts.options.name + ": version " + std::to_string(version.number) +
                      " has another trunk, and the seed keeps no inputs to see it with; make the seed with "
                      "--inputs");
  return learning::reembedded(*learnable.seed, *learnable.seed_inputs, *trunk_of(parts, &version));
}

}  // namespace dormouse::daemon

#pragma once

#include <map>
#include <string>

#include "learning/linoss_network.h"

namespace dormouse::learning {

/// What the graphs of a LinOSS network are built of: its weights as constants, its blocks, its head. Graph
/// and options must outlive it.
class LinossBuilder {
 public:
  /// The constants are called as the weights are, behind `prefix`.
  LinossBuilder(engine::Graph& graph, const LinossOptions& options, const LinossWeights& weights,
                const std::string& prefix = "");

  /// Throws Failure(invalid) when there is no such weight.
  engine::Value weight(const std::string& name) const;
  /// A graph input of the weights' type.
  engine::Value input(const std::string& name, engine::Shape shape);
  /// An output of the graph, so named.
  void give(engine::Value value, const std::string& name);

  /// x·weight + bias of the layer `name`.
  engine::Value affine(engine::Value x, const std::string& name) const;
  /// What the head makes of [.., H].
  engine::Value answer(engine::Value x) const;

  /// One block and what is inside.
  struct Block {
    LinossParameters parameters;
    engine::Value input;  ///< of its oscillators, normalised [N, T, H]
    LinossOutput oscillators;
    engine::Value output;  ///< [N, T, H]
  };
  /// `state` as linoss_layer() takes it.
  Block block(std::int64_t index, engine::Value x, engine::Value state) const;
  static std::string block_name(std::int64_t index) { return "block" + std::to_string(index); }

 private:
  LinossParameters parameters(const std::string& block) const;
  engine::Value normalised(engine::Value x, const std::string& name) const;
  engine::Value gated(engine::Value both) const;

  engine::Graph& graph_;
  const LinossOptions& options_;
  std::map<std::string, engine::Value> values_;
};

}  // namespace dormouse::learning

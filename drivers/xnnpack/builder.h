#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "drivers/xnnpack/layout.h"
#include "drivers/xnnpack/packed_weights.h"
#include "drivers/xnnpack/quantization.h"
#include "engine/driver.h"

struct xnn_subgraph;

namespace dormouse::drivers::xnnpack {

/// A value of an XNNPACK subgraph.
using Id = std::uint32_t;
inline constexpr Id kNoId = UINT32_MAX;

/// Throws Failure(internal) naming `what` unless `status` (an xnn_status) is success.
void check(int status, std::string_view what);

/// Where a subgraph meets a partition: value `id` is the partition's input or output number `index`.
struct External {
  Id id;
  bool output;
  std::size_t index;
  bool unsigned8;  ///< a u8 there, an i8 in the subgraph
};

/// A partition becoming an XNNPACK subgraph.
///
/// Each graph value may exist in several layouts; what a kernel asks for is converted from what is there,
/// once. So images stay channels-last from the first convolution to the partition's border. 8-bit values
/// carry what they stand for, and are signed.
class Builder {
 public:
  /// With `halves` XNNPACK is to rewrite the subgraph for f16.
  Builder(const engine::Partition& partition, WeightsUse& weights, bool halves);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  const engine::Graph& graph() const { return *partition_.graph; }
  const engine::ValueInfo& info(engine::ValueId value) const { return graph().value(value); }
  xnn_subgraph* subgraph() const { return subgraph_; }
  bool halves() const { return halves_; }

  /// Whether in(value, layout) needs no conversion.
  bool at_hand(engine::ValueId value, Layout layout) const;
  /// `value`, to be read.
  Id in(engine::ValueId value, Layout layout = Layout::rows);
  /// A constant image operand of an operator whose result has rank `rank`, with the axes that broadcasting
  /// adds.
  Id broadcast_constant(engine::ValueId value, std::size_t rank, Layout layout);
  /// `value`, to be written by the kernel of its node.
  Id out(engine::ValueId value, Layout layout = Layout::rows);
  /// A value between the steps of one kernel.
  Id temporary(const Extents& extents);
  Id scalar(float value);
  /// A constant of the kernel's own, as it lies.
  Id table(engine::Tensor values);
  /// Zeros, once for all that ask for as many; they take no memory where there are many.
  Id zeros(const Extents& extents);
  /// A constant that XNNPACK packs when the subgraph is compiled: a filter, a matrix, a bias; as `extents`.
  Id weights(engine::ValueId constant, const Extents& extents);
  /// The same with the axes of `extents` in the order of `permutation`.
  Id weights(engine::ValueId constant, const Extents& extents, const Extents& permutation);
  /// An i8 filter made from `original` (or it itself), seen as `from`, with its axes in the order of
  /// `permutation` and then a scale for each slice along `axis`; `variant` as WeightsUse::keep() has it.
  Id quantized_weights(const engine::Tensor& filter, const engine::Tensor& original, const Extents& from,
                       const Extents& permutation, engine::Tensor scales, std::size_t axis,
                       std::string variant);
  /// An i32 bias with a scale for each element.
  Id quantized_bias(const engine::Tensor& bias, engine::Tensor scales);

  /// Weights computed from constants for this subgraph alone.
  Id computed_weights(engine::Tensor computed, const Extents& extents);

  /// The nodes to come, in order: what sole_reader() knows. Borrowed.
  void expect(std::span<const engine::Node> nodes) { nodes_ = nodes; }
  /// The node that alone reads `value`, once, where nothing outside wants that; or null.
  const engine::Node* sole_reader(engine::ValueId value) const;
  /// The kernel at hand does the work of the node that makes `value`, which nothing else will ask for.
  void take_over(engine::ValueId value) { taken_over_.insert(value); }
  /// Whether the kernel of an earlier node has done what the node that makes `value` does.
  bool is_done(engine::ValueId value) const { return forms_.contains(value) || taken_over_.contains(value); }

  void transpose(Id from, Id to, const Extents& permutation);
  /// Any number of values, one behind the other along `axis` of `to`, whose extents are `whole`.
  void concatenate(std::span<const Id> from, std::span<const std::size_t> lengths, std::size_t axis,
                   Extents whole, Id to);
  void reshape(Id from, Id to, const Extents& extents);

  /// Brings every output of the partition to its border. Called once, after the last node.
  void finish();
  const std::vector<External>& externals() const { return externals_; }
  /// Operands that the subgraph reads while it runs.
  std::vector<engine::Tensor> take_operands() { return std::move(operands_); }

 private:
  using Forms = std::array<Id, 3>;  // by Layout
  Layout canonical(engine::ValueId value, Layout layout) const;
  Id& form(engine::ValueId value, Layout layout);
  Id form_or_none(engine::ValueId value, Layout layout) const;
  using Meaning = std::optional<Quantization>;  ///< of an 8-bit value; none: f32
  Meaning meaning(engine::ValueId value);
  Id define(const Extents& extents, const Meaning& meaning, const void* data, Id external,
            std::uint32_t flags);
  Id define_scaled(int type, const Extents& extents, const void* data, engine::Tensor scales,
                   std::size_t axis);
  Id define_external(engine::ValueId value, Layout layout, bool output, std::size_t index);
  Id operand(engine::Tensor tensor, const Extents& extents);
  Id convert(engine::ValueId value, Layout to);
  bool reached_border(std::size_t output) const;

  const engine::Partition& partition_;
  std::span<const engine::Node> nodes_;
  WeightsUse& weights_;
  bool halves_;
  xnn_subgraph* subgraph_ = nullptr;
  std::unordered_map<engine::ValueId, Forms> forms_;
  std::unordered_set<engine::ValueId> taken_over_;
  std::unordered_map<engine::ValueId, Meaning> meanings_;
  std::unordered_map<engine::ValueId, std::size_t> inputs_, outputs_;  ///< their places in the partition
  std::vector<External> externals_;
  std::vector<engine::Tensor> operands_;
  std::map<Extents, Id> zeros_;
};

}  // namespace dormouse::drivers::xnnpack

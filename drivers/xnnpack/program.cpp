#include "drivers/xnnpack/program.h"

#include <xnnpack.h>

#include <string>

#include "drivers/xnnpack/kernel.h"

namespace dormouse::drivers::xnnpack {

Program::Program(const engine::Partition& partition, PackedWeights& weights, pthreadpool* pool)
    : weights_(weights) {
  Builder builder(partition, weights_);
  for (const std::size_t i : partition.nodes) {
    const engine::Node& node = partition.graph->nodes()[i];
    find_kernel(*node.op)->emit(builder, node);
  }
  builder.finish();
  externals_ = builder.externals();
  operands_ = builder.take_operands();
  check(xnn_create_runtime_v4(builder.subgraph(), weights_.provider(), nullptr, pool, 0, &runtime_),
        "a graph of " + std::to_string(partition.nodes.size()) + " nodes");
  weights_.release_sources();
  if (const xnn_status status = xnn_reshape_runtime(runtime_); status != xnn_status_success) {
    xnn_delete_runtime(runtime_);
    check(status, "the shapes of a graph");
  }
}

Program::~Program() { xnn_delete_runtime(runtime_); }

void Program::point_at(std::span<const engine::View> inputs, std::span<const engine::View> outputs) {
  std::vector<std::byte*> addresses;
  addresses.reserve(externals_.size());
  for (const External& external : externals_)
    addresses.push_back((external.output ? outputs : inputs)[external.index].data);
  if (addresses == addresses_) return;
  std::vector<xnn_external_value> values;
  for (std::size_t i = 0; i < externals_.size(); ++i) values.push_back({externals_[i].id, addresses[i]});
  check(xnn_setup_runtime_v2(runtime_, values.size(), values.data()), "its inputs and outputs");
  addresses_ = std::move(addresses);
}

void Program::run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) {
  point_at(inputs, outputs);
  if (const xnn_status status = xnn_invoke_runtime(runtime_); status != xnn_status_success)
    throw Failure(Errc::unavailable, "XNNPACK failed at run time (status " + std::to_string(status) + ")");
}

}  // namespace dormouse::drivers::xnnpack

#pragma once

#include <memory>

#include "drivers/xnnpack/builder.h"
#include "drivers/xnnpack/packed_weights.h"
#include "engine/driver.h"

struct pthreadpool;
struct xnn_runtime;
struct xnn_external_value;
struct xnn_workspace;

namespace dormouse::drivers::xnnpack {

/// What the runtimes of one context compute in; grows as they are made.
class Workspace final : public engine::Workspace {
 public:
  Workspace();
  ~Workspace() override;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  xnn_workspace* get() const { return workspace_; }

 private:
  xnn_workspace* workspace_ = nullptr;
};

/// What a run may spread over.
struct Threads {
  pthreadpool* pool = nullptr;  ///< null: the caller's thread alone
  bool spin = false;            ///< the pool's threads look for the next run instead of going to sleep
};

/// A partition as an XNNPACK runtime. Keeps nothing of the partition but what the runtime reads. With
/// `halves` what was of f16 in the model is computed in f16, where XNNPACK can.
class Program final : public engine::Program {
 public:
  Program(const engine::Partition& partition, PackedWeights& weights, Threads threads, Workspace& workspace,
          bool measure, bool halves = false);
  ~Program() override;
  void run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) override;
  std::vector<Part> parts() const override;
  /// What it holds beside packed weights and what XNNPACK allocates.
  std::size_t own_bytes() const;

 private:
  /// Makes the runtime of XNNPACK's `flags`; an xnn_status.
  int make(const engine::Partition& partition, Threads threads, Workspace& workspace, std::uint32_t flags);
  /// Tells the runtime where inputs and outputs lie, unless they lie where they did.
  void point_at(std::span<const engine::View> inputs, std::span<const engine::View> outputs);
  /// Unsigned inputs as the runtime has them: signed.
  void make_signed(std::span<const engine::View> inputs);

  std::vector<engine::Tensor> operands_;  // outlive weights_: what is packed from one goes by its address
  WeightsUse weights_;
  std::vector<External> externals_;
  std::vector<engine::Tensor>
      signed_inputs_;                  ///< by external; empty where the runtime reads the input itself
  std::vector<std::byte*> addresses_;  ///< by external
  xnn_runtime* runtime_ = nullptr;
  bool measures_;
};

}  // namespace dormouse::drivers::xnnpack

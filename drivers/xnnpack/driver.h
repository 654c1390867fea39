#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "drivers/xnnpack/halves.h"
#include "engine/driver.h"
#include "engine/parallel.h"

namespace dormouse::drivers::xnnpack {

class PackedWeights;
class Pool;

/// Whether XNNPACK runs on this CPU; it needs SSE2, NEON or the like.
bool works_here();

/// Computes whole partitions in f32 on the CPU, by XNNPACK's subgraphs. Programs of one driver share packed
/// weights.
class XnnpackDriver final : public engine::Driver, public engine::LendsThreads {
 public:
  struct Options {
    /// Threads that work on one program together. With 1, each request keeps to its own thread, which serves
    /// many small requests best.
    std::size_t threads = 1;
    /// Threads of a pool that has nothing to do wait for work in a loop for a while, each burning a core,
    /// instead of going to sleep after each run: the next run begins some microseconds sooner.
    bool spin = false;
    /// Packed weights of some size are kept in files here, so that the next load need not pack, and processes
    /// share them. Empty: nowhere.
    std::filesystem::path packed = {};
    /// What was of f16 in a model is computed in f16, not in f32.
    bool halves = multiplies_halves();
  };
  /// Throws Failure(unsupported) unless works_here().
  explicit XnnpackDriver(Options options);
  XnnpackDriver() : XnnpackDriver(Options{}) {}
  ~XnnpackDriver() override;

  std::string_view name() const override { return "xnnpack"; }
  bool supports(const engine::Graph& graph, const engine::Node& node) const override;
  bool worthwhile(const engine::Partition& partition) const override;
  std::shared_ptr<engine::Workspace> open_workspace() const override;
  std::unique_ptr<engine::Program> compile(const engine::Partition& partition, engine::Workspace& workspace,
                                           bool measure) const override;
  const engine::Parallel* lent() const override;
  engine::ProgramMemory foresee(const engine::Partition& partition) const override;

 private:
  Options options_;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<PackedWeights> weights_;
};

}  // namespace dormouse::drivers::xnnpack

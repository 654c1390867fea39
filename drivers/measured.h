#pragma once

#include <mutex>
#include <vector>

#include "drivers/measurements.h"
#include "drivers/watched.h"

namespace dormouse::drivers {

/// A GPU where it pays: takes the partitions that it computes faster than the CPU does, what it is given and
/// gives back carried to and fro, and leaves the others. What a step of training is given again is not
/// carried: it stays on the device. Each is measured once, when it is first planned, on numbers drawn for it;
/// what only differs in extents by less than a factor of two is one and the same. What the CPU does in less
/// time than a hand-over takes is not measured. Until the GPU is tuned for a partition what was measured of
/// it holds for this process alone; plans go on tuning it, whoever won, then it is measured once more, and
/// that is kept. Thread-safe.
class MeasuredDriver final : public engine::Driver,
                             public engine::FailureListener,
                             public engine::SendsAhead {
 public:
  /// All borrowed for its life; `cpu` are the drivers that it is compared with, on so many threads.
  MeasuredDriver(const WatchedDriver& gpu, std::span<const engine::Driver* const> cpu, std::size_t threads,
                 Measurements& measurements);

  const WatchedDriver& gpu() const { return gpu_; }

  /// What this process asked about a partition.
  struct Verdict {
    std::string what;  ///< its operators
    Measurement measurement;
    std::size_t bytes = 0;  ///< carried to and fro
  };
  std::vector<Verdict> verdicts() const;

  std::string_view name() const override { return gpu_.name(); }
  bool supports(const engine::Graph& graph, const engine::Node& node) const override;
  /// Takes its time, where nothing like it was measured yet.
  bool worthwhile(const engine::Partition& partition) const override;
  std::shared_ptr<engine::Workspace> open_workspace() const override { return gpu_.open_workspace(); }
  std::unique_ptr<engine::Program> compile(const engine::Partition& partition, engine::Workspace& workspace,
                                           bool measure) const override;
  engine::ProgramMemory foresee(const engine::Partition& partition) const override;
  void given_up(const Error& error) const override { gpu_.given_up(error); }
  engine::Tensor sent(const engine::Tensor& tensor) const override { return gpu_.sent(tensor); }

 private:
  struct Work;
  void tune(const engine::Partition& partition) const;
  std::optional<Measurement> measure(const engine::Partition& partition, const Work& work) const;

  const WatchedDriver& gpu_;
  std::vector<const engine::Driver*> cpu_;
  Measurements& measurements_;
  std::string prefix_;  ///< of keys: what does not depend on the partition
  mutable std::mutex measuring_, mutex_;
  mutable std::map<std::string, Measurement> early_;  ///< before the GPU was tuned; guarded by measuring_
  mutable std::map<std::string, Verdict> verdicts_;
};

}  // namespace dormouse::drivers

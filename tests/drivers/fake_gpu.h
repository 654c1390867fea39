#pragma once

#include <atomic>
#include <chrono>
#include <cstring>

#include "config/error.h"
#include "engine/driver.h"
#include "engine/op.h"
#include "engine/session.h"

namespace dormouse::drivers {

/// A device that computes as the portable kernels do, until it is lost; slower, or wrong, if one likes.
class FakeGpu final : public engine::Driver {
 public:
  std::string called = "vulkan";
  std::chrono::microseconds delay{};  ///< of every run
  bool wrong = false;
  std::atomic<bool> lost = false;
  mutable std::atomic<int> runs = 0;

  std::string_view name() const override { return called; }
  bool supports(const engine::Graph&, const engine::Node& node) const override { return !node.op->control; }
  bool worthwhile(const engine::Partition&) const override { return true; }
  std::shared_ptr<engine::Workspace> open_workspace() const override {
    return std::make_shared<engine::Workspace>();
  }
  std::unique_ptr<engine::Program> compile(const engine::Partition& partition, engine::Workspace&,
                                           bool) const override {
    return std::make_unique<Program>(*this, partition);
  }
  engine::ProgramMemory foresee(const engine::Partition&) const override { return {}; }

 private:
  class Program final : public engine::Program {
   public:
    Program(const FakeGpu& gpu, const engine::Partition& partition)
        : gpu_(gpu), session_(engine::extract(*partition.graph, partition.inputs, partition.outputs), {}) {}
    void run(std::span<const engine::View> inputs, std::span<const engine::View> outputs) override {
      if (gpu_.lost) throw Failure(Errc::unavailable, "the device is lost");
      ++gpu_.runs;
      std::vector<engine::Tensor> given;
      for (const engine::View& view : inputs) {
        engine::Tensor& tensor = given.emplace_back(view.dtype, *view.shape);
        if (tensor.byte_size() > 0) std::memcpy(tensor.mutable_data(), view.data, tensor.byte_size());
      }
      session_.run_into(given, outputs);
      if (gpu_.wrong && outputs[0].dtype == engine::DType::f32)
        reinterpret_cast<float*>(outputs[0].data)[0] += 1e6f;
      const auto end = std::chrono::steady_clock::now() + gpu_.delay;
      while (std::chrono::steady_clock::now() < end) continue;
    }

   private:
    const FakeGpu& gpu_;
    engine::Session session_;
  };
};

}  // namespace dormouse::drivers

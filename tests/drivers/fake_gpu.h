#pragma once

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>

#include "config/error.h"
#include "drivers/tunes.h"
#include "engine/driver.h"
#include "engine/op.h"
#include "engine/session.h"
#include "engine/whole_program.h"

namespace dormouse::drivers {

/// A device that computes as the portable kernels do, until it is lost; slower, or wrong, if one likes.
class FakeGpu final : public engine::Driver, public Tunes {
 public:
  std::string called = "vulkan";
  std::chrono::microseconds delay{};  ///< of every run
  bool wrong = false;
  std::size_t bytes = 0;  ///< that a program takes
  /// To carry a value of a thousand elements to it or back, unless it has stayed: whole programs keep what
  /// they give. None: programs are no whole ones.
  std::optional<std::chrono::microseconds> carrying;
  std::atomic<bool> lost = false;
  mutable std::atomic<int> untuned = 0;  ///< programs still to compile until it is tuned
  mutable std::atomic<int> runs = 0;

  std::string_view name() const override { return called; }
  bool supports(const engine::Graph&, const engine::Node& node) const override { return !node.op->control; }
  bool worthwhile(const engine::Partition&) const override { return true; }
  std::shared_ptr<engine::Workspace> open_workspace() const override {
    return std::make_shared<engine::Workspace>();
  }
  std::unique_ptr<engine::Program> compile(const engine::Partition& partition, engine::Workspace&,
                                           bool) const override {
    if (untuned > 0) --untuned;
    if (carrying) return std::make_unique<Keeping>(*this, partition);
    return std::make_unique<Program>(*this, partition);
  }
  bool tuned(const engine::Partition&) const override { return untuned == 0; }
  engine::ProgramMemory foresee(const engine::Partition&) const override { return {.workspace = bytes}; }

 private:
  class Program : public engine::Program {
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
      take(gpu_.delay);
    }

   protected:
    static void take(std::chrono::microseconds time) {
      const auto end = std::chrono::steady_clock::now() + time;
      while (std::chrono::steady_clock::now() < end) continue;
    }

    const FakeGpu& gpu_;
    engine::Session session_;
  };

  class Keeping final : public Program, public engine::WholeProgram {
   public:
    using Program::Program;
    std::vector<engine::Tensor> run_whole(std::span<const engine::Tensor* const> inputs) override {
      if (gpu_.lost) throw Failure(Errc::unavailable, "the device is lost");
      ++gpu_.runs;
      std::vector<engine::Tensor> given;
      for (const engine::Tensor* const input : inputs) {
        if (input->elements() >= 1000 && !kept_.contains(input->address())) take(*gpu_.carrying);
        given.push_back(*input);
      }
      std::vector<engine::Tensor> made = session_.run(given);
      for (const engine::Tensor& tensor : made) kept_[tensor.address()] = tensor;
      take(gpu_.delay);
      return made;
    }

   private:
    std::map<const std::byte*, engine::Tensor> kept_;
  };
};

}  // namespace dormouse::drivers

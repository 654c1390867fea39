#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::bench {

/// ONNX Runtime, the peer of the engine, through its C interface.
class OnnxRuntime {
 public:
  /// `library`: path of libonnxruntime.so.1. Throws Failure(unavailable) when it cannot be opened.
  explicit OnnxRuntime(const std::string& library);
  ~OnnxRuntime();
  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;

  std::string version() const;

  /// A model loaded with its default options but the number of threads.
  class Session {
   public:
    /// Throws Failure(unsupported) with its words when it refuses the model.
    Session(OnnxRuntime& runtime, const std::string& model, std::size_t threads);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// What run() reads, in the model's order; borrowed until bound anew.
    void bind(std::span<const engine::Tensor> inputs);
    /// Runs on what is bound; the outputs are its own until the next run.
    void run();
    /// Copies of the last run's outputs.
    std::vector<engine::Tensor> outputs() const;

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dormouse::bench

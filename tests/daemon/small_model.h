#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::daemon {

/// A classifier of synthetic clusters, made in a moment and without data files.
///
/// x [batch, 8] → MatMul, Add, Relu ("features", the cut) → Gemm → logits. It is trained (by ridge
/// regression) on clusters named "red", "green" and "blue"; "grey", "pink" and "gold" exist in its world but
/// it was never shown them. The same seed gives the same bytes. As a stream it takes 4 rows of 2 channels.
class SmallModel {
 public:
  static constexpr std::int64_t kWidth = 8;

  explicit SmallModel(std::uint64_t seed);

  /// Writes `name`.onnx and `name`.seed.safetensors into `folder`. A wider latent makes another model for the
  /// same world.
  void write(const std::string& folder, const std::string& name, std::int64_t latent = 16) const;
  /// The `index`th example of a colour: f32 [1, 8], always the same.
  engine::Tensor example(const std::string& colour, std::uint64_t index) const;
  /// What no one can tell: halfway from "red" to "blue". f32 [1, 8].
  engine::Tensor between() const;
  /// `count` examples of every colour in one batch.
  engine::Tensor probes(std::size_t count) const;

  static const std::vector<std::string>& known();    ///< the labels it ships with
  static const std::vector<std::string>& colours();  ///< all there are

 private:
  std::uint64_t seed_;
  std::vector<float> centres_;  ///< [colours, width]
};

}  // namespace dormouse::daemon

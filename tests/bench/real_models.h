#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::bench {

/// Of inputs and of weights.
inline constexpr std::uint64_t kModelSeed = 1;

/// An input: uniform in [low, high], whole numbers for integer types.
struct RealInput {
  engine::DType type;
  engine::Shape shape;
  double low = 0, high = 1;
};

/// A model that somebody uses, and inputs as it expects them.
struct RealModel {
  std::string file;  ///< under the folder of models
  std::vector<RealInput> inputs;
  bool random_weights = false;
  double tolerance = 1e-4;  ///< of the largest element
};

std::vector<RealModel> real_models();
std::vector<engine::Tensor> random_inputs(const RealModel& model);
/// The model's file; one that is to have random weights is written into `work` with them.
std::filesystem::path file_of(const RealModel& model, const std::filesystem::path& models,
                              const std::filesystem::path& work);

}  // namespace dormouse::bench

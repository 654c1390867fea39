#include <cmath>
#include <numbers>

#include "learning/layers.h"
#include "learning/linoss_network.h"

/// Initial weights, as published: those of the code behind Rusch and Rus (ICLR 2025) and Boyer et al. (2025),
/// but for the inverse of the eigenvalues, which has a closed form.
namespace dormouse::learning {
namespace {

using engine::Shape;
using engine::Tensor;

constexpr double kLeastRadius = 0.9, kStepDeviation = 0.5;

template <class Draw>
Tensor drawn(Shape shape, Draw draw) {
  Tensor tensor(engine::DType::f32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(draw());
  return tensor;
}

void add_damped(LinossWeights& weights, const std::string& block, std::int64_t m, Random& random) {
  std::vector<float> stiffness, damping, step;
  for (std::int64_t k = 0; k < m; ++k) {
    const double s = kStepDeviation * random.normal();
    // Uniform over the area: the square of the radius is uniform.
    const double least = kLeastRadius * kLeastRadius;
    const double radius = std::sqrt(least + (1 - least) * random.uniform());
    const Placed at = placed(radius, std::numbers::pi * random.uniform(), 1 / (1 + std::exp(-s)));
    stiffness.push_back(static_cast<float>(at.stiffness));
    damping.push_back(static_cast<float>(at.damping));
    step.push_back(static_cast<float>(s));
  }
  weights.emplace(block + ".stiffness", engine::row_of(stiffness));
  weights.emplace(block + ".damping", engine::row_of(damping));
  weights.emplace(block + ".step", engine::row_of(step));
}

void add_norm(LinossWeights& weights, const std::string& norm, const LinossOptions& options) {
  const bool layer = options.norm == BlockNorm::layer;
  weights.emplace(norm + (layer ? ".scale" : ".variance"), drawn({options.hidden}, [] { return 1; }));
  weights.emplace(norm + (layer ? ".shift" : ".mean"), drawn({options.hidden}, [] { return 0; }));
}

void add_affine(LinossWeights& weights, const std::string& name, std::int64_t from, std::int64_t to,
                Random& random) {
  weights.emplace(name + ".weight", uniform({from, to}, from, random));
  weights.emplace(name + ".bias", uniform({to}, from, random));
}

void add_block(LinossWeights& weights, const std::string& block, const LinossOptions& options,
               Random& random) {
  const std::int64_t m = options.oscillators, hidden = options.hidden;
  add_norm(weights, block + ".norm", options);
  if (options.discretisation == Discretisation::damped) {
    add_damped(weights, block, m, random);
  } else {
    weights.emplace(block + ".stiffness", drawn({m}, [&] { return random.uniform(); }));
    weights.emplace(block + ".step", drawn({m}, [&] { return random.uniform(); }));
  }
  weights.emplace(block + ".input", uniform({hidden, 2 * m}, hidden, random));
  weights.emplace(block + ".output", uniform({2 * m, hidden}, m, random));
  weights.emplace(block + ".feedthrough", drawn({hidden}, [&] { return random.normal(); }));
  add_affine(weights, block + ".gate", hidden, 2 * hidden, random);
}

}  // namespace

Placed placed(double radius, double angle, double step) {
  const double hr = step * radius;
  return {(1 + radius * radius - 2 * radius * std::cos(angle)) / (hr * hr),
          (1 / (radius * radius) - 1) / step};
}

LinossWeights initial_weights(const LinossOptions& options, Random& random) {
  LinossWeights weights;
  add_affine(weights, "encoder", options.inputs, options.hidden, random);
  for (std::int64_t i = 0; i < options.blocks; ++i)
    add_block(weights, "block" + std::to_string(i), options, random);
  add_affine(weights, "head", options.hidden, options.outputs, random);
  return weights;
}

}  // namespace dormouse::learning

#pragma once

#include <array>

#include "engine/ops/inference.h"

/// What the optimisers of ai.onnx.preview.training share. Inputs: the rate R (f32 or f64), the number T of
/// updates before this one (i64), then n parameters, their n gradients, and n tensors of each kind of state;
/// outputs: the n parameters and the states after the update. One type for all tensors.
namespace dormouse::engine {

inline constexpr std::string_view kTrainingDomain = "ai.onnx.preview.training";

void infer_optimiser(InferContext& context, std::size_t states);

double learning_rate(const KernelContext& context);
std::int64_t updates_before(const KernelContext& context);

/// Calls f(parameter, gradient, states) for every element of every parameter; it returns the parameter and
/// the states after the update.
template <class T, std::size_t States, class F>
void update_parameters(const KernelContext& context, F f) noexcept {
  const std::size_t count = (context.inputs.size() - 2) / (2 + States);
  const auto output = [&](std::size_t i) {
    return i < context.outputs.size() && context.outputs[i].present() ? context.out<T>(i) : std::span<T>{};
  };
  for (std::size_t p = 0; p < count; ++p) {
    const auto input = [&](std::size_t kind) { return context.in<T>(2 + kind * count + p); };
    const std::span<const T> parameter = input(0), gradient = input(1);
    std::array<std::span<const T>, States> before;
    for (std::size_t s = 0; s < States; ++s) before[s] = input(2 + s);
    std::array<std::span<T>, 1 + States> after;
    for (std::size_t o = 0; o < after.size(); ++o) after[o] = output(o * count + p);
    for (std::size_t i = 0; i < parameter.size(); ++i) {
      std::array<T, States> states;
      for (std::size_t s = 0; s < States; ++s) states[s] = before[s][i];
      const std::array<T, 1 + States> updated = f(parameter[i], gradient[i], states);
      for (std::size_t o = 0; o < after.size(); ++o)
        if (!after[o].empty()) after[o][i] = updated[o];
    }
  }
}

/// One parameter of four elements, and two of different shapes.
std::vector<Sample> optimiser_samples(std::size_t states, Attributes attributes);

}  // namespace dormouse::engine

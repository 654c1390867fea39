#pragma once

#include "engine/ops/inference.h"

/// What our own update operators share. Inputs: a parameter, its gradient, its states, all of one type and
/// shape, and scalars of that type; outputs: the parameter and, where asked for, the states after the update.
namespace dormouse::engine {

/// Checks all that, and that the attributes named are floats.
void infer_update(InferContext& context, std::size_t states, std::size_t scalars,
                  std::initializer_list<std::string_view> floats);

/// A float attribute as T.
template <class T>
T setting(const KernelContext& context, std::string_view name, float fallback) {
  return static_cast<T>(context.attributes.get<float>(name, fallback));
}

/// Output `i`, or nothing where it is not asked for.
template <class T>
std::span<T> wanted(const KernelContext& context, std::size_t i) {
  return i < context.outputs.size() && context.outputs[i].present() ? context.out<T>(i) : std::span<T>{};
}

/// One of these attributes, one of the defaults; positive throughout, as states and scalars are.
std::vector<Sample> update_samples(std::size_t states, std::size_t scalars, Attributes attributes);

}  // namespace dormouse::engine

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

/// Calls f(first, end) for runs of the parameter's elements, on as many threads as are worth it.
template <class F>
void share_update(const KernelContext& context, F f) {
  constexpr std::int64_t kCost = 16;  // of an element, in bytes or so
  context.share(context.shape(0).elements(), kCost, [&](std::int64_t first, std::int64_t end) {
    f(static_cast<std::size_t>(first), static_cast<std::size_t>(end));
  });
}

/// One of these attributes, one of the defaults; positive throughout, as states and scalars are.
std::vector<Sample> update_samples(std::size_t states, std::size_t scalars, Attributes attributes);

}  // namespace dormouse::engine

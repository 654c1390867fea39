#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/kernels/gemm.h"
#include "engine/op.h"

/// What RNN, GRU, LSTM and our CfC share: everything but what one step computes.
///
/// Inputs X, W, R, B?, sequence_lens?, initial_h?, and LSTM's initial_c? and P?; outputs Y?, Y_h?, Y_c?. With
/// layout 0 X is [steps, batch, input], Y [steps, directions, batch, hidden], states [directions, batch,
/// hidden]; with layout 1 the batch comes first everywhere. Steps from a sequence's length on give zeros.
namespace dormouse::engine::recurrent {

/// Attribute that a pass sets, ours: W is [directions, input, gates · hidden], R [directions, hidden,
/// gates · hidden].
inline constexpr std::string_view kTransposed = "weights_transposed";

/// What tells the three operators apart before they run.
struct Kind {
  std::size_t gates;
  std::size_t states;                         ///< 2: a cell state too
  std::vector<std::string_view> activations;  ///< of one direction, by default
  bool timed = false;  ///< input 6 is the time since the step before, [steps, batch] or [batch, steps]
};

/// Checks inputs and attributes; sets the outputs.
void infer(InferContext& context, const Kind& kind);

std::size_t scratch(const KernelContext& context, const Kind& kind);

/// An activation function, applied in place.
template <class T>
struct Activation {
  void (*function)(T* values, std::int64_t count, T alpha, T beta) noexcept;
  T alpha, beta;
  std::string_view name = {};  ///< in lower case
  void operator()(T* values, std::int64_t count) const noexcept { function(values, count, alpha, beta); }
};

/// One time step of one direction, for the whole batch.
template <class T>
struct Step {
  std::int64_t batch, hidden;
  T* gates;                  ///< X·Wᵀ + biases of W, [batch, gates · hidden]; the step's to overwrite
  std::int64_t gate_stride;  ///< between its rows
  const T* h;                ///< [batch, hidden], as is what follows
  const T* c;
  T* next_h;
  T* next_c;
  T* spare;                     ///< 2 · batch · hidden elements
  Matrix<T> recurrence;         ///< Rᵀ: hidden × gates · hidden
  const T* bias;                ///< of R, [gates · hidden], or null
  const T* peephole;            ///< [3 · hidden], or null
  const T* elapsed;             ///< of the first element of the batch; null: 1
  std::int64_t elapsed_stride;  ///< between elements of the batch
  const std::vector<Activation<T>>* activations;
  std::size_t first_activation;  ///< of the direction
  T clip;                        ///< inputs of activations are held within ±clip; 0: no bound
  const Attributes* attributes;
  std::span<std::byte> gemm_scratch;

  T* row(std::int64_t b) const { return gates + b * gate_stride; }
  /// to (+)= from · Rᵀ for the gates [first, first + count); `to` has `stride` elements a row.
  void recur(const T* from, std::int64_t first, std::int64_t count, bool accumulate, T* to,
             std::int64_t stride) const noexcept;
  /// Clips and activates `count` elements.
  void activate(std::size_t activation, T* values, std::int64_t count) const noexcept;
};

template <class T>
using Cell = void (*)(const Step<T>&) noexcept;

template <class T>
void run(const KernelContext& context, const Kind& kind, Cell<T> cell) noexcept;

extern template struct Step<float>;
extern template struct Step<double>;
extern template void run(const KernelContext&, const Kind&, Cell<float>) noexcept;
extern template void run(const KernelContext&, const Kind&, Cell<double>) noexcept;

}  // namespace dormouse::engine::recurrent

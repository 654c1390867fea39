#include "engine/ops/recurrent.h"

#include <algorithm>

#include "engine/kernels/scratch.h"
#include "engine/ops/inference.h"
#include "engine/ops/recurrent_activations.h"

namespace dormouse::engine::recurrent {
namespace {

enum Input : std::size_t { kX, kW, kR, kB, kLengths, kH, kC, kPeepholes, kElapsed = kC };

struct Extents {
  std::int64_t steps, batch, inputs, hidden, directions;
  bool batch_first;
  bool transposed;  ///< W and R: see kTransposed

  Shape state() const {
    return batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  }
  Shape sequence() const {
    return batch_first ? Shape{batch, steps, directions, hidden} : Shape{steps, directions, batch, hidden};
  }
};

std::int64_t directions_of(const Attributes& attributes) {
  return attributes.get<std::string>("direction", "forward") == "bidirectional" ? 2 : 1;
}

Extents extents_of(const Attributes& attributes, const Shape& x, const Shape& r) {
  const bool batch_first = attributes.integer("layout", 0) == 1;
  const bool transposed = attributes.integer(kTransposed, 0) == 1;
  const std::int64_t given = r[transposed ? 1 : 2];
  const std::int64_t hidden = given == kDynamic ? attributes.integer("hidden_size", kDynamic) : given;
  return {.steps = x[batch_first ? 1 : 0],
          .batch = x[batch_first ? 0 : 1],
          .inputs = x[2],
          .hidden = hidden,
          .directions = directions_of(attributes),
          .batch_first = batch_first,
          .transposed = transposed};
}

void check_attributes(const InferContext& context, const Kind& kind) {
  const Attributes& attributes = context.attributes();
  const std::string direction = attributes.get<std::string>("direction", "forward");
  context.require(direction == "forward" || direction == "reverse" || direction == "bidirectional",
                  "direction is none of forward, reverse and bidirectional");
  const std::int64_t layout = attributes.integer("layout", 0);
  context.require(layout == 0 || layout == 1, "layout is neither 0 nor 1");
  check_attribute<std::int64_t>(context, "input_forget");
  check_attribute<std::int64_t>(context, "linear_before_reset");
  check_attribute<std::vector<float>>(context, "activation_alpha");
  check_attribute<std::vector<float>>(context, "activation_beta");
  context.require(attributes.get<float>("clip", 1) > 0, "clip is not above 0");
  if (!activations<float>(attributes, kind, static_cast<std::size_t>(directions_of(attributes))))
    context.unsupported("activations are not " + std::to_string(kind.activations.size()) +
                        " known ones for each direction");
}

void check_shape(const InferContext& context, std::size_t i, const char* name, const Shape& wanted) {
  if (!context.has_input(i) || !context.has_shape(i)) return;
  if (!compatible(context.shape(i), wanted)) context.fail(std::string(name) + " is not " + to_string(wanted));
}

void check_inputs(const InferContext& context, const Kind& kind, const Extents& e) {
  const std::int64_t named = context.attributes().integer("hidden_size", e.hidden);
  context.require(e.hidden == named, "hidden_size is not that of R");
  const auto times = [&](std::int64_t n) { return e.hidden == kDynamic ? kDynamic : n * e.hidden; };
  const auto gates = static_cast<std::int64_t>(kind.gates);
  const auto matrix = [&](std::int64_t from) {
    return e.transposed ? Shape{e.directions, from, times(gates)} : Shape{e.directions, times(gates), from};
  };
  check_shape(context, kW, "W", matrix(e.inputs));
  check_shape(context, kR, "R", matrix(e.hidden));
  check_shape(context, kB, "B", {e.directions, times(2 * gates)});
  check_shape(context, kLengths, "sequence_lens", {e.batch});
  check_shape(context, kH, "initial_h", e.state());
  const Shape elapsed = e.batch_first ? Shape{e.batch, e.steps} : Shape{e.steps, e.batch};
  if (kind.timed)
    check_shape(context, kElapsed, "elapsed", elapsed);
  else
    check_shape(context, kC, "initial_c", e.state());
  check_shape(context, kPeepholes, "P", {e.directions, times(3)});
}

void check_types(const InferContext& context) {
  for (std::size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has_input(i)) continue;
    if (i == kLengths)
      context.require(context.dtype(i) == DType::i32, "sequence_lens is not i32");
    else
      context.require(context.dtype(i) == context.dtype(kX), "inputs differ in type");
  }
}

/// All directions, one after the other.
template <class T>
class Run {
 public:
  Run(const KernelContext& context, const Kind& kind, Cell<T> cell)
      : context_(context),
        kind_(kind),
        cell_(cell),
        e_(extents_of(context.attributes, context.shape(kX), context.shape(kR))),
        width_(static_cast<std::int64_t>(kind.gates) * e_.hidden) {
    Scratch scratch(context.scratch);
    projected_ = scratch.take<T>(e_.steps * e_.batch * width_);
    for (T*& state : states_) state = scratch.take<T>(e_.batch * e_.hidden);
    spare_ = scratch.take<T>(2 * e_.batch * e_.hidden);
    rest_ = scratch.rest();
  }

  void direction(std::int64_t d, const std::vector<Activation<T>>& activations) {
    const bool backward = d == 1 || context_.attributes.get<std::string>("direction", "forward") == "reverse";
    project(d);
    load(kH, d, states_[0]);
    if (kind_.states == 2) load(kC, d, states_[1]);
    for (std::int64_t i = 0; i < e_.steps; ++i) {
      // Backwards, a sequence that is shorter than the longest waits until its own end comes by.
      const std::int64_t t = backward ? e_.steps - 1 - i : i;
      cell_(step(d, t, activations));
      for (std::int64_t b = 0; b < e_.batch; ++b) commit(d, t, b);
    }
    store(1, d, states_[0]);
    store(2, d, states_[1]);
  }

 private:
  const T* part(std::size_t input, std::int64_t d, std::int64_t count) const {
    return context_.has_input(input) ? context_.in<T>(input).data() + d * count : nullptr;
  }

  /// Wᵀ or Rᵀ of a direction: `rows` × gates · hidden.
  Matrix<T> weights(std::size_t input, std::int64_t d, std::int64_t rows) const {
    const T* const first = part(input, d, width_ * rows);
    return e_.transposed ? Matrix<T>{first, width_, 1} : Matrix<T>{first, 1, rows};
  }

  /// X·Wᵀ and the biases of W for all steps at once.
  void project(std::int64_t d) {
    const std::int64_t rows = e_.steps * e_.batch;
    const T* const bias = part(kB, d, 2 * width_);
    for (std::int64_t r = 0; r < rows; ++r) {
      T* const row = projected_ + r * width_;
      if (bias)
        std::copy_n(bias, width_, row);
      else
        std::fill_n(row, width_, T{0});
    }
    gemm<T>(rows, width_, e_.inputs, T{1}, {context_.in<T>(kX).data(), e_.inputs, 1},
            weights(kW, d, e_.inputs), true, projected_, width_, rest_);
  }

  std::int64_t state_offset(std::int64_t d, std::int64_t b) const {
    return (e_.batch_first ? b * e_.directions + d : d * e_.batch + b) * e_.hidden;
  }

  void load(std::size_t input, std::int64_t d, T* state) const {
    for (std::int64_t b = 0; b < e_.batch; ++b, state += e_.hidden) {
      if (context_.has_input(input))
        std::copy_n(context_.in<T>(input).data() + state_offset(d, b), e_.hidden, state);
      else
        std::fill_n(state, e_.hidden, T{0});
    }
  }

  void store(std::size_t output, std::int64_t d, const T* state) const {
    if (output >= context_.outputs.size() || !context_.outputs[output].present()) return;
    for (std::int64_t b = 0; b < e_.batch; ++b, state += e_.hidden)
      std::copy_n(state, e_.hidden, context_.out<T>(output).data() + state_offset(d, b));
  }

  Step<T> step(std::int64_t d, std::int64_t t, const std::vector<Activation<T>>& activations) const {
    const T* const bias = part(kB, d, 2 * width_);
    return {.batch = e_.batch,
            .hidden = e_.hidden,
            .gates = projected_ + (e_.batch_first ? t : t * e_.batch) * width_,
            .gate_stride = e_.batch_first ? e_.steps * width_ : width_,
            .h = states_[0],
            .c = states_[1],
            .next_h = states_[2],
            .next_c = states_[3],
            .spare = spare_,
            .recurrence = weights(kR, d, e_.hidden),
            .bias = bias ? bias + width_ : nullptr,
            .peephole = part(kPeepholes, d, 3 * e_.hidden),
            .elapsed = kind_.timed ? elapsed(t) : nullptr,
            .elapsed_stride = e_.batch_first ? e_.steps : 1,
            .activations = &activations,
            .first_activation = static_cast<std::size_t>(d) * kind_.activations.size(),
            .clip = static_cast<T>(context_.attributes.get<float>("clip", 0)),
            .attributes = &context_.attributes,
            .gemm_scratch = rest_};
  }

  const T* elapsed(std::int64_t t) const {
    const T* const first = part(kElapsed, 0, 0);
    return first ? first + (e_.batch_first ? t : t * e_.batch) : nullptr;
  }

  bool active(std::int64_t t, std::int64_t b) const {
    return !context_.has_input(kLengths) ||
           t < context_.in<std::int32_t>(kLengths)[static_cast<std::size_t>(b)];
  }

  /// Takes over what the step made of element b, and writes Y.
  void commit(std::int64_t d, std::int64_t t, std::int64_t b) {
    const bool now = active(t, b);
    if (now)
      for (std::size_t s = 0; s < kind_.states; ++s)
        std::copy_n(states_[2 + s] + b * e_.hidden, e_.hidden, states_[s] + b * e_.hidden);
    if (!context_.outputs[0].present()) return;
    const std::int64_t row =
        e_.batch_first ? (b * e_.steps + t) * e_.directions + d : (t * e_.directions + d) * e_.batch + b;
    T* const y = context_.out<T>(0).data() + row * e_.hidden;
    if (now)
      std::copy_n(states_[0] + b * e_.hidden, e_.hidden, y);
    else
      std::fill_n(y, e_.hidden, T{0});
  }

  const KernelContext& context_;
  const Kind& kind_;
  Cell<T> cell_;
  Extents e_;
  std::int64_t width_;
  T* projected_;
  T* states_[4];  // h, c, and what the step makes of them
  T* spare_;
  std::span<std::byte> rest_;
};

}  // namespace

void infer(InferContext& context, const Kind& kind) {
  check_attributes(context, kind);
  check_types(context);
  for (std::size_t i = 0; i < context.outputs(); ++i) context.set_output(i, context.dtype(kX));
  if (!context.has_shape(kX) || !context.has_shape(kR)) return;
  context.require(context.shape(kX).rank() == 3, "X is not of rank 3");
  context.require(context.shape(kR).rank() == 3, "R is not of rank 3");
  const Extents e = extents_of(context.attributes(), context.shape(kX), context.shape(kR));
  check_inputs(context, kind, e);
  set_checked_output(context, 0, context.dtype(kX), e.sequence());
  for (std::size_t i = 1; i < context.outputs(); ++i) context.set_output(i, context.dtype(kX), e.state());
}

std::size_t scratch(const KernelContext& context, const Kind& kind) {
  const Extents e = extents_of(context.attributes, context.shape(kX), context.shape(kR));
  const std::size_t size = size_of(context.inputs[kX].dtype);
  const std::int64_t width = static_cast<std::int64_t>(kind.gates) * e.hidden;
  return Scratch::bytes(e.steps * e.batch * width, size) + 4 * Scratch::bytes(e.batch * e.hidden, size) +
         Scratch::bytes(2 * e.batch * e.hidden, size) +
         std::max(gemm_scratch(e.steps * e.batch, width, e.inputs), gemm_scratch(e.batch, width, e.hidden));
}

template <class T>
void Step<T>::recur(const T* from, std::int64_t first, std::int64_t count, bool accumulate, T* to,
                    std::int64_t stride) const noexcept {
  Matrix<T> chosen = recurrence;
  chosen.data += first * hidden * recurrence.column_stride;
  gemm<T>(batch, count * hidden, hidden, T{1}, {from, hidden, 1}, chosen, accumulate, to, stride,
          gemm_scratch);
}

template <class T>
void Step<T>::activate(std::size_t activation, T* values, std::int64_t count) const noexcept {
  if (clip > 0)
    for (std::int64_t i = 0; i < count; ++i) values[i] = std::min(std::max(values[i], -clip), clip);
  (*activations)[first_activation + activation](values, count);
}

template <class T>
void run(const KernelContext& context, const Kind& kind, Cell<T> cell) noexcept {
  const auto directions = static_cast<std::size_t>(directions_of(context.attributes));
  const auto chosen = activations<T>(context.attributes, kind, directions);
  Run<T> all(context, kind, cell);
  for (std::size_t d = 0; d < directions; ++d) all.direction(static_cast<std::int64_t>(d), *chosen);
}

template struct Step<float>;
template struct Step<double>;
template void run(const KernelContext&, const Kind&, Cell<float>) noexcept;
template void run(const KernelContext&, const Kind&, Cell<double>) noexcept;

}  // namespace dormouse::engine::recurrent

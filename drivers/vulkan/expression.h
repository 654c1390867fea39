#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "drivers/vulkan/recorder.h"
#include "engine/graph.h"

namespace dormouse::drivers::vulkan {

/// A step of shaders/elementwise.comp; in its order. Conditions are 0 and 1.
enum class Code : std::uint8_t {
  copy,
  neg,
  abs,
  exp,
  log,
  sqrt,
  reciprocal,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  sigmoid,
  floor,
  ceil,
  round,
  sign,
  is_zero,
  softplus,
  less_one,
  add,
  sub,
  mul,
  div,
  pow,
  max,
  min,
  greater,
  greater_or_equal,
  less,
  less_or_equal,
  equal,
  both,
  either,
  unequal,
  remainder,
  select,       ///< a ≠ 0 ? b : c
  multiply_add  ///< a · b + c
};

/// A value within an expression: a register of the shader.
struct Term {
  std::uint32_t index = 0;
};

/// Element-wise work on values that broadcast to one shape, in as many steps as one dispatch takes: what
/// nodes add to it one by one is computed together.
class Expression {
 public:
  Expression(const engine::Graph& graph, engine::Shape shape) : graph_(&graph), shape_(std::move(shape)) {}

  const engine::Graph& graph() const { return *graph_; }
  const engine::Shape& shape() const { return shape_; }
  /// A value read: a term of this expression if it was computed here.
  Term in(engine::ValueId value);
  /// The same, seen as of this shape: a value per channel, say.
  Term in(engine::ValueId value, const engine::Shape& shape);
  Term in(Slot slot, const engine::Shape& shape);
  Term number(float value);
  Term step(Code code, Term a, Term b = {}, Term c = {});
  /// `value`, or what lies in `slot`, is this term.
  void define(engine::ValueId value, Term term);
  void define(Slot slot, Term term);

  /// Whether it is one dispatch, when the values that are read outside are those that `kept` says.
  template <class F>
  bool fits(F kept) const {
    std::size_t outputs = 0;
    for (const Definition& definition : defined_) outputs += !definition.value || kept(*definition.value);
    return within_limits(outputs);
  }
  /// Adds the dispatch, which writes the values that `kept` says.
  template <class F>
  void emit(Recorder& recorder, F kept) const {
    std::vector<Definition> definitions;
    for (const Definition& definition : defined_)
      if (!definition.value || kept(*definition.value)) definitions.push_back(definition);
    emit_definitions(recorder, definitions);
  }
  void emit(Recorder& recorder) const {
    emit(recorder, [](engine::ValueId) { return true; });
  }

 private:
  struct Input {
    std::optional<engine::ValueId> value;  ///< else what lies in `slot`
    Slot slot;
    engine::Shape shape;
    bool operator==(const Input&) const = default;
  };
  struct Step {
    Code code;
    std::array<Term, 3> operands;
  };
  struct Definition {
    std::optional<engine::ValueId> value;  ///< else it goes to `slot`
    Slot slot;
    Term term;
  };
  /// How the inputs are read: extents of the shape, axes that lie together joined, and strides by input.
  struct Reading {
    std::vector<std::uint32_t> extents;
    std::vector<std::vector<std::uint32_t>> strides;
    std::vector<std::uint32_t> modes;  ///< of the inputs, as in the shader
    std::size_t strided() const;
  };

  Term add_input(Input input);
  bool within_limits(std::size_t outputs) const;
  Reading reading() const;
  void emit_definitions(Recorder& recorder, const std::vector<Definition>& definitions) const;

  const engine::Graph* graph_;
  engine::Shape shape_;
  std::vector<Input> inputs_;
  std::vector<float> numbers_;
  std::vector<Step> steps_;
  std::vector<Definition> defined_;
};

}  // namespace dormouse::drivers::vulkan

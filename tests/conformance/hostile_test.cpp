// Operators face models that anyone may have written: whatever infer() accepts, kernels must survive.

#include <catch2/catch.hpp>
#include <random>

#include "engine/interpreter.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::engine::conformance {
namespace {

// Values at which bounds, axes and extents go wrong.
std::int64_t awkward(std::mt19937& random) {
  static constexpr std::int64_t values[] = {0,         1,       2,  3,    -1,        -2,        -3,
                                            4,         7,       -7, 1000, INT32_MAX, INT32_MIN, INT64_MAX,
                                            INT64_MIN, 1 << 20, 64, 5,    -64,       1LL << 40};
  // Mostly small ones, or nothing would ever be accepted.
  return values[random() % (random() % 3 == 0 ? std::size(values) : 8)];
}

std::vector<std::int64_t> changed(std::vector<std::int64_t> list, std::mt19937& random) {
  for (std::int64_t& value : list)
    if (random() % 6 == 0) value = awkward(random);
  if (random() % 8 == 0) list.push_back(awkward(random));
  if (random() % 8 == 0 && !list.empty()) list.pop_back();
  return list;
}

Attributes changed(const Attributes& attributes, std::mt19937& random) {
  Attributes result;
  for (const auto& [name, value] : attributes.entries()) {
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value))
      result.set(name, changed(*list, random));
    else if (std::holds_alternative<std::int64_t>(value) && random() % 3 == 0 && name != "to")
      result.set(name, awkward(random));
    else
      result.set(name, value);
  }
  if (random() % 4 == 0) result.set("axis", awkward(random));
  return result;
}

Sample changed(Sample sample, std::mt19937& random) {
  sample.attributes = changed(sample.attributes, random);
  for (Shape& shape : sample.shapes) {
    std::vector<std::int64_t> extents = shape.extents();
    for (std::int64_t& extent : extents)
      if (random() % 12 == 0) extent = static_cast<std::int64_t>(random() % 4);
    if (random() % 12 == 0) extents.push_back(2);
    shape = Shape(std::move(extents));
  }
  for (auto& [i, tensor] : sample.fixed) {
    if (tensor.dtype() != DType::i64 && tensor.dtype() != DType::i32) continue;
    const Tensor wide = tensor.as(DType::i64);
    const auto values = wide.values<std::int64_t>();
    const Tensor list = row_of(changed({values.begin(), values.end()}, random)).as(tensor.dtype());
    if (tensor.shape().rank() == 1)
      tensor = list;
    else if (tensor.elements() == list.elements())
      tensor = list.reshaped(tensor.shape());
  }
  return sample;
}

// Whether the sample was accepted and computed. Only refusals may be thrown; large results would just be
// slow.
bool survives(const Op& op, const Sample& sample, std::mt19937& random) {
  try {
    const SampleGraph prepared = sample_graph(op, sample, DType::f32, random);
    for (const ValueId id : prepared.outputs) {
      const ValueInfo& value = prepared.graph.value(id);
      if (value.shape_known && value.shape.is_static() && value.shape.elements() > 1 << 16) return false;
    }
    interpret(prepared.graph, prepared.inputs);
    return true;
  } catch (const Failure&) {
    return false;
  }
}

}  // namespace

TEST_CASE("whatever is accepted is computed within bounds", "[hostile]") {
  constexpr unsigned seed = 7;
  for (const Op* const op : all_ops()) {
    if (op->control) continue;  // no samples: tests/engine/control_flow_test.cpp has hostile graphs
    std::mt19937 random(seed);
    INFO(op->name << ", seed " << seed);
    int accepted = 0;
    for (int round = 0; round < 400; ++round)
      accepted += survives(*op, changed(op->samples[random() % op->samples.size()], random), random);
    CHECK(accepted > 0);
  }
}

}  // namespace dormouse::engine::conformance

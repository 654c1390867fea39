// Half precision: what kernels compute from f16 and bf16 is what they compute from the same numbers in f32.

#include <catch2/catch.hpp>
#include <cmath>
#include <optional>

#include "engine/interpreter.h"
#include "tests/conformance/sample_graph.h"

namespace dormouse::engine::conformance {
namespace {

constexpr unsigned kSeed = 7;

Sample with_constants_of(Sample sample, DType type) {
  for (auto& [i, tensor] : sample.fixed)
    if (tensor.dtype() == DType::f32 || tensor.dtype() == DType::f64) tensor = tensor.as(type);
  return sample;
}

// Some operators want their constants in the input's type, others (Resize's scales) in f32.
std::optional<SampleGraph> accepted(const Op& op, const Sample& sample, DType type) {
  for (const Sample& form : {sample, with_constants_of(sample, type)}) {
    try {
      std::mt19937 random(kSeed);
      return sample_graph(op, form, type, random);
    } catch (const Failure&) {
      continue;
    }
  }
  return std::nullopt;
}

// Partial results of chained kernels are rounded too: a few units in the last place of results about 1.
void check_close(const std::vector<double>& half, const std::vector<double>& wide, double unit) {
  REQUIRE(half.size() == wide.size());
  for (std::size_t i = 0; i < half.size(); ++i) {
    INFO("element " << i);
    CHECK(half[i] == Approx(wide[i]).epsilon(4 * unit).margin(4 * unit));
  }
}

void check_halves(const Op& op, const Sample& sample, DType type, double unit) {
  const std::optional<SampleGraph> half = accepted(op, sample, type);
  REQUIRE(half.has_value());
  std::mt19937 random(kSeed);
  const SampleGraph wide = sample_graph(op, sample, DType::f32, random);
  std::vector<Tensor> widened;
  for (const Tensor& input : half->inputs) widened.push_back(input.as(DType::f32));
  const std::vector<Tensor> low = interpret(half->graph, half->inputs), high = interpret(wide.graph, widened);
  for (std::size_t i = 0; i < low.size(); ++i) check_close(as_doubles(low[i]), as_doubles(high[i]), unit);
}

}  // namespace

TEST_CASE("half-precision kernels compute what f32 kernels do", "[halves]") {
  for (const Op* const op : all_ops()) {
    for (std::size_t i = 0; i < op->samples.size(); ++i) {
      const Sample& sample = op->samples[i];
      if (op->kernel_input >= sample.shapes.size()) continue;
      INFO(op->name << ", sample " << i << ", seed " << kSeed);
      if (op->kernel_for(DType::f16)) check_halves(*op, sample, DType::f16, 0x1p-10);
      if (op->kernel_for(DType::bf16)) check_halves(*op, sample, DType::bf16, 0x1p-7);
    }
  }
}

}  // namespace dormouse::engine::conformance

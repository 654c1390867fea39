#include "tests/learning/golden_layer.h"

using namespace dormouse::learning;
namespace engine = dormouse::engine;
using engine::DType;
using engine::Tensor;
using engine::Value;

namespace {

/// z (re, im), then y.
std::vector<double> pair(const Golden& golden, std::initializer_list<const char*> parts) {
  std::vector<double> state;
  for (const char* const part : parts) {
    const Tensor values = golden.tensor(part);
    state.insert(state.end(), values.values<double>().begin(), values.values<double>().end());
  }
  return state;
}

Tensor input_matrix(const Golden& golden, const std::string& from) {
  return beside(transposed(golden.tensor(from + ".B_re")), transposed(golden.tensor(from + ".B_im")));
}

Tensor output_matrix(const Golden& golden, const std::string& from) {
  return below(transposed(golden.tensor(from + ".C_re")),
               times(transposed(golden.tensor(from + ".C_im")), -1));
}

}  // namespace

const std::map<std::string, Discretisation>& golden_variants() {
  static const std::map<std::string, Discretisation> variants = {
      {"IM", Discretisation::im}, {"IMEX", Discretisation::imex}, {"DAMPED", Discretisation::damped}};
  return variants;
}

Value GoldenLayer::input(const std::string& name, Tensor value) {
  names.push_back(name);
  given.push_back(std::move(value));
  ids.push_back(graph.add_input(name, given.back().dtype(), given.back().shape()));
  return {&graph, ids.back()};
}

GoldenLayer::GoldenLayer(const Golden& golden, DType type, std::int64_t steps) {
  const auto vector = [&](const std::string& name) {
    return input(name, golden.tensor("params." + name).as(type));
  };
  const auto rows = [&](const std::string& name) {
    const Tensor all = golden.tensor(name).as(type);
    return all.rows(0, steps).reshaped({1, steps, all.shape()[1]});
  };
  parameters.oscillators.stiffness = vector("a");
  if (golden.has("params.g")) parameters.oscillators.damping = vector("g");
  parameters.oscillators.step = vector("s");
  parameters.input = input("B", input_matrix(golden, "params").as(type));
  parameters.output = input("C", output_matrix(golden, "params").as(type));
  parameters.feedthrough = input("D", transposed(golden.tensor("params.D")).as(type));
  samples = input("u", rows("u"));
  const auto start = pair(golden, {"w0.z_re", "w0.z_im", "w0.y_re", "w0.y_im"});
  const auto channels = static_cast<std::int64_t>(start.size() / 2);
  state = input("w0", Tensor::from<double>({1, 2, channels}, start).as(type));
  const Value r = input("R", rows("R"));
  names.pop_back();
  ids.pop_back();
  answer =
      linoss_layer(golden_variants().at(golden.text("variant")), parameters, kGoldenLimits, samples, state);
  loss = engine::reduce_sum(r * answer.output + answer.output * answer.output * 0.5, {0, 1, 2}, false);
}

Tensor golden_gradient(const Golden& golden, const std::string& name) {
  if (name == "B") return input_matrix(golden, "grad");
  if (name == "C") return output_matrix(golden, "grad");
  if (name == "D") return transposed(golden.tensor("grad.D"));
  if (name != "w0") return golden.tensor("grad." + name);
  return engine::row_of(pair(golden, {"grad.z0_re", "grad.z0_im", "grad.y0_re", "grad.y0_im"}));
}

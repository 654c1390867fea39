// Whether real models give what ONNX Runtime gives, on portable kernels and on every compute driver.
//
//   bench_models --models FOLDER --peer LIBRARY --work FOLDER [--only NAME | --golden FILE]
//
// --golden writes samples of the peer's outputs, which tests compare with where there is no peer.
// Inputs are random (seeded), and the same for both. Equal means |a − b| ≤ 1e-4 · max|b| + 1e-5, elementwise.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/bench/golden.h"
#include "tests/bench/options.h"
#include "tests/bench/peers/onnxruntime.h"
#include "tests/bench/real_models.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using engine::DType;
using engine::Tensor;
using Drivers = std::span<const engine::Driver* const>;

/// The largest difference, in units of what is allowed; infinite when shapes differ or something is no
/// number.
double distance(const Tensor& got, const Tensor& expected, double tolerance) {
  if (got.shape() != expected.shape() || got.dtype() != expected.dtype()) return INFINITY;
  const Tensor wide_got = got.as(DType::f64), wide_expected = expected.as(DType::f64);
  const auto a = wide_got.values<double>(), b = wide_expected.values<double>();
  double largest = 0, worst = 0;
  for (const double value : b) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double ratio = std::abs(a[i] - b[i]) / (tolerance * largest + 1e-5);
    if (!(ratio <= worst)) worst = std::isnan(ratio) ? INFINITY : ratio;
  }
  return worst;
}

/// Whether an output says enough about what went before: neither a softmax that one class has won, nor values
/// so equal that the differences between them hide in what is allowed.
bool is_telling(const Tensor& output, double tolerance) {
  const Tensor wide = output.as(DType::f64);
  const auto values = wide.values<double>();
  const auto [lowest, highest] = std::ranges::minmax(values);
  const auto large = std::ranges::count_if(values, [&](double value) { return value > 1e-2 * highest; });
  return 10 * large >= output.elements() && highest - lowest > 20 * (tolerance * highest + 1e-5);
}

bool compare(const RealModel& model, const char* name, const fs::path& file, Drivers drivers,
             const std::vector<Tensor>& inputs, const std::vector<Tensor>& expected) {
  double worst = 0;
  std::string refused;
  try {
    const auto got = engine::Session(engine::read_onnx(file.string()), drivers).run(inputs);
    if (got.size() != expected.size()) worst = INFINITY;
    for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i)
      worst = std::max(worst, distance(got[i], expected[i], model.tolerance));
  } catch (const Failure& failure) {
    refused = failure.what();
  }
  const bool passes = refused.empty() && worst <= 1;
  std::printf("%s  %-48s %-10s ", passes ? "PASS" : "FAIL", model.file.c_str(), name);
  if (refused.empty())
    std::printf("%.3g of what is allowed\n", worst);
  else
    std::printf("%s\n", refused.c_str());
  return passes;
}

std::vector<Tensor> outputs_of(OnnxRuntime& peer, const fs::path& file, const std::vector<Tensor>& inputs) {
  OnnxRuntime::Session session(peer, file.string(), 1);
  session.bind(inputs);
  session.run();
  return session.outputs();
}

bool check(OnnxRuntime& peer, const RealModel& model, const Options& options) {
  const fs::path file = file_of(model, options.text("models"), options.text("work"));
  const std::vector<Tensor> inputs = random_inputs(model);
  const std::vector<Tensor> expected = outputs_of(peer, file, inputs);
  if (model.random_weights && !is_telling(expected[0], model.tolerance))
    throw Failure(Errc::internal, model.file + ": with these weights its output tells nothing");
  const bool portable = compare(model, "reference", file, {}, inputs, expected);
  const bool driven = compare(model, "drivers", file, drivers::all_drivers(), inputs, expected);
  return portable && driven;
}

int write_golden(OnnxRuntime& peer, const Options& options, const std::string& to) {
  Golden golden;
  for (const RealModel& model : real_models()) {
    const fs::path file = file_of(model, options.text("models"), options.text("work"));
    auto& outputs = golden.emplace_back();
    for (const Tensor& output : outputs_of(peer, file, random_inputs(model)))
      outputs.push_back(golden_of(output));
  }
  write_golden(golden, to);
  return 0;
}

int run(const Options& options) {
  OnnxRuntime peer(options.text("peer"));
  if (const std::string to = options.text("golden", ""); !to.empty()) return write_golden(peer, options, to);
  std::size_t passed = 0, all = 0;
  for (const RealModel& model : real_models()) {
    if (model.file.find(options.text("only", "")) == std::string::npos) continue;
    passed += check(peer, model, options);
    ++all;
  }
  std::printf("%zu of %zu models and shapes match ONNX Runtime %s (seed %lu)\n", passed, all,
              peer.version().c_str(), static_cast<unsigned long>(kModelSeed));
  return passed == all ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }

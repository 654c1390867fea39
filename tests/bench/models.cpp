// Whether real models give what ONNX Runtime gives, on portable kernels and on every compute driver.
//
//   bench_models --models FOLDER --work FOLDER [--only NAME]
//
// Inputs are random (seeded), and the same for both. The peer is tests/bench/peers/onnxruntime.mjs;
// script/bench installs it. Equal means |a − b| ≤ 1e-4 · max|b| + 1e-5, elementwise.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "drivers/all_drivers.h"
#include "engine/formats/npy.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/bench/options.h"
#include "tests/bench/random_weights.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using engine::DType;
using engine::Shape;
using engine::Tensor;
using Drivers = std::span<const engine::Driver* const>;

constexpr std::uint64_t kSeed = 1;

/// An input: uniform in [low, high], whole numbers for integer types.
struct Input {
  DType type;
  Shape shape;
  double low = 0, high = 1;
};

struct Model {
  std::string file;
  std::vector<Input> inputs;
  bool random_weights = false;
  double tolerance = 1e-4;  ///< of the largest element
};

Input image(std::int64_t batch, std::int64_t height, std::int64_t width, double low, double high) {
  return {DType::f32, {batch, 3, height, width}, low, high};
}

Model light(const std::string& name) {
  return {"onnx-light/light_" + name + ".onnx", {image(1, 224, 224, -2, 2)}, true};
}

Model tokens(const std::string& file, std::int64_t batch, std::int64_t length, double highest) {
  const Shape shape{batch, length};
  return {"vespa-dummy-bert/" + file,
          {{DType::i64, shape, 0, highest}, {DType::i64, shape, 1, 1}, {DType::i64, shape, 0, 1}}};
}

Model silero(const std::string& variant, bool rate, bool rate_second = false) {
  Model model{"silero-vad/silero_vad" + variant + ".onnx",
              {{DType::f32, {1, 576}, -0.5, 0.5}, {DType::f32, {2, 1, 128}, -1, 1}}};
  if (rate) model.inputs.insert(model.inputs.begin() + (rate_second ? 1 : 2), {DType::i64, {}, 16000, 16000});
  return model;
}

std::vector<Model> all_models() {
  return {{"fastestdet-yolo/FastestDet.onnx", {image(1, 352, 352, 0, 1)}},
          {"magika/model.onnx", {{DType::i32, {1, 2048}, 0, 256}}},
          {"magika/model.onnx", {{DType::i32, {3, 2048}, 0, 256}}},
          light("densenet121"),
          light("inception_v1"),
          light("resnet50"),
          light("shufflenet"),
          light("squeezenet"),
          {"ppocr-cls-mobilenetv3/ppocr_cls.onnx", {image(1, 48, 192, -1, 1)}},
          {"ppocr-cls-mobilenetv3/ppocr_cls.onnx", {image(2, 48, 128, -1, 1)}},
          silero("", true),
          silero("_16k_op15", true),
          silero("_half", false),
          silero("_op18_ifless", true, true),
          {"tract-lstm/byte_sb_bidi_lstm.onnx", {{DType::u8, {1, 32}, 0, 255}}},
          {"tract-lstm/byte_sb_bidi_lstm.onnx", {{DType::u8, {3, 7}, 0, 255}}},
          {.file = "tract-lstm/qlstm_3-2-3_T3_S1.onnx",
           .inputs = {{DType::f32, {8, 3}, -1, 1}},
           .tolerance = 0.02},
          {"ultraface/version-RFB-320.onnx", {image(1, 240, 320, -1, 1)}},
          tokens("dummy_transformer.onnx", 1, 32, 20),
          tokens("dummy_transformer_mlm.onnx", 1, 32, 30000),
          tokens("dummy_transformer_mlm.onnx", 2, 9, 30000),
          {"vespa-dummy-bert/mock_sentence_embedder.onnx", {{DType::f32, {2, 4}}, {DType::f32, {2, 4}}}},
          {"yunet/yunet_n_320_320.onnx", {image(1, 320, 320, 0, 255)}},
          {"yunet/yunet_n_dynamic.onnx", {image(1, 320, 320, 0, 255)}},
          {"yunet/yunet_n_dynamic.onnx", {image(2, 256, 192, 0, 255)}}};
}

Tensor draw(const Input& input, std::mt19937_64& random) {
  Tensor values(DType::f32, input.shape);
  std::uniform_real_distribution<double> uniform(input.low, input.high);
  for (float& value : values.mutable_values<float>()) {
    const double drawn = uniform(random);
    value = static_cast<float>(input.type == DType::f32 ? drawn : std::floor(drawn));
  }
  return values.as(input.type);
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the peer gives for the inputs in `work`.
std::vector<Tensor> peer_outputs(const std::string& peer, const fs::path& model, const fs::path& work) {
  const std::string command = "node '" + peer + "' '" + model.string() + "' '" + work.string() + "'";
  if (std::system(command.c_str()) != 0) throw Failure(Errc::unavailable, "the peer did not run: " + command);
  std::vector<Tensor> outputs;
  for (int i = 0; fs::exists(work / ("output_" + std::to_string(i) + ".npy")); ++i)
    outputs.push_back(engine::read_npy((work / ("output_" + std::to_string(i) + ".npy")).string()));
  return outputs;
}

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

bool compare(const Model& model, const char* name, const fs::path& file, Drivers drivers,
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

bool check(const Model& model, const Options& options) {
  const fs::path work = options.text("work");
  fs::remove_all(work);
  fs::create_directories(work);
  fs::path file = fs::path(options.text("models")) / model.file;
  if (model.random_weights) {
    std::ofstream(work / "model.onnx", std::ios::binary) << with_random_weights(contents(file), kSeed);
    file = work / "model.onnx";
  }
  std::mt19937_64 random(kSeed);
  std::vector<Tensor> inputs;
  for (const Input& input : model.inputs) {
    const std::string name = "input_" + std::to_string(inputs.size()) + ".npy";
    inputs.push_back(draw(input, random));
    engine::write_npy((work / name).string(), inputs.back());
  }
  const std::vector<Tensor> expected = peer_outputs(options.text("peer"), file, work);
  if (model.random_weights && !is_telling(expected[0], model.tolerance))
    throw Failure(Errc::internal, model.file + ": with these weights its output tells nothing");
  const bool portable = compare(model, "reference", file, {}, inputs, expected);
  const bool driven = compare(model, "drivers", file, drivers::all_drivers(), inputs, expected);
  return portable && driven;
}

int run(const Options& options) {
  std::size_t passed = 0, all = 0;
  for (const Model& model : all_models()) {
    if (options.has("only") && model.file.find(options.text("only")) == std::string::npos) continue;
    passed += check(model, options);
    ++all;
  }
  std::printf("%zu of %zu models and shapes match ONNX Runtime (seed %lu)\n", passed, all,
              static_cast<unsigned long>(kSeed));
  return passed == all ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) {
  try {
    return dormouse::bench::run({argc, argv});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_models: %s\n", error.what());
    return 2;
  }
}

#include "learning/model_spec.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <numbers>

#include "engine/interpreter.h"
#include "engine/op.h"
#include "engine/value.h"
#include "learning/layers.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::DType;
using engine::Tensor;
using engine::Value;

namespace {

constexpr std::string_view kSpec = R"(model: tiny
input: {rows: 16, channels: 2}
layers:
  - normalise
  - conv: {channels: 4, kernel: 3, padding: 1}
  - relu
  - max_pool: {size: 2}
  - flatten
  - linear: {units: 5, name: features}
  - tanh
  - linear: {units: labels}
cut: features
)";

ModelSpec read(const TemporaryFolder& folder, std::string text) {
  std::ofstream(folder / "spec.yaml") << text;
  return read_model_spec(folder / "spec.yaml");
}

std::string complaint_about(std::string from, const std::string& to) {
  const TemporaryFolder folder;
  std::string text(kSpec);
  text.replace(text.find(from), from.size(), to);
  try {
    Random random(1);
    build_model(read(folder, text), 3, random);
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::configuration);
    return failure.error().context;
  }
  return "accepted";
}

/// Power of one frame in one band, straight from the definitions.
double band_power(std::span<const float> frame, const LogMelOptions& options, std::int64_t band) {
  const auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
  const double step = (mel(options.high) - mel(options.low)) / double(options.bands + 1);
  double total = 0;
  const auto n = static_cast<double>(options.frame);
  for (std::int64_t bin = 0; bin <= options.frame / 2; ++bin) {
    double re = 0, im = 0;
    for (std::int64_t t = 0; t < options.frame; ++t) {
      const double angle = 2 * std::numbers::pi * double(bin) * double(t) / n;
      const double windowed =
          frame[std::size_t(t)] * (0.5 - 0.5 * std::cos(2 * std::numbers::pi * double(t) / n));
      re += windowed * std::cos(angle);
      im += windowed * std::sin(angle);
    }
    const double place = (mel(double(bin) * options.rate / n) - mel(options.low)) / step - double(band + 1);
    total += std::max(0.0, 1 - std::abs(place)) * (re * re + im * im);
  }
  return total;
}

}  // namespace

TEST_CASE("samples become an image for layers of two dimensions", "[spec]") {
  const TemporaryFolder folder;
  Random random(1);
  const BuiltModel model = build_model(read(folder, R"(model: picture
input: {rows: 48, channels: 1}
layers:
  - image: {height: 6, width: 8}
  - conv: {channels: 4, kernel: 3, padding: 1}
  - max_pool: {size: 2}
  - average_pool: {size: 3}
  - flatten
  - linear: {units: labels}
)"),
                                       3, random);
  const engine::Graph& graph = model.graph;
  CHECK(graph.value(graph.nodes()[0].outputs[0]).shape == engine::Shape{engine::kDynamic, 1, 6, 8});
  CHECK(graph.value(graph.nodes()[1].outputs[0]).shape == engine::Shape{engine::kDynamic, 4, 6, 8});
  CHECK(graph.value(model.cut).shape == engine::Shape{engine::kDynamic, 4});
  CHECK(complaint_about("normalise", "image: {height: 3, width: 5}").find("3 by 5") != std::string::npos);
}

TEST_CASE("a spec becomes a graph with its input, cut and classes", "[model_spec]") {
  const TemporaryFolder folder;
  Random random(1);
  const BuiltModel model = build_model(read(folder, std::string(kSpec)), 3, random);
  CHECK(model.graph.value(model.graph.inputs()[0]).shape == engine::Shape{engine::kDynamic, 2, 16});
  CHECK(model.graph.value(model.graph.outputs()[0]).shape == engine::Shape{engine::kDynamic, 3});
  CHECK(model.graph.value(model.cut).name == "features");
  CHECK(model.graph.value(model.cut).shape == engine::Shape{engine::kDynamic, 5});
}

TEST_CASE("oscillators read a spec's samples by time, whatever their channels", "[model_spec]") {
  const TemporaryFolder folder;
  Random random(1);
  const std::string layers = R"(layers:
  - linoss: {hidden: 6, oscillators: 4, blocks: 1, discretisation: im}
  - linear: {units: labels}
)";
  const auto built = [&](const std::string& input) {
    return build_model(read(folder, "model: waves\ninput: " + input + "\n" + layers), 3, random);
  };
  for (const auto& [input, shape] : {std::pair{"{rows: 20}", engine::Shape{2, 20}},
                                     {"{rows: 20, channels: 5}", engine::Shape{2, 5, 20}}}) {
    const BuiltModel model = built(input);
    CHECK(model.graph.value(model.cut).shape == engine::Shape{engine::kDynamic, 6});
    CHECK(model.graph.find("linoss0.block0.stiffness"));
    CHECK_FALSE(model.graph.find("linoss0.block0.damping"));
    CHECK(engine::interpret(model.graph, std::array{Tensor(DType::f32, shape)})[0].shape() ==
          engine::Shape{2, 3});
  }
  CHECK_THAT(complaint_about("- flatten", "- linoss: {discretisation: explicit}"),
             Catch::Contains("spec.yaml:8:") && Catch::Contains("damped"));
}

TEST_CASE("without a cut the latent is the input of the last linear layer", "[model_spec]") {
  const TemporaryFolder folder;
  std::string text(kSpec);
  text.erase(text.find("cut:"));
  text.replace(text.find(", name: features"), 16, "");
  Random random(1);
  const BuiltModel model = build_model(read(folder, text), 3, random);
  CHECK(model.graph.producer(model.cut)->op->name == "Tanh");
}

TEST_CASE("a layer named as the latent is by default does not stand in for it", "[model_spec]") {
  const TemporaryFolder folder;
  std::string text(kSpec);
  text.erase(text.find("cut:"));
  Random random(1);
  const BuiltModel model = build_model(read(folder, text), 3, random);
  CHECK(model.graph.producer(model.cut)->op->name == "Tanh");
  CHECK(model.graph.producer(*model.graph.find("features"))->op->name == "Gemm");
  CHECK(model.graph.find(model.graph.value(model.cut).name) == model.cut);
}

TEST_CASE("a wrong layer is named with its line, and what there is instead", "[model_spec]") {
  CHECK_THAT(complaint_about("- relu", "- rellu"),
             Catch::Contains("spec.yaml:6:") && Catch::Contains("relu"));
  CHECK_THAT(complaint_about("kernel: 3", "kernal: 3"), Catch::Contains("kernel"));
  CHECK_THAT(complaint_about("kernel: 3, padding: 1", "kernel: 40"), Catch::Contains("spec.yaml:5:"));
  CHECK_THAT(complaint_about("cut: features", "cut: nowhere"), Catch::Contains("nowhere"));
  CHECK_THAT(complaint_about("units: labels", "units: many"), Catch::Contains("units"));
  CHECK_THAT(complaint_about("  - flatten\n", ""), Catch::Contains("flatten"));
}

TEST_CASE("the log-mel front end is the definition, made of convolutions", "[model_spec]") {
  const LogMelOptions options{
      .rate = 8000, .frame = 64, .hop = 32, .bands = 6, .low = 100, .high = 3800, .floor = 1e-3};
  engine::Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 160})};
  graph.mark_output(log_mel(x, options).id);
  Tensor wave(DType::f32, {1, 160});
  for (std::size_t t = 0; t < 160; ++t)
    wave.mutable_values<float>()[t] =
        static_cast<float>(std::sin(0.4 * double(t)) + 0.3 * std::sin(1.9 * double(t)));
  const Tensor mel = engine::interpret(graph, std::array{wave})[0];
  REQUIRE(mel.shape() == engine::Shape{1, 6, 4});
  for (std::int64_t band = 0; band < 6; ++band)
    for (std::int64_t frame = 0; frame < 4; ++frame) {
      const auto samples = wave.values<float>().subspan(std::size_t(frame * options.hop), 64);
      const double expected = std::log(band_power(samples, options, band) + options.floor);
      CHECK(mel.values<float>()[std::size_t(band * 4 + frame)] == Approx(expected).margin(1e-3));
    }
}

#include "learning/families.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/formats/onnx.h"
#include "engine/formats/safetensors.h"
#include "engine/session.h"
#include "learning/model_spec.h"
#include "learning/train.h"
#include "tests/learning/parts.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;
using engine::DType;
using engine::Tensor;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

ModelRequest request_for(std::string_view input, std::string_view output) {
  ModelRequest request{.size = ModelSize::small};
  parse_input(input, request);
  parse_outputs(output, request);
  return request;
}

Tensor noise(engine::Shape shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DType::f32, std::move(shape));
  for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

Tensor answers(const engine::Graph& graph, const Tensor& input) {
  return engine::Session(graph, {}).run(std::array{input})[0];
}

/// The last answer of a stream's graph to the samples of input [N, channels, rows], one at a time.
Tensor streamed(const engine::Graph& stream, const Tensor& input) {
  const std::int64_t batch = input.shape()[0], channels = input.shape()[1], rows = input.shape()[2];
  std::vector<Tensor> given(1);
  for (std::size_t i = 1; i < stream.inputs().size(); ++i) {
    const engine::ValueInfo& state = stream.value(stream.inputs()[i]);
    CHECK(stream.value(stream.outputs()[i]).name == state.name + ".next");
    engine::Shape shape = state.shape;
    shape[0] = batch;
    given.emplace_back(DType::f32, shape);
  }
  const engine::Session session(stream, {});
  Tensor last;
  for (std::int64_t t = 0; t < rows; ++t) {
    engine::Shape sample = stream.value(stream.inputs()[0]).shape;
    sample[0] = batch;
    given[0] = Tensor(DType::f32, sample);
    for (std::int64_t row = 0; row < batch * channels; ++row)
      given[0].mutable_values<float>()[std::size_t(row)] = input.values<float>()[std::size_t(row * rows + t)];
    const std::vector<Tensor> made = session.run(given);
    last = made[0];
    for (std::size_t i = 1; i < made.size(); ++i) given[i] = made[i].clone();
  }
  return last;
}

std::string complaint(const std::function<void()>& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error().context;
  }
  return "accepted";
}

/// Two channels in which a wave is slow or fast, at any phase.
Dataset waves() {
  Dataset data;
  data.labels = {"slow", "fast"};
  Random random(7);
  for (std::size_t i = 0; i < 160; ++i) {
    Tensor clip(DType::f32, {24, 2});
    const double frequency = i % 2 ? 1.6 : 0.5, phase = 6.28 * random.uniform();
    for (std::size_t t = 0; t < 48; ++t)
      clip.mutable_values<float>()[t] = static_cast<float>(
          std::sin(frequency * double(t / 2) + phase + double(t % 2)) + 0.1 * random.normal());
    data.clips.push_back(std::move(clip));
    data.classes.push_back(static_cast<ClassIndex>(i % 2));
    data.names.push_back("wave " + std::to_string(i));
  }
  return data;
}

}  // namespace

TEST_CASE("every family is written with weights that its seed decides", "[families]") {
  for (const Family& family : families()) {
    INFO(family.name);
    const TemporaryFolder folder;
    ModelRequest request = request_for("24x2", "slow,fast");
    const auto write = [&](const char* name) {
      return write_new_model(family, request, folder / name, false);
    };
    write("a.yaml");
    write("b.yaml");
    request.seed = 2;
    write("c.yaml");
    CHECK(text_of(folder / "a.safetensors") == text_of(folder / "b.safetensors"));
    CHECK(text_of(folder / "a.safetensors") != text_of(folder / "c.safetensors"));
    CHECK(read_model_spec(folder / "c.yaml").train.seed == 2);
  }
}

TEST_CASE("a new model's file is that model, and so is its ONNX file", "[families]") {
  const Tensor input = noise({3, 2, 24}, 1);
  for (const Family& family : families()) {
    INFO(family.name);
    const TemporaryFolder folder;
    const engine::Graph made =
        write_new_model(family, request_for("24x2", "slow,fast"), folder / "m.yaml", false);
    const Tensor expected = answers(made, input);
    // The training seed alone would draw the same weights again; these can only come from the file.
    ModelSpec spec = read_model_spec(folder / "m.yaml");
    spec.train.seed = 99;
    const engine::Graph read = untrained_model(spec);
    CHECK(largest_difference(answers(read, input), expected) == 0);
    engine::write_onnx(engine::in_standard_operators(read), folder.file("m.onnx"));
    const engine::Graph back = engine::read_onnx(folder.file("m.onnx"));
    CHECK(largest_difference(answers(back, input), expected) <= 1e-6);
  }
}

TEST_CASE("every family learns to tell waves apart", "[families]") {
  const Dataset data = waves();
  for (const Family& family : families()) {
    INFO(family.name);
    const TemporaryFolder folder;
    write_new_model(family, request_for("24x2", "slow,fast"), folder / "m.yaml", false);
    const ModelSpec spec = read_model_spec(folder / "m.yaml");
    CHECK(train_model(spec, data, {}, [](const TrainProgress&) {}).heldout_accuracy >= 0.95);
  }
}

TEST_CASE("a stream of single samples is answered as the whole sequence is", "[families]") {
  const Tensor input = noise({3, 2, 24}, 5);
  for (const char* const name : {"lstm", "gru", "cfc", "linoss"}) {
    INFO(name);
    const TemporaryFolder folder;
    const engine::Graph whole =
        write_new_model(family_called(name), request_for("24x2", "slow,fast"), folder / "m.yaml", false);
    const engine::Graph stream = stream_model(read_model_spec(folder / "m.yaml"), whole);
    CHECK(largest_difference(streamed(stream, input), answers(whole, input)) <= 1e-5);
    const engine::Graph standard = engine::in_standard_operators(stream);
    CHECK(largest_difference(streamed(standard, input), answers(whole, input)) <= 1e-5);
  }
}

TEST_CASE("layers of one sample and layers that remember are composed freely, in streams, too",
          "[families]") {
  const TemporaryFolder folder;
  std::ofstream(folder / "m.yaml") << R"(model: mixed
input: {rows: 10, channels: 3}
outputs: 4
layers:
  - normalise
  - conv: {channels: 6, kernel: 1}
  - tanh
  - gru: {units: 5, output: sequence}
  - linoss: {hidden: 6, oscillators: 4, blocks: 1, output: sequence}
  - cfc: {units: 7, times: true, output: sequence}
  - global_average_pool
  - linear: {units: 8}
  - relu
  - linear: {units: labels}
)";
  const ModelSpec spec = read_model_spec(folder / "m.yaml");
  const engine::Graph whole = untrained_model(spec);
  const Tensor input = noise({3, 3, 10}, 6);
  CHECK(largest_difference(streamed(stream_model(spec, whole), input), answers(whole, input)) <= 1e-5);
  CHECK(largest_difference(answers(engine::in_standard_operators(whole), input), answers(whole, input)) <=
        1e-6);
}

TEST_CASE("closed-form cells see the time between samples", "[families]") {
  const TemporaryFolder folder;
  std::ofstream(folder / "m.yaml") << R"(model: timed
input: {rows: 12, channels: 2}
outputs: 2
layers:
  - cfc: {units: 6, times: true}
  - linear: {units: labels}
)";
  const engine::Graph graph = untrained_model(read_model_spec(folder / "m.yaml"));
  Tensor even = noise({1, 2, 12}, 8);
  const auto set_times = [&](float elapsed) {
    std::ranges::fill(even.mutable_values<float>().subspan(12), elapsed);
    return answers(graph, even);
  };
  CHECK(largest_difference(set_times(1), set_times(3)) > 1e-3);
  std::string text = text_of(folder / "m.yaml");
  text.replace(text.find("channels: 2"), 11, "channels: 1");
  std::ofstream(folder / "m.yaml") << text;
  CHECK_THAT(complaint([&] { untrained_model(read_model_spec(folder / "m.yaml")); }),
             Catch::Contains("times takes the last of two or more channels"));
}

TEST_CASE("what looks at several samples at once is no stream", "[families]") {
  for (const char* const name : {"mlp", "cnn", "transformer"}) {
    const TemporaryFolder folder;
    const engine::Graph whole =
        write_new_model(family_called(name), request_for("24x2", "slow,fast"), folder / "m.yaml", false);
    const ModelSpec spec = read_model_spec(folder / "m.yaml");
    CHECK_THAT(complaint([&] { stream_model(spec, whole); }), Catch::Contains("one at a time"));
  }
}

TEST_CASE("samples of one channel are normalised together where they are to be a stream", "[families]") {
  const TemporaryFolder folder;
  const auto spec_with = [&](const std::string& normalise) {
    std::ofstream(folder / "m.yaml") << "model: one\ninput: {rows: 10}\noutputs: 2\nlayers:\n  - "
                                     << normalise
                                     << "\n  - linoss: {hidden: 6, oscillators: 4, blocks: 1}\n"
                                        "  - linear: {units: labels}\n";
    return read_model_spec(folder / "m.yaml");
  };
  const ModelSpec apart = spec_with("normalise");
  CHECK_THAT(complaint([&] { stream_model(apart, untrained_model(apart)); }),
             Catch::Contains("m.yaml:5:5") && Catch::Contains("together: true"));
  const ModelSpec together = spec_with("normalise: {together: true}");
  const engine::Graph whole = untrained_model(together);
  const Tensor input = noise({3, 10}, 6), by_channel = input.reshaped({3, 1, 10});
  CHECK(largest_difference(streamed(stream_model(together, whole), by_channel), answers(whole, input)) <=
        1e-5);
}

TEST_CASE("nothing is overwritten unless that is asked for", "[families]") {
  const TemporaryFolder folder;
  const Family& family = family_called("mlp");
  std::ofstream(folder / "m.safetensors") << "mine";
  const auto write = [&](bool overwrite) {
    write_new_model(family, request_for("8", "2"), folder / "m.yaml", overwrite);
  };
  CHECK_THAT(complaint([&] { write(false); }),
             Catch::Contains("m.safetensors") && Catch::Contains("--force"));
  CHECK(text_of(folder / "m.safetensors") == "mine");
  CHECK_FALSE(std::filesystem::exists(folder / "m.yaml"));
  write(true);
  CHECK(text_of(folder / "m.safetensors") != "mine");
}

TEST_CASE("weights of another model are refused by name and shape", "[families]") {
  const TemporaryFolder folder;
  write_new_model(family_called("mlp"), request_for("8", "2"), folder / "m.yaml", false);
  ModelSpec spec = read_model_spec(folder / "m.yaml");
  spec.outputs = 3;
  CHECK_THAT(complaint([&] { untrained_model(spec); }),
             Catch::Contains("m.safetensors: 'linear1.weight' is [2, 64]") && Catch::Contains("[3, 64]"));
}

TEST_CASE("an image goes through convolutions of two dimensions", "[families]") {
  const TemporaryFolder folder;
  const engine::Graph graph =
      write_new_model(family_called("cnn"), request_for("12x10x3", "4"), folder / "m.yaml", false);
  CHECK(graph.value(graph.inputs()[0]).shape == engine::Shape{engine::kDynamic, 3, 120});
  CHECK(graph.value(*graph.find("conv0.weight")).shape == engine::Shape{8, 3, 3, 3});
  CHECK(answers(graph, noise({2, 3, 120}, 3)).shape() == engine::Shape{2, 4});
}

TEST_CASE("requests that make no model say what is wrong", "[families]") {
  ModelRequest request;
  for (const char* input : {"", "x", "0", "12x", "1x2x3x4", "99999999999", "128 x 6", "-3", "40000x40000x1"})
    CHECK_THAT(complaint([&] { parse_input(input, request); }), Catch::StartsWith("input '"));
  for (const char* output : {"", "0", "65537", "a,,b", "a,b,a"})
    CHECK_THAT(complaint([&] { parse_outputs(output, request); }), Catch::StartsWith("output '"));
  CHECK_THAT(complaint([] { family_called("lino"); }), Catch::Contains("there are mlp, "));
  CHECK_THAT(complaint([] { family_called("linoss").describe(request_for("28x28x1", "2")); }),
             Catch::Contains("cnn"));
}

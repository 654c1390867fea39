#include "learning/stream_runner.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <limits>

#include "engine/formats/onnx.h"
#include "engine/value.h"
#include "learning/families.h"
#include "learning/model_spec.h"
#include "learning/random.h"
#include "tests/temporary_folder.h"

namespace dormouse::learning {
namespace {

using engine::DType;
using engine::Graph;
using engine::Tensor;

constexpr std::int64_t kRows = 24, kChannels = 2;

/// A small model of a family, whole and as a stream that has been written and read.
struct Streamed {
  explicit Streamed(std::string_view family) {
    ModelRequest request{.size = ModelSize::small};
    parse_input("24x2", request);
    parse_outputs("slow,fast", request);
    whole = write_new_model(family_called(family), request, folder / "m.yaml", false);
    engine::write_onnx(engine::in_standard_operators(stream_model(read_model_spec(folder / "m.yaml"), whole)),
                       folder.file("m.onnx"));
    stream = engine::read_onnx(folder.file("m.onnx"));
  }
  TemporaryFolder folder;
  Graph whole, stream;
};

std::vector<float> noise(std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(kRows * kChannels);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

std::span<const float> row(const std::vector<float>& samples, std::int64_t i) {
  return std::span(samples).subspan(static_cast<std::size_t>(i * kChannels), kChannels);
}

std::vector<float> of_the_whole(const Graph& graph, const std::vector<float>& samples) {
  Tensor input(DType::f32, {1, kChannels, kRows});
  for (std::int64_t i = 0; i < kRows * kChannels; ++i)
    input.mutable_values<float>()[std::size_t(i % kChannels * kRows + i / kChannels)] =
        samples[std::size_t(i)];
  const Tensor answer = engine::Session(graph, {}).run(std::array{input})[0];
  return {answer.values<float>().begin(), answer.values<float>().end()};
}

std::string complaint(const Graph& graph) {
  try {
    StreamRunner(graph, {});
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::configuration);
    return failure.error().context;
  }
  return "accepted";
}

TEST_CASE("streams that share a model are each answered as if they were alone", "[streams]") {
  for (const char* const family : {"lstm", "gru", "cfc", "linoss"}) {
    INFO(family);
    const Streamed model(family);
    const StreamRunner runner(model.stream, {});
    CHECK(runner.channels() == kChannels);
    CHECK(runner.answers() == 2);
    const std::vector<float> samples[] = {noise(1), noise(2)};
    StreamRunner::State states[] = {runner.start(), runner.start()};
    std::vector<float> last[2];
    for (std::int64_t i = 0; i < kRows; ++i)
      for (std::size_t s = 0; s < 2; ++s) last[s] = runner.step(states[s], row(samples[s], i));
    for (std::size_t s = 0; s < 2; ++s) {
      CHECK(runner.fits(states[s]));
      const std::vector<float> expected = of_the_whole(model.whole, samples[s]);
      for (std::size_t k = 0; k < 2; ++k) CHECK(last[s][k] == Approx(expected[k]).margin(1e-5));
    }
  }
}

TEST_CASE("a sample that would ruin the state leaves it as it was", "[streams]") {
  const Streamed model("gru");
  const StreamRunner runner(model.stream, {});
  const std::vector<float> samples = noise(3);
  StreamRunner::State state = runner.start(), other = runner.start();
  runner.step(state, row(samples, 0));
  runner.step(other, row(samples, 0));
  CHECK_THROWS_WITH(runner.step(state, std::vector<float>(2, std::numeric_limits<float>::quiet_NaN())),
                    Catch::Contains("NaN"));
  CHECK(runner.step(state, row(samples, 1)) == runner.step(other, row(samples, 1)));
}

TEST_CASE("models are told apart, and states that are none of theirs", "[streams]") {
  const Streamed gru("gru"), again("gru"), lstm("lstm");
  const StreamRunner a(gru.stream, {}), b(again.stream, {}), c(lstm.stream, {});
  CHECK(a.digest() == b.digest());
  CHECK(a.digest() != c.digest());
  CHECK(a.fits(b.start()));
  CHECK_FALSE(a.fits(c.start()));
  StreamRunner::State state = a.start();
  state[0].mutable_values<float>()[0] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(a.fits(state));
}

TEST_CASE("what takes no samples one at a time is refused by name", "[streams]") {
  const Streamed model("gru");
  CHECK_THAT(complaint(model.whole),
             Catch::Contains("no states") && Catch::Contains("dormouse export --stream"));
  Graph graph;
  const engine::Value x{&graph, graph.add_input("x", DType::f32, {engine::kDynamic, 1})};
  const engine::Value state{&graph, graph.add_input("memory", DType::f32, {engine::kDynamic, 3})};
  const engine::Value sum = x + state;
  graph.mark_output(sum.id);
  CHECK_THAT(complaint(graph), Catch::Contains("'memory.next'"));
  graph.rename(sum.id, "memory.next");
  CHECK_THAT(complaint(graph), Catch::Contains("answers nothing"));
  Graph narrow;
  const engine::Value y{&narrow, narrow.add_input("x", DType::f32, {engine::kDynamic, 4})};
  const engine::Value one{&narrow, narrow.add_input("memory", DType::f32, {engine::kDynamic, 1})};
  const engine::Value wide = y + one;
  narrow.rename(wide.id, "memory.next");
  narrow.mark_output(wide.id);
  narrow.mark_output(y.id);
  CHECK_THAT(complaint(narrow), Catch::Contains("[1, 1] before") && Catch::Contains("[1, 4] after"));
  Graph open;
  open.mark_output(open.add_input("x", DType::f32, {engine::kDynamic, engine::kDynamic}));
  CHECK_THAT(complaint(open), Catch::Contains("the sample 'x'"));
}

}  // namespace
}  // namespace dormouse::learning

// Whether a model takes the memory that was foreseen: measured in processes that do nothing else.

#include "engine/footprint.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "drivers/xnnpack/driver.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "engine/value.h"
#include "tests/conformance/sample_graph.h"
#include "tests/resident.h"
#include "tests/temporary_folder.h"

namespace dormouse::drivers {
namespace {

namespace fs = std::filesystem;
using namespace engine;

constexpr unsigned kSeed = 31;
constexpr double kWithin = 0.05;
constexpr double kPages = 512 << 10;  ///< what a heap keeps for itself: matters to the smallest models only

#if defined(DORMOUSE_SANITIZED)
constexpr bool kSanitized = true;  // shadows and red zones take memory too
#else
constexpr bool kSanitized = false;
#endif

struct Measured {
  double foreseen, taken;
};

/// In a process of its own: loads and runs $DORMOUSE_FOOTPRINT_MODEL and prints both figures.
TEST_CASE("child: the footprint of a model", "[.child]") {
  const char* const file = std::getenv("DORMOUSE_FOOTPRINT_MODEL");
  REQUIRE(file);
  const xnnpack::XnnpackDriver driver;
  const Driver* const drivers[] = {&driver};
  const auto anonymous = [] { return static_cast<double>(proc_bytes("/proc/self/status", "RssAnon")); };
  const double before = anonymous();
  const Session session(read_onnx(file), drivers);
  std::vector<Tensor> inputs;
  for (const ValueId id : session.graph().inputs())
    inputs.emplace_back(session.graph().value(id).dtype, least_shapes(session.graph())[inputs.size()]);
  const auto outputs = session.run(inputs);
  double taken = anonymous() - before;
  for (const Tensor& input : inputs) taken -= static_cast<double>(input.byte_size());
  const Graph graph = read_onnx(file);
  std::printf("FOOTPRINT %f %f\n", static_cast<double>(foresee(graph, least_shapes(graph), drivers).total()),
              taken);
}

Measured measure(const fs::path& model) {
  const std::string command = "DORMOUSE_FOOTPRINT_MODEL='" + model.string() + "' " +
                              fs::read_symlink("/proc/self/exe").string() + " '[.child]'";
  std::FILE* const child = ::popen(command.c_str(), "r");
  REQUIRE(child);
  Measured result{};
  char line[512];
  while (std::fgets(line, sizeof line, child))
    std::sscanf(line, "FOOTPRINT %lf %lf", &result.foreseen, &result.taken);
  CHECK(::pclose(child) == 0);
  REQUIRE(result.foreseen > 0);
  return result;
}

void check(const fs::path& model) {
  if (kSanitized) return;
  const Measured it = measure(model);
  INFO(model << ": foreseen " << it.foreseen / 1e6 << " MB, taken " << it.taken / 1e6 << " MB");
  CHECK(std::abs(it.foreseen - it.taken) <= std::max(kWithin * it.taken, kPages));
}

Value weights(Graph& graph, const Shape& shape, std::mt19937& random) {
  return constant(graph, conformance::draw(DType::f32, shape, -0.05, 0.05, random));
}

/// Linear layers of 16 MB, whose weights lie in the file as they come.
Graph wide() {
  std::mt19937 random(kSeed);
  Graph graph;
  Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 1024})};
  for (int i = 0; i < 4; ++i) x = relu(matmul(x, weights(graph, {1024, 1024}, random)));
  graph.set_outputs({x.id});
  return graph;
}

/// Convolutions on a large image, with an operator between them that XNNPACK does not take.
Graph tall() {
  std::mt19937 random(kSeed);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 3, 256, 256})};
  Value y = relu(apply("Conv", {x, weights(graph, {16, 3, 3, 3}, random)}, {}));
  y = apply("LRN", {y}, {{"size", std::int64_t{3}}});
  y = relu(apply("Conv", {y, weights(graph, {16, 16, 3, 3}, random)}, {}));
  graph.set_outputs({y.id});
  return graph;
}

/// A convolution of 2 MB of weights, which a normalisation behind it scales.
Graph normalised() {
  std::mt19937 random(kSeed);
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 256, 8, 8})};
  const Value y = apply("Conv", {x, weights(graph, {256, 256, 3, 3}, random)}, {});
  const Value spread = constant(graph, conformance::draw(DType::f32, {256}, 0.5, 2, random));
  const Value shift = weights(graph, {256}, random), mean = weights(graph, {256}, random);
  graph.set_outputs({apply("BatchNormalization", {y, spread, shift, mean, spread}, {}).id});
  return graph;
}

/// The same model with so many bytes before it, in a field that nobody knows.
void shift_by(std::size_t bytes, const fs::path& file) {
  std::stringstream content;
  content << std::ifstream(file, std::ios::binary).rdbuf();
  std::ofstream(file, std::ios::binary)
      << "\x9a\x06" << static_cast<char>(bytes) << std::string(bytes, 'x') << content.str();
}

/// So many convolutions of one size, each on what the last one made.
Graph chain(int layers) {
  std::mt19937 random(kSeed);
  Graph graph;
  Value x{&graph, graph.add_input("x", DType::f32, {1, 16, 64, 64})};
  for (int i = 0; i < layers; ++i) x = relu(apply("Conv", {x, weights(graph, {16, 16, 1, 1}, random)}, {}));
  graph.set_outputs({x.id});
  return graph;
}

TEST_CASE("a longer chain of layers computes in no more memory", "[footprint]") {
  const xnnpack::XnnpackDriver driver;
  const Driver* const drivers[] = {&driver};
  const auto workspace = [&](int layers) {
    const Graph graph = chain(layers);
    return foresee(graph, least_shapes(graph), drivers).workspace;
  };
  CHECK(workspace(4) >= 2 * 16 * 64 * 64 * sizeof(float));
  CHECK(workspace(12) == workspace(4));
}

TEST_CASE("a model takes the memory that was foreseen", "[footprint]") {
  const TemporaryFolder folder;
  for (const auto& [name, graph] : {std::pair{"wide.onnx", wide()}, std::pair{"tall.onnx", tall()}}) {
    write_onnx(graph, folder.file(name));
    check(folder / name);
  }
}

TEST_CASE("weights that are packed are not held beside that, however they lie in the file", "[footprint]") {
  const TemporaryFolder folder;
  const xnnpack::XnnpackDriver driver;
  const Driver* const drivers[] = {&driver};
  const fs::path file = folder / "model.onnx";
  for (const Graph& graph : {wide(), normalised()})
    for (std::size_t shift = 0; shift < 4; ++shift) {
      write_onnx(graph, file.string());
      shift_by(shift, file);
      const Graph read = read_onnx(file.string());
      const Footprint foreseen = foresee(read, least_shapes(read), drivers);
      INFO("moved by " << shift << " bytes: copied " << foreseen.copied << ", packed " << foreseen.packed);
      CHECK(foreseen.copied < foreseen.packed / 100);
      if (shift < 2) check(file);
    }
}

TEST_CASE("what is foreseen says where memory goes", "[footprint]") {
  const xnnpack::XnnpackDriver driver;
  const Driver* const drivers[] = {&driver};
  const Graph graph = wide();
  const Footprint one = foresee(graph, std::vector<Shape>{{1, 1024}}, drivers);
  CHECK(one.packed >= 4 * 1024 * 1024 * sizeof(float));
  CHECK(one.copied >= 4 * 1024 * 1024 * sizeof(float));  // the graph was made here: nothing is mapped
  CHECK(one.mapped == 0);
  CHECK(one.outputs == 4096);
  const Footprint many = foresee(graph, std::vector<Shape>{{64, 1024}}, drivers);
  CHECK(many.packed == one.packed);
  CHECK(many.workspace >= 64 * 4096);
  const Footprint portable = foresee(graph, std::vector<Shape>{{1, 1024}}, {});
  CHECK(portable.packed == 0);
  CHECK(portable.workspace == 0);
  CHECK(portable.arena >= 2 * 4096);
}

TEST_CASE("real models take the memory that was foreseen", "[footprint]") {
  const char* const data = std::getenv("DORMOUSE_DATA");
  const fs::path models =
      data ? fs::path(data) / "models" : fs::path(DORMOUSE_TEST_DATA) / "../../../shared/models";
  for (const char* const file : {"ultraface/version-RFB-320.onnx", "fastestdet-yolo/FastestDet.onnx",
                                 "yunet/yunet_n_320_320.onnx", "magika/model.onnx"})
    if (fs::exists(models / file)) check(models / file);
}

}  // namespace
}  // namespace dormouse::drivers

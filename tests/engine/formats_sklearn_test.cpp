#include <catch2/catch.hpp>

#include <filesystem>
#include <set>

#include "engine/formats/npy.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"

// Models as scikit-learn's exporter writes them; data/sklearn/make.py says how they and the answers were
// made.
namespace dormouse::engine {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(DORMOUSE_TEST_DATA) / "sklearn";

std::vector<std::string> models() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    if (entry.path().extension() == ".onnx") names.insert(entry.path().stem().string());
  return {names.begin(), names.end()};
}

void check_close(const Tensor& got, const Tensor& expected) {
  REQUIRE(got.dtype() == expected.dtype());
  REQUIRE(to_string(got.shape()) == to_string(expected.shape()));
  const Tensor left = got.as(DType::f64), right = expected.as(DType::f64);
  double largest = 0;
  for (const double value : right.values<double>()) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < left.values<double>().size(); ++i) {
    INFO("element " << i);
    CHECK(left.values<double>()[i] == Approx(right.values<double>()[i]).margin(1e-5 + 1e-5 * largest));
  }
}

std::string labels_of(const Graph& graph) {
  for (const auto& [key, value] : graph.metadata)
    if (key == kLabelsKey) return value;
  return "";
}

}  // namespace

TEST_CASE("models of scikit-learn give what ONNX Runtime gives", "[formats]") {
  CHECK(models().size() == 18);
  for (const std::string& name : models()) {
    INFO(name);
    auto arrays = read_npz((kFolder / (name + ".npz")).string());
    const Session session(read_onnx((kFolder / (name + ".onnx")).string()), {});
    const std::vector<Tensor> outputs = session.run(std::vector{arrays.at("x")});
    REQUIRE(outputs.size() == arrays.size() - 1);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      INFO("output " << i);
      check_close(outputs[i], arrays.at("output_" + std::to_string(i)));
    }
    // One row alone is what it is among others.
    const std::vector<Tensor> alone = session.run(std::vector{arrays.at("x").rows(3, 1)});
    for (std::size_t i = 0; i < outputs.size(); ++i) check_close(alone[i], outputs[i].rows(3, 1));
  }
}

TEST_CASE("models of scikit-learn bring the names of their classes", "[formats]") {
  const auto labels = [](const std::string& name) {
    return labels_of(read_onnx((kFolder / (name + ".onnx")).string()));
  };
  CHECK(labels("random_forest") == R"(["walking","upstairs","sitting","lying"])");
  CHECK(labels("logistic_of_two") == R"(["walking","upstairs"])");
  CHECK(labels("network") == R"(["walking","upstairs","sitting"])");
  CHECK(labels("forest_regressor") == "");
}

}  // namespace dormouse::engine

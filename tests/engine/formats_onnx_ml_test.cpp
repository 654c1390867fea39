#include <catch2/catch.hpp>

#include <array>
#include <limits>

#include "engine/formats/onnx.h"
#include "engine/interpreter.h"
#include "engine/session.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

// What operators of ai.onnx.ml compute, by hand from their definitions in ONNX's docs/Operators-ml.md.
namespace dormouse::engine {
namespace {

using namespace onnx_builder;
using Catch::Contains;
using Floats = std::vector<float>;
using Words = std::vector<std::string>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string text(std::string_view name, std::string_view value) {
  return attribute(name, 3, bytes(4, value));
}
std::string scalar(std::string_view name, float value) { return attribute(name, 1, real(2, value)); }
std::string list(std::string_view name, const Floats& values) {
  std::string content;
  for (const float value : values) content += real(7, value);
  return attribute(name, 6, content);
}
std::string words(std::string_view name, const Words& values) {
  std::string content;
  for (const std::string& value : values) content += bytes(9, value);
  return attribute(name, 8, content);
}
std::string held(std::string_view name, const std::string& tensor) {
  return attribute(name, 4, bytes(5, tensor));
}

std::string ml_node(std::string_view op, const std::string& attributes, Strings outputs) {
  return node(op, {"x"}, outputs, attributes + bytes(7, "ai.onnx.ml"));
}
std::string ml_model(std::string_view op, const std::string& attributes, Strings outputs = {"y"},
                     const Extents& extents = {-1, 2}, std::int64_t type = kFloat) {
  std::string graph = ml_node(op, attributes, outputs) + bytes(11, value("x", type, extents));
  for (const std::string_view name : outputs) graph += output(name);
  return model(graph, 17, bytes(8, bytes(1, "ai.onnx.ml") + number(2, op == "TreeEnsemble" ? 5 : 3)));
}

std::vector<Tensor> run(const std::string& file, const Tensor& x) {
  return interpret(read_onnx(buffer_of(file), "m.onnx"), std::vector{x});
}
std::vector<double> values(const Tensor& tensor) {
  const Tensor wide = tensor.as(DType::f64);
  return {wide.values<double>().begin(), wide.values<double>().end()};
}
void check(const Tensor& got, const Shape& shape, const std::vector<double>& expected) {
  CHECK(to_string(got.shape()) == to_string(shape));
  const auto all = values(got);
  REQUIRE(all.size() == expected.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO("element " << i);
    CHECK(all[i] == Approx(expected[i]).margin(1e-5));
  }
}
const Tensor kRows = Tensor::from<float>({3, 2}, {1, -2, 0, 3, kNan, 0.5f});

std::string refused(const std::string& file) {
  return refusal([&] { read_onnx(buffer_of(file), "m.onnx"); });
}

/// The attributes of a tree ensemble as tests like to spoil them: one tree, x0 MODE 0.5 ? leaf 1 : leaf 2,
/// with votes 10 and 20.
struct Stump {
  std::string mode = "BRANCH_LEQ";
  std::string prefix = "target";
  Extents trees{0, 0, 0}, nodes{0, 1, 2}, features{0, 0, 0}, yes{1, 0, 0}, no{2, 0, 0}, missing{};
  Floats thresholds{0.5f, 0, 0};
  Extents voters{1, 2}, ids{0, 0};
  Floats weights{10, 20};

  std::string attributes() const {
    return words("nodes_modes", {mode, "LEAF", "LEAF"}) + attribute("nodes_treeids", trees) +
           attribute("nodes_nodeids", nodes) + attribute("nodes_featureids", features) +
           attribute("nodes_truenodeids", yes) + attribute("nodes_falsenodeids", no) +
           list("nodes_values", thresholds) +
           (missing.empty() ? "" : attribute("nodes_missing_value_tracks_true", missing)) +
           attribute(prefix + "_treeids", Extents(voters.size(), 0)) +
           attribute(prefix + "_nodeids", voters) + attribute(prefix + "_ids", ids) +
           list(prefix + "_weights", weights);
  }
};

std::vector<double> regress(const Stump& stump, const std::string& more = "") {
  const Tensor x = Tensor::from<float>({4, 2}, {0, 0, 0.5f, 0, 1, 0, kNan, 0});
  return values(run(ml_model("TreeEnsembleRegressor", stump.attributes() + more), x)[0]);
}

}  // namespace

TEST_CASE("each mode of a tree's node is its comparison, and NaN goes where it is told", "[formats]") {
  using Expected = std::vector<double>;
  const auto with = [](std::string mode, Extents missing = {}) {
    Stump stump;
    stump.mode = std::move(mode);
    stump.missing = std::move(missing);
    return regress(stump);
  };
  CHECK(with("BRANCH_LEQ") == Expected{10, 10, 20, 20});
  CHECK(with("BRANCH_LT") == Expected{10, 20, 20, 20});
  CHECK(with("BRANCH_GTE") == Expected{20, 10, 10, 20});
  CHECK(with("BRANCH_GT") == Expected{20, 20, 10, 20});
  CHECK(with("BRANCH_EQ") == Expected{20, 10, 20, 20});
  CHECK(with("BRANCH_NEQ") == Expected{10, 20, 10, 10});
  for (const char* const mode : {"BRANCH_LEQ", "BRANCH_GT", "BRANCH_EQ"})
    CHECK(with(mode, {1, 0, 0}).back() == 10);
}

TEST_CASE("trees are summed, averaged, or the least or largest of them counts", "[formats]") {
  // Two lone leaves, with votes 3 and 5 for target 0 and 2 and 1 for target 1; none for target 2.
  const std::string trees =
      words("nodes_modes", {"LEAF", "LEAF"}) + attribute("nodes_treeids", Extents{0, 1}) +
      attribute("nodes_nodeids", Extents{0, 0}) + attribute("nodes_featureids", Extents{0, 0}) +
      attribute("nodes_truenodeids", Extents{0, 0}) + attribute("nodes_falsenodeids", Extents{0, 0}) +
      list("nodes_values", {0, 0}) + attribute("target_treeids", Extents{0, 0, 1, 1}) +
      attribute("target_nodeids", Extents{0, 0, 0, 0}) + attribute("target_ids", Extents{0, 1, 0, 1}) +
      list("target_weights", {3, 2, 5, 1}) + attribute("n_targets", 3) + list("base_values", {0, 10, 100});
  const auto aggregated = [&](const char* how) {
    return values(run(ml_model("TreeEnsembleRegressor", trees + text("aggregate_function", how)),
                      Tensor(DType::f32, {1, 2}))[0]);
  };
  CHECK(aggregated("SUM") == std::vector<double>{8, 13, 100});
  CHECK(aggregated("AVERAGE") == std::vector<double>{4, 11.5, 100});
  CHECK(aggregated("MIN") == std::vector<double>{3, 11, 100});
  CHECK(aggregated("MAX") == std::vector<double>{5, 12, 100});
}

TEST_CASE("scores are transformed as asked", "[formats]") {
  const auto with = [](const char* transform) {
    const std::string line = list("coefficients", {1, 0, 0, 1}) + attribute("targets", 2);
    return run(ml_model("LinearRegressor", line + text("post_transform", transform)),
               Tensor::from<float>({1, 2}, {0.25f, 0}))[0];
  };
  check(with("NONE"), {1, 2}, {0.25, 0});
  check(with("LOGISTIC"), {1, 2}, {1 / (1 + std::exp(-0.25)), 0.5});
  check(with("SOFTMAX"), {1, 2}, {std::exp(0.25) / (1 + std::exp(0.25)), 1 / (1 + std::exp(0.25))});
  check(with("SOFTMAX_ZERO"), {1, 2}, {1, 0});
  // √2 · erf⁻¹(-0.5) is -0.6744898; the approximation that is part of the definition is off by 1e-3.
  CHECK(values(with("PROBIT"))[0] == Approx(-0.6744898).margin(2e-3));
}

TEST_CASE("a score for one of two classes makes scores for both", "[formats]") {
  Stump stump;
  stump.prefix = "class";
  const auto classify = [&](Floats votes, const char* transform) {
    stump.weights = std::move(votes);
    return run(ml_model("TreeEnsembleClassifier",
                        stump.attributes() + attribute("classlabels_int64s", Extents{7, 9}) +
                            text("post_transform", transform),
                        {"label", "scores"}),
               Tensor::from<float>({2, 2}, {0, 0, 1, 0}));
  };
  const auto shares = classify({0.25f, 0.75f}, "NONE");  // no vote below 0: a probability
  check(shares[0], {2}, {7, 9});
  check(shares[1], {2, 2}, {0.75, 0.25, 0.25, 0.75});
  const auto margins = classify({-1, 2}, "NONE");
  check(margins[0], {2}, {7, 9});
  check(margins[1], {2, 2}, {1, -1, -2, 2});
  const auto logistic = classify({0, 0.75f}, "LOGISTIC");
  check(logistic[1], {2, 2}, {0.5, 0.5, 1 / (1 + std::exp(0.75)), 1 / (1 + std::exp(-0.75))});
}

TEST_CASE("features are scaled, normalised, filled in and told apart", "[formats]") {
  const auto one = [](std::string_view op, const std::string& attributes, const Tensor& x) {
    const std::int64_t type = x.dtype() == DType::i64 ? kInt64 : kFloat;
    return run(ml_model(op, attributes, {"y"}, x.shape().extents(), type), x)[0];
  };
  const Tensor row = Tensor::from<float>({1, 2}, {3, -4}), zeros(DType::f32, {1, 2});
  check(one("Scaler", list("offset", {1, 2}) + list("scale", {2, 0.5f}), row), {1, 2}, {4, -3});
  check(one("Scaler", list("offset", {1}) + list("scale", {10}), row), {1, 2}, {20, -50});
  check(one("Normalizer", text("norm", "MAX"), row), {1, 2}, {1, -4.0 / 3});
  check(one("Normalizer", text("norm", "L1"), row), {1, 2}, {3.0 / 7, -4.0 / 7});
  check(one("Normalizer", text("norm", "L2"), row), {1, 2}, {0.6, -0.8});
  check(one("Normalizer", text("norm", "L2"), zeros), {1, 2}, {0, 0});
  check(one("Binarizer", scalar("threshold", 2), row), {1, 2}, {1, 0});
  check(one("Imputer", list("imputed_value_floats", {8, 9}) + scalar("replaced_value_float", kNan), kRows),
        {3, 2}, {1, -2, 0, 3, 8, 0.5});
  const Tensor integers = Tensor::from<std::int64_t>({1, 3}, {5, 6, 7});
  check(one("Imputer", attribute("imputed_value_int64s", Extents{1}) + attribute("replaced_value_int64", 6),
            integers),
        {1, 3}, {5, 1, 7});
  check(one("OneHotEncoder", attribute("cats_int64s", Extents{7, 5}), integers), {1, 3, 2},
        {0, 1, 0, 0, 1, 0});
  check(one("FeatureVectorizer", attribute("inputdimensions", Extents{3}), integers), {1, 3}, {5, 6, 7});
  check(one("FeatureVectorizer", "", Tensor::from<float>({2}, {3, 4})), {1, 2}, {3, 4});
}

TEST_CASE("a category that an encoder without zeros does not know ends the run", "[formats]") {
  const std::string file =
      ml_model("OneHotEncoder", attribute("cats_int64s", Extents{7, 5}) + attribute("zeros", 0), {"y"}, {-1});
  const Session session(read_onnx(buffer_of(file), "m.onnx"), {});
  const auto encode = [&](std::initializer_list<float> values) {
    return session.run(std::array{row_of<float>(values)})[0];
  };
  check(encode({5, 7}), {2, 2}, {0, 1, 1, 0});
  CHECK_THROWS_WITH(encode({5, 6}),
                    "OneHotEncoder (node y): is given 6, which is none of its 2 categories: 7, 5");
  check(encode({7, 5}), {2, 2}, {1, 0, 0, 1});
}

TEST_CASE("columns are extracted by their numbers", "[formats]") {
  const auto file = [](const Extents& extents) {
    return model(input("x", extents) + output("y") +
                     initialiser(tensor("i", kInt64, {1, 2}, bytes(9, raw<std::int64_t>({1, 0})))) +
                     node("ArrayFeatureExtractor", {"x", "i"}, {"y"}, bytes(7, "ai.onnx.ml")),
                 17, bytes(8, bytes(1, "ai.onnx.ml") + number(2, 1)));
  };
  check(run(file({-1, 2}), Tensor::from<float>({2, 2}, {1, 2, 3, 4}))[0], {2, 2}, {2, 1, 4, 3});
  check(run(file({2}), Tensor::from<float>({2}, {1, 2}))[0], {1, 2}, {2, 1});
}

TEST_CASE("labels are looked up, and names by their positions", "[formats]") {
  const Tensor x = Tensor::from<std::int64_t>({4}, {4, 5, 6, 4});
  const auto encode = [&](const std::string& attributes) {
    return run(ml_model("LabelEncoder", attributes, {"y"}, {4}, kInt64), x)[0];
  };
  const std::string keys = attribute("keys_int64s", Extents{6, 4});
  check(encode(keys + list("values_floats", {0.5f, 2}) + scalar("default_float", -1)), {4}, {2, -1, 0.5, 2});
  check(encode(keys + attribute("values_int64s", Extents{8, 9})), {4}, {9, -1, 8, 9});
  check(encode(keys + words("values_strings", {"six", "four"})), {4}, {1, 2, 0, 1});
  check(encode(attribute("keys_int64s", Extents{4, 4}) + attribute("values_int64s", Extents{1, 2})), {4},
        {2, -1, -1, 2});
  const Tensor reals = Tensor::from<float>({3}, {kNan, 0.5f, 1});
  check(run(ml_model("LabelEncoder",
                     list("keys_floats", {kNan, 1}) + attribute("values_int64s", Extents{5, 6}), {"y"}, {3}),
            reals)[0],
        {3}, {5, -1, 6});
  check(run(ml_model("CategoryMapper",
                     attribute("cats_int64s", Extents{6, 5}) + words("cats_strings", {"six", "five"}), {"y"},
                     {4}, kInt64),
            x)[0],
        {4}, {2, 1, 0, 2});
}

TEST_CASE("the ensemble of opset 5 has branches, leaves and sets", "[formats]") {
  // x0 in {1, 4} ? leaf 0 : (x1 < 2 ? leaf 1 : leaf 2)
  const auto modes = tensor("", 2, {2}, bytes(9, raw<std::uint8_t>({6, 1})));
  const std::string attributes =
      attribute("tree_roots", Extents{0}) + held("nodes_modes", modes) +
      held("nodes_splits", floats("", {2}, {0, 2})) + held("membership_values", floats("", {2}, {1, 4})) +
      attribute("nodes_featureids", Extents{0, 1}) + attribute("nodes_truenodeids", Extents{0, 1}) +
      attribute("nodes_trueleafs", Extents{1, 1}) + attribute("nodes_falsenodeids", Extents{1, 2}) +
      attribute("nodes_falseleafs", Extents{0, 1}) + attribute("leaf_targetids", Extents{0, 0, 0}) +
      held("leaf_weights", floats("", {3}, {10, 20, 30}));
  const Tensor x = Tensor::from<float>({4, 2}, {1, 0, 4, 9, 2, 1, 2, 2});
  check(run(ml_model("TreeEnsemble", attributes), x)[0], {4, 1}, {10, 10, 20, 30});
}

TEST_CASE("trees that contradict themselves are refused at load with the place", "[formats]") {
  const auto spoilt = [](auto spoil) {
    Stump stump;
    spoil(stump);
    return refused(ml_model("TreeEnsembleRegressor", stump.attributes()));
  };
  const std::string where = "m.onnx: node 0 'y' (TreeEnsembleRegressor): ";
  CHECK(spoilt([](Stump&) {}).empty());
  struct Row {
    void (*spoil)(Stump&);
    const char* message;
  };
  const Row rows[] = {
      {[](Stump& s) { s.yes[0] = 0; }, "node 0 of tree 0 is reached twice: a cycle, or it has two parents"},
      {[](Stump& s) { s.yes[0] = 7; }, "node 0 of tree 0 leads to node 7, which is not there"},
      {[](Stump& s) { s.no[0] = -1; }, "node 0 of tree 0 leads to node -1, which is not there"},
      {[](Stump& s) { s.nodes[2] = 1; }, "node 1 of tree 0 is there twice"},
      {[](Stump& s) { s.features[0] = 2; }, "node 0 of tree 0 asks for feature 2 of 2"},
      {[](Stump& s) { s.features[0] = -1; }, "node 0 of tree 0 asks for feature -1 of 2"},
      {[](Stump& s) { s.features.pop_back(); }, "nodes_featureids has 2 values, not 3"},
      {[](Stump& s) { s.thresholds.push_back(1); }, "nodes_values has 4 values, not 3"},
      {[](Stump& s) { s.missing = {1}; }, "nodes_missing_value_tracks_true has 1 values, not 3"},
      {[](Stump& s) { s.mode = "BRANCH_ODD"; }, "node 0 of tree 0 has mode 'BRANCH_ODD'"},
      {[](Stump& s) { s.voters[0] = 9; }, "a weight is for node 9 of tree 0, which is not there"},
      {[](Stump& s) { s.ids[1] = 1; }, "a weight of node 2 of tree 0 is for target 1 of 1"},
      {[](Stump& s) { s.ids.pop_back(); }, "target_ids has 1 values, not 2"}};
  for (const Row& row : rows) CHECK(spoilt(row.spoil) == where + row.message);
  const std::string huge = Stump().attributes() + attribute("n_targets", 1LL << 40);
  CHECK(refused(ml_model("TreeEnsembleRegressor", huge)) == where + "n_targets is 1099511627776");
}

TEST_CASE("a long chain of branches is flattened without recursion", "[formats]") {
  constexpr std::int64_t kLength = 100000;
  Words modes;
  Extents numbers, yes, no, zeros;
  Floats thresholds;
  for (std::int64_t i = 0; i < kLength; ++i) {
    modes.push_back(i + 1 < kLength ? "BRANCH_LEQ" : "LEAF");
    numbers.push_back(i);
    yes.push_back(i + 1);
    no.push_back(kLength - 1);  // a leaf may have many parents
    zeros.push_back(0);
    thresholds.push_back(0);
  }
  const std::string tree = words("nodes_modes", modes) + attribute("nodes_treeids", zeros) +
                           attribute("nodes_nodeids", numbers) + attribute("nodes_featureids", zeros) +
                           attribute("nodes_truenodeids", yes) + attribute("nodes_falsenodeids", no) +
                           list("nodes_values", thresholds) + attribute("target_treeids", Extents{0}) +
                           attribute("target_nodeids", Extents{kLength - 1}) +
                           attribute("target_ids", Extents{0}) + list("target_weights", {4});
  check(run(ml_model("TreeEnsembleRegressor", tree), Tensor(DType::f32, {1, 2}))[0], {1, 1}, {4});
}

TEST_CASE("models of ai.onnx.ml that contradict themselves are refused with the place", "[formats]") {
  struct Row {
    const char* op;
    std::string attributes;
    const char* message;
  };
  const std::string labels = attribute("classlabels_ints", Extents{0, 1});
  const std::string vectors = labels + attribute("vectors_per_class", Extents{1, 1}) + list("rho", {0}) +
                              list("support_vectors", {1, 2, 3, 4});
  const Row rows[] = {
      {"LinearClassifier", list("coefficients", {1, 2, 3, 4}),
       "needs either classlabels_strings or classlabels_ints"},
      {"LinearClassifier", labels + list("coefficients", {1, 2, 3}),
       "3 coefficients do not make 2 rows of 2"},
      {"LinearClassifier", labels + list("coefficients", {1, 2, 3, 4}) + list("intercepts", {1, 2, 3}),
       "3 intercepts for 2 scores"},
      {"LinearRegressor", list("coefficients", {1, 2}) + attribute("targets", -1), "targets is -1"},
      {"LinearRegressor", list("coefficients", {1, 2}) + text("post_transform", "SQUARE"),
       "post_transform 'SQUARE' is none of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT"},
      {"SVMClassifier", vectors + list("coefficients", {1}), "coefficients has 1 values, not 2"},
      {"SVMClassifier", labels + attribute("vectors_per_class", Extents{-1, 2}),
       "vectors_per_class holds -1"},
      {"SVMClassifier", labels + attribute("vectors_per_class", Extents{2}),
       "vectors_per_class has 1 values, not 2"},
      {"SVMClassifier", vectors + list("coefficients", {1, 2}) + text("kernel_type", "COSINE"),
       "kernel_type 'COSINE' is none of LINEAR, POLY, RBF, SIGMOID"},
      {"SVMRegressor", attribute("n_supports", 1LL << 40) + list("coefficients", {1}) + list("rho", {1}),
       "coefficients has 1 values, not 1099511627776"},
      {"SVMRegressor", list("coefficients", {1, 2}), "has no rho"},
      {"Scaler", list("offset", {1, 2, 3}) + list("scale", {1}), "offset has 3 values for 2 features"},
      {"Scaler", list("offset", {1}), "scale has 0 values for 2 features"},
      {"Normalizer", text("norm", "L3"), "norm 'L3' is none of MAX, L1, L2"},
      {"Imputer", attribute("imputed_value_int64s", Extents{1}),
       "its input is f32, its imputed values are of another kind"},
      {"OneHotEncoder", words("cats_strings", {"a"}),
       "its categories are strings, which no tensor holds; export the model without it"},
      {"LabelEncoder", list("keys_floats", {1}), "has no values"},
      {"LabelEncoder", list("keys_floats", {1}) + list("values_floats", {1, 2}), "has 1 keys and 2 values"},
      {"LabelEncoder", words("keys_strings", {"a"}) + list("values_floats", {1}),
       "its keys are strings, which no tensor holds; export the model without it"},
      {"FeatureVectorizer", attribute("inputdimensions", Extents{3}),
       "input 0 is [?, 2], inputdimensions says 3 features"},
      {"ZipMap", words("classlabels_strings", {"a", "b", "c"}), "names 3 classes, its input is [?, 2]"}};
  for (const Row& row : rows) {
    INFO(row.op);
    CHECK(refused(ml_model(row.op, row.attributes)) ==
          "m.onnx: node 0 'y' (" + std::string(row.op) + "): " + row.message);
  }
  CHECK_THAT(refused(ml_model("CastMap", "")),
             Contains("operator CastMap of ai.onnx.ml") && Contains("without it"));
}

TEST_CASE("a damaged forest never does more than fail", "[formats]") {
  const std::string file = ml_model(
      "TreeEnsembleRegressor", Stump().attributes() + list("base_values", {1}) + attribute("n_targets", 1));
  survive_damage(file, file.size(), [](auto buffer) { read_onnx(std::move(buffer), "damaged"); });
}

}  // namespace dormouse::engine

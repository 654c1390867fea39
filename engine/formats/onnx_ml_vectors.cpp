#include <algorithm>
#include <array>
#include <numeric>

#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kMaxClasses = 256;  // as the pairs of them make matrices
constexpr std::int64_t kMaxPairWeights = std::int64_t{1} << 26;

/// Support vector machines, in the form of LIBSVM: without support vectors, of LIBLINEAR.
class Vectors : public MlSpelling {
 public:
  using MlSpelling::MlSpelling;

  std::vector<OnnxNode> run() {
    if (node_.op_type == "SVMRegressor")
      regressor();
    else
      classifier();
    return std::move(parts_);
  }

 private:
  /// The kernel between features and `count` rows of `name`, [N, count].
  std::string kernel(std::string_view name, std::int64_t count, const std::string& type);
  std::string linear(std::int64_t rows);
  void regressor();
  void classifier();
  void pairwise(const Labels& labels);
  std::int64_t count_vectors(const std::vector<std::int64_t>& per_class, std::size_t classes) const;
  std::string votes(const std::string& decisions, std::int64_t classes);
  std::string probabilities(const std::string& decisions, std::int64_t classes);
  std::vector<float> pair_weights(const std::vector<std::int64_t>& per_class, std::int64_t vectors) const;
  void expect(std::string_view name, std::size_t count, std::int64_t expected) const;
};

void Vectors::expect(std::string_view name, std::size_t count, std::int64_t expected) const {
  if (static_cast<std::int64_t>(count) != expected)
    invalid(std::string(name) + " has " + std::to_string(count) + " values, not " + std::to_string(expected));
}

std::string Vectors::kernel(std::string_view name, std::int64_t count, const std::string& type) {
  const auto rows = reals(name), parameters = reals("kernel_params");
  if (!parameters.empty()) expect("kernel_params", parameters.size(), 3);
  const float gamma = parameters.empty() ? 0 : parameters[0], offset = parameters.empty() ? 0 : parameters[1],
              degree = parameters.empty() ? 0 : parameters[2];
  const auto size = static_cast<std::int64_t>(rows.size());
  if (size == 0 || size % count != 0 || !compatible(feature_count(), size / count))
    invalid(std::string(name) + ": " + std::to_string(size) + " values do not make " + std::to_string(count) +
            " rows of " + (feature_count() == kDynamic ? "features" : std::to_string(feature_count())));
  const std::string x = features(), vectors = matrix_constant(count, size / count, rows);
  if (type == "RBF") {
    const std::string squares = own_part("SquaredDistances", {x, vectors});
    return part("Exp", {binary("Mul", squares, number(-gamma, squares))});
  }
  const bool scaled = type != "LINEAR";
  const std::string products =
      part("Gemm", {x, vectors, row_constant(std::vector<float>{scaled ? offset : 0})},
           {{"transB", std::int64_t{1}}, {"alpha", scaled ? gamma : 1.0f}});
  if (type == "POLY") return binary("Pow", products, number(degree, products));
  if (type == "SIGMOID") return part("Tanh", {products});
  if (type != "LINEAR") invalid("kernel_type '" + type + "' is none of LINEAR, POLY, RBF, SIGMOID");
  return products;
}

// rho has one value for all rows.
std::string Vectors::linear(std::int64_t rows) {
  const auto rho = reals("rho");
  if (rho.empty()) invalid("has no rho");
  const std::string products = kernel("coefficients", rows, "LINEAR");
  return binary("Add", products, number(rho[0], products));
}

void Vectors::regressor() {
  const std::int64_t count = attributes().integer("n_supports", 0);
  const std::string transform = post_transform();
  std::string y;
  if (count > 0) {
    const auto weights = reals("coefficients"), rho = reals("rho");
    expect("coefficients", weights.size(), count);
    expect("rho", rho.size(), 1);
    y = part("Gemm", {kernel("support_vectors", count, word("kernel_type", "LINEAR")),
                      matrix_constant(count, 1, weights), row_constant(rho)});
  } else {
    y = linear(1);
  }
  if (attributes().integer("one_class", 0) != 0)
    y = part("Where", {binary("Greater", y, number(0, y)), number(1, y), number(-1, y)});
  finish_as(0, transformed(y, transform));
}

void Vectors::classifier() {
  const Labels known = labels("classlabels_ints");
  const auto classes = static_cast<std::int64_t>(known.count);
  if (classes < 2 || classes > kMaxClasses)
    unsupported(std::to_string(classes) + " classes; 2 to " + std::to_string(kMaxClasses) + " are possible");
  if (!attributes().integers("vectors_per_class").empty()) return pairwise(known);
  const std::string scores = linear(classes);
  finish_classes(known, top_position(scores), transformed(scores, post_transform()));
}

// The classifiers of each pair of classes as one matrix [vectors, pairs]: what a support vector of one of the
// two weighs. Class i's row of coefficients for its j-th rival is j - 1 or j, as it has none for itself.
std::vector<float> Vectors::pair_weights(const std::vector<std::int64_t>& per_class,
                                         std::int64_t vectors) const {
  const auto coefficients = reals("coefficients");
  const auto classes = static_cast<std::int64_t>(per_class.size()), pairs = classes * (classes - 1) / 2;
  expect("coefficients", coefficients.size(), (classes - 1) * vectors);
  if (vectors > kMaxPairWeights / pairs) unsupported("so many support vectors of so many classes");
  std::vector<std::int64_t> start(per_class.size(), 0);
  std::partial_sum(per_class.begin(), per_class.end() - 1, start.begin() + 1);
  std::vector<float> weights(static_cast<std::size_t>(vectors * pairs));
  const auto copy = [&](std::int64_t of, std::int64_t row, std::int64_t pair) {
    const auto begin = start[static_cast<std::size_t>(of)];
    for (std::int64_t v = begin; v < begin + per_class[static_cast<std::size_t>(of)]; ++v)
      weights[static_cast<std::size_t>(v * pairs + pair)] =
          coefficients[static_cast<std::size_t>(row * vectors + v)];
  };
  std::int64_t pair = 0;
  for (std::int64_t i = 0; i < classes; ++i)
    for (std::int64_t j = i + 1; j < classes; ++j, ++pair) {
      copy(i, j - 1, pair);
      copy(j, i, pair);
    }
  return weights;
}

std::int64_t Vectors::count_vectors(const std::vector<std::int64_t>& per_class, std::size_t classes) const {
  expect("vectors_per_class", per_class.size(), static_cast<std::int64_t>(classes));
  std::int64_t vectors = 0;
  for (const std::int64_t count : per_class) {
    if (count < 0 || count > kMaxPairWeights) invalid("vectors_per_class holds " + std::to_string(count));
    vectors += count;
  }
  if (vectors == 0) invalid("has no support vectors");
  return vectors;
}

// How many of its pairs each class wins, [N, classes]: the first of a pair where the decision is above 0.
std::string Vectors::votes(const std::string& decisions, std::int64_t classes) {
  const std::int64_t pairs = classes * (classes - 1) / 2;
  std::vector<float> wins(static_cast<std::size_t>(pairs * classes)),
      losses(static_cast<std::size_t>(classes));
  std::size_t pair = 0;
  const auto columns = static_cast<std::size_t>(classes);
  for (std::size_t i = 0; i < columns; ++i)
    for (std::size_t j = i + 1; j < columns; ++j, ++pair) {
      wins[pair * columns + i] = 1;
      wins[pair * columns + j] = -1;
      losses[j] += 1;
    }
  const std::string won = cast(binary("Greater", decisions, number(0, decisions)), DType::f32);
  return part("Gemm", {won, matrix_constant(pairs, classes, wins), row_constant(losses)});
}

// Platt's sigmoid for each pair, then one probability a class.
std::string Vectors::probabilities(const std::string& decisions, std::int64_t classes) {
  const auto a = reals("prob_a"), b = reals("prob_b");
  expect("prob_a", a.size(), classes * (classes - 1) / 2);
  expect("prob_b", b.size(), classes * (classes - 1) / 2);
  const std::string fitted = binary("Add", binary("Mul", decisions, row_constant(a)), row_constant(b));
  const std::string first = part("Sigmoid", {negated(fitted)});
  return own_part("PairwiseCoupling", {first}, {{"classes", classes}});
}

void Vectors::pairwise(const Labels& known) {
  const auto classes = static_cast<std::int64_t>(known.count), pairs = classes * (classes - 1) / 2;
  const auto per_class = attributes().integers("vectors_per_class");
  const std::int64_t vectors = count_vectors(per_class, known.count);
  const auto rho = reals("rho");
  const std::string transform = post_transform();
  expect("rho", rho.size(), pairs);
  const auto weights = pair_weights(per_class, vectors);
  const std::string decisions =
      part("Gemm", {kernel("support_vectors", vectors, word("kernel_type", "LINEAR")),
                    matrix_constant(vectors, pairs, weights), row_constant(rho)});
  const std::string positions = top_position(votes(decisions, classes));
  if (!reals("prob_a").empty() || !reals("prob_b").empty())
    return finish_classes(known, positions, transformed(probabilities(decisions, classes), transform));
  if (classes > 2) return finish_classes(known, positions, transformed(decisions, transform));
  if (transform != "NONE")
    unsupported("post_transform " + transform + " of one decision between two classes");
  finish_classes(known, positions, beside(negated(decisions), decisions));
}

}  // namespace

std::vector<OnnxNode> spell_out_vectors(OnnxNode node, const LookUp& look_up) {
  return Vectors(std::move(node), look_up).run();
}

}  // namespace dormouse::engine

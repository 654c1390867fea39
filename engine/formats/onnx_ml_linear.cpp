#include <algorithm>

#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

class Linear : public MlSpelling {
 public:
  using MlSpelling::MlSpelling;

  std::vector<OnnxNode> run() {
    if (node_.op_type == "LinearRegressor")
      regressor();
    else
      classifier();
    return std::move(parts_);
  }

 private:
  /// features · coefficientsᵀ + intercepts, [N, rows].
  std::string scores(std::size_t rows);
  void regressor();
  void classifier();
};

std::string Linear::scores(std::size_t rows) {
  const auto weights = reals("coefficients");
  auto intercepts = reals("intercepts");
  const std::int64_t features = feature_count();
  if (rows == 0 || weights.empty() || weights.size() % rows != 0 ||
      (features != kDynamic && weights.size() / rows != static_cast<std::size_t>(features)))
    invalid(std::to_string(weights.size()) + " coefficients do not make " + std::to_string(rows) +
            " rows of " + (features == kDynamic ? "one a feature" : std::to_string(features)));
  if (!intercepts.empty() && intercepts.size() != rows)
    invalid(std::to_string(intercepts.size()) + " intercepts for " + std::to_string(rows) + " scores");
  intercepts.resize(rows, 0);
  const auto columns = static_cast<std::int64_t>(weights.size() / rows);
  const std::string matrix = matrix_constant(static_cast<std::int64_t>(rows), columns, weights);
  return part("Gemm", {MlSpelling::features(), matrix, row_constant(intercepts)},
              {{"transB", std::int64_t{1}}});
}

void Linear::regressor() {
  const std::int64_t targets = attributes().integer("targets", 1);
  if (targets < 1) invalid("targets is " + std::to_string(targets));
  const std::string transform = post_transform();
  finish_as(0, transformed(scores(static_cast<std::size_t>(targets)), transform));
}

// One score may tell two classes apart: the second where it is above 0.
void Linear::classifier() {
  const Labels known = labels("classlabels_ints");
  const std::string transform = post_transform();
  const auto intercepts = reals("intercepts").size();
  const std::int64_t features = feature_count();
  const bool lone = intercepts == 1 || (intercepts == 0 && features > 0 &&
                                        reals("coefficients").size() == static_cast<std::size_t>(features));
  if (!lone || known.count != 2) {
    const std::string all = scores(known.count);
    return finish_classes(known, top_position(all), transformed(all, transform));
  }
  const std::string score = scores(1);
  finish_classes(known, position_where(binary("Greater", score, number(0, score))),
                 pair_of(score, true, transform));
}

}  // namespace

std::vector<OnnxNode> spell_out_linear(OnnxNode node, const LookUp& look_up) {
  return Linear(std::move(node), look_up).run();
}

}  // namespace dormouse::engine

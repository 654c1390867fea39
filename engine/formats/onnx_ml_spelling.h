#pragma once

#include <functional>

#include "engine/formats/onnx_spelling.h"

namespace dormouse::engine {

/// What the spellers of ai.onnx.ml share.
class MlSpelling : public OnnxSpelling {
 public:
  using OnnxSpelling::OnnxSpelling;

 protected:
  ~MlSpelling() = default;

  std::vector<float> reals(std::string_view name) const {
    return attributes().get<std::vector<float>>(name, {});
  }
  const ValueInfo& first() const;  ///< input 0

  /// Input 0 as f32 (f64 stays when `wide`), [N, features]; a vector is one row.
  std::string features(bool wide = false);
  /// How many features those have, where it is known; kDynamic.
  std::int64_t feature_count() const;
  /// Input 0 in another element type.
  std::string cast(const std::string& value, DType type);

  std::string binary(std::string op, std::string a, std::string b) {
    return part(std::move(op), {std::move(a), std::move(b)});
  }
  std::string negated(const std::string& value) { return part("Neg", {value}); }
  std::string matrix_constant(std::int64_t rows, std::int64_t columns, std::span<const float> values) {
    return constant(Tensor::from<float>({rows, columns}, values));
  }
  std::string row_constant(std::span<const float> values) { return constant(row_of(values)); }
  std::string axes(std::vector<std::int64_t> values) { return constant(row_of(values)); }

  /// `scores` [N, classes] after NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT.
  std::string transformed(const std::string& scores, std::string_view transform);
  /// The scores of two classes by the one score [N, 1] of the second: a probability, or a margin. LOGISTIC
  /// makes margins probabilities; other transforms are of several scores and leave it alone.
  std::string pair_of(const std::string& second, bool probability, std::string_view transform);
  std::string beside(const std::string& a, const std::string& b) {
    return part("Concat", {a, b}, {{"axis", std::int64_t{1}}});
  }
  /// Attribute post_transform, checked.
  std::string post_transform() const;

  /// Of a classifier: attribute classlabels_strings, or the numbers of that name. Throws when there are none
  /// or both.
  struct Labels {
    std::size_t count = 0;
    std::vector<std::int64_t> numbers;  ///< empty: strings, which their positions stand for
  };
  Labels labels(std::string_view numbers) const;
  /// Writes output 0 and 1: labels by position i64 [N], and scores f32 [N, classes].
  void finish_classes(const Labels& labels, const std::string& positions, const std::string& scores);
  /// Positions of a condition [N, 1]: 1 where it holds.
  std::string position_where(const std::string& condition);
  std::string top_position(const std::string& scores);
  void finish_as(std::size_t output, const std::string& value);

 private:
  std::string softmax_but_zeros(const std::string& scores);
  std::string probit(const std::string& scores);
};

/// One family each; `node` is of ai.onnx.ml and has an input and an output.
std::vector<OnnxNode> spell_out_features(OnnxNode node, const LookUp& look_up);
std::vector<OnnxNode> spell_out_labels(OnnxNode node, const LookUp& look_up);
std::vector<OnnxNode> spell_out_linear(OnnxNode node, const LookUp& look_up);
std::vector<OnnxNode> spell_out_vectors(OnnxNode node, const LookUp& look_up);
std::vector<OnnxNode> spell_out_trees(OnnxNode node, const LookUp& look_up);

}  // namespace dormouse::engine

#include "engine/formats/onnx_ml_spelling.h"

#include <algorithm>
#include <array>
#include <numbers>

#include "engine/formats/onnx_proto.h"

namespace dormouse::engine {

const ValueInfo& MlSpelling::first() const {
  const ValueInfo* const value = look_up_(input(0));
  if (value == nullptr) invalid("nothing before it makes '" + input(0) + "'");
  return *value;
}

std::string MlSpelling::cast(const std::string& value, DType type) {
  return part("Cast", {value}, {{"to", onnx_number(type)}});
}

std::string MlSpelling::features(bool wide) {
  const ValueInfo& x = first();
  const bool stays = x.dtype == DType::f32 || (wide && x.dtype == DType::f64);
  const std::string real = stays ? input(0) : cast(input(0), DType::f32);
  if (x.shape_known && x.shape.rank() == 1)
    return part("Reshape", {real, constant(row_of<std::int64_t>({1, -1}))});
  if (x.shape_known && x.shape.rank() != 2)
    invalid("takes [N, features] or [features], not " + to_string(x.shape));
  return real;
}

std::int64_t MlSpelling::feature_count() const {
  const ValueInfo& x = first();
  return x.shape_known && x.shape.rank() > 0 ? x.shape.back() : kDynamic;
}

std::string MlSpelling::post_transform() const {
  constexpr std::array kKnown{"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const std::string transform = word("post_transform", "NONE");
  if (std::ranges::find(kKnown, transform) == kKnown.end())
    invalid("post_transform '" + transform + "' is none of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT");
  return transform;
}

std::string MlSpelling::transformed(const std::string& scores, std::string_view transform) {
  if (transform == "SOFTMAX") return part("Softmax", {scores}, {{"axis", std::int64_t{1}}});
  if (transform == "LOGISTIC") return part("Sigmoid", {scores});
  if (transform == "SOFTMAX_ZERO") return softmax_but_zeros(scores);
  if (transform == "PROBIT") return probit(scores);
  return scores;
}

std::string MlSpelling::pair_of(const std::string& second, bool probability, std::string_view transform) {
  if (transform == "PROBIT") unsupported("post_transform PROBIT of one score for two classes");
  if (transform == "LOGISTIC") return transformed(beside(negated(second), second), transform);
  return beside(probability ? binary("Sub", number(1, second), second) : negated(second), second);
}

// Scores of 0 (by 1e-7) have no share in the sum, and keep their place.
std::string MlSpelling::softmax_but_zeros(const std::string& scores) {
  const std::string largest = part("ReduceMax", {scores, axes({1})});
  const std::string share = part("Exp", {binary("Sub", scores, largest)});
  const std::string counts = binary("Greater", part("Abs", {scores}), number(1e-7f, scores));
  const std::string counted = part("Where", {counts, share, number(0, scores)});
  const std::string zero = binary("Mul", scores, part("Exp", {negated(largest)}));
  return binary("Div", part("Where", {counts, share, zero}), part("ReduceSum", {counted, axes({1})}));
}

// √2 · erf⁻¹(2p - 1) by Winitzki's approximation, as ONNX's own implementation has it.
std::string MlSpelling::probit(const std::string& scores) {
  const auto times = [&](const std::string& value, float factor) {
    return binary("Mul", value, number(factor, value));
  };
  constexpr float kA = 0.147f, kPi = 3.14159f;
  const std::string one = number(1, scores);
  const std::string x = binary("Sub", times(scores, 2), one);
  const std::string log = part("Log", {binary("Mul", binary("Sub", one, x), binary("Add", one, x))});
  const std::string v = binary("Add", times(log, 0.5f), number(2 / (kPi * kA), scores));
  const std::string root = part("Sqrt", {binary("Sub", binary("Mul", v, v), times(log, 1 / kA))});
  const std::string inverse = part("Sqrt", {binary("Sub", root, v)});
  return times(binary("Mul", part("Sign", {x}), inverse), std::numbers::sqrt2_v<float>);
}

MlSpelling::Labels MlSpelling::labels(std::string_view numbers) const {
  Labels result{0, attributes().integers(numbers)};
  const auto names = attributes().get<std::vector<std::string>>("classlabels_strings", {});
  if (names.empty() == result.numbers.empty())
    invalid("needs either classlabels_strings or " + std::string(numbers));
  result.count = names.size() + result.numbers.size();
  return result;
}

std::string MlSpelling::position_where(const std::string& condition) {
  return part("Squeeze", {cast(condition, DType::i64), axes({1})});
}

std::string MlSpelling::top_position(const std::string& scores) {
  return part("ArgMax", {scores}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
}

void MlSpelling::finish_as(std::size_t i, const std::string& value) {
  if (!output(i).empty()) part("Identity", {value}, {}, {output(i)});
}

void MlSpelling::finish_classes(const Labels& labels, const std::string& positions,
                                const std::string& scores) {
  finish_as(
      0, labels.numbers.empty() ? positions : part("Gather", {constant(row_of(labels.numbers)), positions}));
  finish_as(1, scores);
}

}  // namespace dormouse::engine

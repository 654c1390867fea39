#include <cmath>
#include <map>

#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

/// What prepares features for a model: fills them in, scales, tells apart, puts side by side.
class Features : public MlSpelling {
 public:
  using MlSpelling::MlSpelling;

  std::vector<OnnxNode> run();

 private:
  /// A list with one value for all features, or one each.
  template <class T>
  const std::vector<T>& one_or_each(const std::vector<T>& values, const std::string& what) const;
  void scaler();
  void normalizer();
  void imputer();
  void binarizer();
  void feature_vectorizer();
  void array_feature_extractor();
  void one_hot_encoder();
};

template <class T>
const std::vector<T>& Features::one_or_each(const std::vector<T>& values, const std::string& what) const {
  const std::int64_t features = feature_count(), size = static_cast<std::int64_t>(values.size());
  if (size < 1 || (size != 1 && features != kDynamic && size != features))
    invalid(what + " has " + std::to_string(size) + " values for " +
            (features == kDynamic ? "the" : std::to_string(features)) + " features");
  return values;
}

void Features::scaler() {
  const std::string x = first().dtype == DType::f64 ? input(0) : cast(input(0), DType::f32);
  const auto like_x = [&](std::string_view name) {
    return part("CastLike", {row_constant(one_or_each(reals(name), std::string(name))), x});
  };
  const std::string scaled = binary("Mul", binary("Sub", x, like_x("offset")), like_x("scale"));
  finish_as(0, cast(scaled, DType::f32));
}

void Features::normalizer() {
  const std::string norm = word("norm", "MAX");
  const std::string x = cast(input(0), DType::f32), last = axes({-1});
  std::string divisor;
  if (norm == "MAX")
    divisor = part("ReduceMax", {x, last});
  else if (norm == "L1")
    divisor = part("ReduceL1", {x, last});
  else if (norm == "L2")
    divisor = part("ReduceL2", {x, last});
  else
    invalid("norm '" + norm + "' is none of MAX, L1, L2");
  const std::string nothing = binary("Equal", divisor, number(0, x));
  finish("Div", {x, part("Where", {nothing, number(1, x), divisor})});
}

void Features::imputer() {
  const DType type = first().dtype;
  const bool real = type == DType::f32 || type == DType::f64;
  if (attributes().has(real ? "imputed_value_int64s" : "imputed_value_floats"))
    invalid("its input is " + std::string(engine::word(type)) + ", its imputed values are of another kind");
  std::string missing, imputed;
  if (real) {
    imputed = row_constant(one_or_each(reals("imputed_value_floats"), "imputed_value_floats"));
    const float replaced = MlSpelling::real("replaced_value_float", 0);
    missing = std::isnan(replaced) ? part("IsNaN", {input(0)})
                                   : binary("Equal", input(0), number(replaced, input(0)));
  } else {
    const auto values = attributes().integers("imputed_value_int64s");
    imputed = constant(row_of(one_or_each(values, "imputed_value_int64s")));
    const auto replaced = Tensor::scalar(attributes().integer("replaced_value_int64", 0));
    missing = binary("Equal", input(0), part("CastLike", {constant(replaced), input(0)}));
  }
  finish("Where", {missing, part("CastLike", {imputed, input(0)}), input(0)});
}

void Features::binarizer() {
  const DType type = first().dtype;
  const std::string x = type == DType::f64 ? input(0) : cast(input(0), DType::f32);
  const std::string above = binary("Greater", x, number(real("threshold", 0), x));
  finish_as(0, cast(above, type));
}

void Features::feature_vectorizer() {
  const auto sizes = attributes().integers("inputdimensions");
  if (!sizes.empty() && sizes.size() != node_.inputs.size())
    invalid("inputdimensions names " + std::to_string(sizes.size()) + " of " +
            std::to_string(node_.inputs.size()) + " inputs");
  Names rows;
  for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
    const ValueInfo* const x = look_up_(input(i));
    const bool known = x != nullptr && x->shape_known && x->shape.rank() > 0;
    if (known && !sizes.empty() && !compatible(x->shape.back(), sizes[i]))
      invalid("input " + std::to_string(i) + " is " + to_string(x->shape) + ", inputdimensions says " +
              std::to_string(sizes[i]) + " features");
    std::string row = cast(input(i), DType::f32);
    if (known && x->shape.rank() == 1) row = part("Unsqueeze", {row, axes({0})});
    rows.push_back(std::move(row));
  }
  finish("Concat", std::move(rows), {{"axis", std::int64_t{1}}});
}

void Features::array_feature_extractor() {
  need(2);
  const ValueInfo& x = first();
  const std::string indices = part("Reshape", {input(1), constant(row_of<std::int64_t>({-1}))});
  const std::string matrix =
      x.shape_known && x.shape.rank() == 1 ? part("Unsqueeze", {input(0), axes({0})}) : input(0);
  finish("Gather", {matrix, indices}, {{"axis", std::int64_t{-1}}});
}

// A value outside the categories gives zeros, or with zeros = 0 ends the run.
void Features::one_hot_encoder() {
  const auto categories = attributes().integers("cats_int64s");
  if (categories.empty()) {
    if (attributes().has("cats_strings")) unsupported("its categories are strings, which no tensor holds");
    invalid("has no categories");
  }
  const std::string known = constant(row_of(categories));
  std::string x = cast(input(0), DType::i64);
  if (attributes().integer("zeros", 1) == 0) {
    const std::string& name = node_.name.empty() ? node_.outputs[0] : node_.name;
    x = own_part("OneOf", {x, known}, {{"for", node_.op_type + " (node " + name + ")"}});
  }
  const std::string apart = part("Unsqueeze", {x, axes({-1})});
  finish_as(0, cast(binary("Equal", apart, known), DType::f32));
}

std::vector<OnnxNode> Features::run() {
  using Way = void (Features::*)();
  static const std::map<std::string, Way, std::less<>> ways{
      {"ArrayFeatureExtractor", &Features::array_feature_extractor},
      {"Binarizer", &Features::binarizer},
      {"FeatureVectorizer", &Features::feature_vectorizer},
      {"Imputer", &Features::imputer},
      {"Normalizer", &Features::normalizer},
      {"OneHotEncoder", &Features::one_hot_encoder},
      {"Scaler", &Features::scaler}};
  (this->*ways.at(node_.op_type))();
  return std::move(parts_);
}

}  // namespace

std::vector<OnnxNode> spell_out_features(OnnxNode node, const LookUp& look_up) {
  return Features(std::move(node), look_up).run();
}

}  // namespace dormouse::engine

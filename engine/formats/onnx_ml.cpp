#include "engine/formats/onnx_ml.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

using Strings = std::vector<std::string>;

/// What prepares features, and what renames classes.
class Preparation : public MlSpelling {
 public:
  using MlSpelling::MlSpelling;
  using Way = void (Preparation::*)();

  std::vector<OnnxNode> run(Way way) {
    (this->*way)();
    return std::move(parts_);
  }

  void scaler();
  void normalizer();
  void imputer();
  void binarizer();
  void feature_vectorizer();
  void array_feature_extractor();
  void one_hot_encoder();
  void label_encoder();
  void category_mapper();
  void zip_map();

 private:
  /// A list with one value for all features, or one each.
  template <class T>
  const std::vector<T>& one_or_each(const std::vector<T>& values, const std::string& what) const;
  void look_up(const Tensor& keys, const Tensor& values, const Tensor& otherwise);
  std::optional<Tensor> list(const std::string& prefix) const;
  Tensor otherwise(const Tensor& values) const;
};

template <class T>
const std::vector<T>& Preparation::one_or_each(const std::vector<T>& values, const std::string& what) const {
  const std::int64_t features = feature_count(), size = static_cast<std::int64_t>(values.size());
  if (size < 1 || (size != 1 && features != kDynamic && size != features))
    invalid(what + " has " + std::to_string(size) + " values for " +
            (features == kDynamic ? "the" : std::to_string(features)) + " features");
  return values;
}

void Preparation::scaler() {
  const std::string x = first().dtype == DType::f64 ? input(0) : cast(input(0), DType::f32);
  const auto like_x = [&](std::string_view name) {
    return part("CastLike", {row_constant(one_or_each(reals(name), std::string(name))), x});
  };
  const std::string scaled = binary("Mul", binary("Sub", x, like_x("offset")), like_x("scale"));
  finish_as(0, cast(scaled, DType::f32));
}

void Preparation::normalizer() {
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

void Preparation::imputer() {
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

void Preparation::binarizer() {
  const DType type = first().dtype;
  const std::string x = type == DType::f64 ? input(0) : cast(input(0), DType::f32);
  const std::string above = binary("Greater", x, number(real("threshold", 0), x));
  finish_as(0, cast(above, type));
}

void Preparation::feature_vectorizer() {
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

void Preparation::array_feature_extractor() {
  need(2);
  const ValueInfo& x = first();
  const std::string indices = part("Reshape", {input(1), constant(row_of<std::int64_t>({-1}))});
  const std::string matrix =
      x.shape_known && x.shape.rank() == 1 ? part("Unsqueeze", {input(0), axes({0})}) : input(0);
  finish("Gather", {matrix, indices}, {{"axis", std::int64_t{-1}}});
}

// A value outside the categories gives zeros, also where zeros = 0 would have ONNX Runtime fail.
void Preparation::one_hot_encoder() {
  const auto categories = attributes().integers("cats_int64s");
  if (categories.empty()) {
    if (attributes().has("cats_strings")) unsupported("its categories are strings, which no tensor holds");
    invalid("has no categories");
  }
  const std::string apart = part("Unsqueeze", {cast(input(0), DType::i64), axes({-1})});
  finish_as(0, cast(binary("Equal", apart, constant(row_of(categories))), DType::f32));
}

// Sorted, NaN last; of a key that is there twice the last counts.
template <class T>
std::pair<Tensor, Tensor> sorted_as(const Tensor& keys, const Tensor& values) {
  const auto given = keys.values<T>();
  std::vector<std::size_t> order(given.size());
  std::iota(order.rbegin(), order.rend(), 0u);
  const auto before = [&](std::size_t a, std::size_t b) {
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(given[a]) || std::isnan(given[b])) return !std::isnan(given[a]);
    return given[a] < given[b];
  };
  std::ranges::stable_sort(order, before);
  const auto same = [&](std::size_t a, std::size_t b) { return !before(a, b) && !before(b, a); };
  order.erase(std::ranges::unique(order, same).begin(), order.end());
  const Shape shape{static_cast<std::int64_t>(order.size())};
  Tensor sorted_keys(keys.dtype(), shape), sorted_values(values.dtype(), shape);
  const std::size_t size = size_of(values.dtype());
  for (std::size_t i = 0; i < order.size(); ++i) {
    sorted_keys.mutable_values<T>()[i] = given[order[i]];
    std::copy_n(values.data() + order[i] * size, size, sorted_values.mutable_data() + i * size);
  }
  return {sorted_keys, sorted_values};
}

std::optional<std::pair<Tensor, Tensor>> sorted(const Tensor& keys, const Tensor& values) {
  switch (keys.dtype()) {
    case DType::f32:
      return sorted_as<float>(keys, values);
    case DType::f64:
      return sorted_as<double>(keys, values);
    case DType::i16:
      return sorted_as<std::int16_t>(keys, values);
    case DType::i32:
      return sorted_as<std::int32_t>(keys, values);
    case DType::i64:
      return sorted_as<std::int64_t>(keys, values);
    default:
      return std::nullopt;
  }
}

void Preparation::look_up(const Tensor& keys, const Tensor& values, const Tensor& otherwise) {
  if (keys.elements() != values.elements())
    invalid("has " + std::to_string(keys.elements()) + " keys and " + std::to_string(values.elements()) +
            " values");
  const auto table = sorted(keys, values);
  if (!table) unsupported("keys of type " + std::string(engine::word(keys.dtype())));
  own_part("LookUp", {input(0), constant(table->first), constant(table->second), constant(otherwise)}, {},
           {node_.outputs[0]});
}

Tensor positions(std::size_t count) {
  std::vector<std::int64_t> result(count);
  std::iota(result.begin(), result.end(), 0);
  return row_of(result);
}

// Keys or values, whichever form they are given in; strings as their positions.
std::optional<Tensor> Preparation::list(const std::string& prefix) const {
  if (const auto* tensor = attributes().find<Tensor>(prefix + "tensor")) return *tensor;
  if (const auto* floats = attributes().find<std::vector<float>>(prefix + "floats")) return row_of(*floats);
  if (const auto* integers = attributes().find<std::vector<std::int64_t>>(prefix + "int64s"))
    return row_of(*integers);
  if (const auto* strings = attributes().find<Strings>(prefix + "strings")) return positions(strings->size());
  return std::nullopt;
}

// What keys that are not there give; behind the last string.
Tensor Preparation::otherwise(const Tensor& values) const {
  if (const auto* tensor = attributes().find<Tensor>("default_tensor")) {
    if (tensor->elements() != 1)
      invalid("default_tensor has " + std::to_string(tensor->elements()) + " elements");
    return tensor->reshaped({1});
  }
  if (attributes().has("values_strings")) return row_of<std::int64_t>({values.elements()});
  const bool is_real = values.dtype() == DType::f32 || values.dtype() == DType::f64;
  return is_real ? row_of<float>({real("default_float", -0.0f)}).as(values.dtype())
                 : row_of<std::int64_t>({attributes().integer("default_int64", -1)}).as(values.dtype());
}

void Preparation::label_encoder() {
  if (attributes().has("keys_strings")) unsupported("its keys are strings, which no tensor holds");
  if (const auto* classes = attributes().find<Strings>("classes_strings"))  // as it was in opset 1
    return look_up(positions(classes->size()), positions(classes->size()),
                   row_of<std::int64_t>({static_cast<std::int64_t>(classes->size())}));
  const auto keys = list("keys_"), values = list("values_");
  if (!keys || !values) invalid(std::string("has no ") + (keys ? "values" : "keys"));
  look_up(*keys, *values, otherwise(*values));
}

void Preparation::category_mapper() {
  const auto keys = attributes().integers("cats_int64s");
  const auto names = attributes().get<Strings>("cats_strings", {});
  if (first().dtype != DType::i64) unsupported("from strings, which no tensor holds, to integers");
  if (keys.size() != names.size())
    invalid("has " + std::to_string(keys.size()) + " integers and " + std::to_string(names.size()) +
            " strings");
  look_up(row_of(keys), positions(names.size()),
          row_of<std::int64_t>({static_cast<std::int64_t>(names.size())}));
}

void Preparation::zip_map() {
  const std::int64_t keys = static_cast<std::int64_t>(labels("classlabels_int64s").count),
                     columns = feature_count();
  if (columns != kDynamic && columns != keys)
    invalid("names " + std::to_string(keys) + " classes, its input is " + to_string(first().shape));
  finish_as(0, input(0));
}

using Speller = std::vector<OnnxNode> (*)(OnnxNode, const LookUp&);

template <Preparation::Way way>
std::vector<OnnxNode> prepare(OnnxNode node, const LookUp& look_up) {
  return Preparation(std::move(node), look_up).run(way);
}

const std::map<std::string, Speller, std::less<>> kSpellers{
    {"ArrayFeatureExtractor", prepare<&Preparation::array_feature_extractor>},
    {"Binarizer", prepare<&Preparation::binarizer>},
    {"CategoryMapper", prepare<&Preparation::category_mapper>},
    {"FeatureVectorizer", prepare<&Preparation::feature_vectorizer>},
    {"Imputer", prepare<&Preparation::imputer>},
    {"LabelEncoder", prepare<&Preparation::label_encoder>},
    {"LinearClassifier", spell_out_linear},
    {"LinearRegressor", spell_out_linear},
    {"Normalizer", prepare<&Preparation::normalizer>},
    {"OneHotEncoder", prepare<&Preparation::one_hot_encoder>},
    {"SVMClassifier", spell_out_vectors},
    {"SVMRegressor", spell_out_vectors},
    {"Scaler", prepare<&Preparation::scaler>},
    {"TreeEnsemble", spell_out_trees},
    {"TreeEnsembleClassifier", spell_out_trees},
    {"TreeEnsembleRegressor", spell_out_trees},
    {"ZipMap", prepare<&Preparation::zip_map>}};

using GraphStrings = std::map<std::string, Strings>;

/// The strings that a node chooses from or passes on.
const Strings* strings_read(const OnnxNode& node, const GraphStrings& strings) {
  const auto found = node.inputs.empty() ? strings.end() : strings.find(node.inputs[0]);
  return found == strings.end() ? nullptr : &found->second;
}

void check_strings(const OnnxGraph& graph, GraphStrings strings) {
  static const std::set<std::string, std::less<>> movers{"ArrayFeatureExtractor",
                                                         "Flatten",
                                                         "Gather",
                                                         "GatherElements",
                                                         "GatherND",
                                                         "Identity",
                                                         "Reshape",
                                                         "Squeeze",
                                                         "Unsqueeze"};
  strings.insert(graph.strings.begin(), graph.strings.end());
  for (const OnnxNode& node : graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (strings.contains(node.inputs[i]) && (i > 0 || !movers.contains(node.op_type)))
        throw Failure(Errc::unsupported, node.where + ": its input '" + node.inputs[i] +
                                             "' is of strings, which can only be chosen from and passed on; "
                                             "export the model without it");
    for (const auto& [attribute, subgraph] : node.subgraphs) check_strings(*subgraph, strings);
  }
}

OnnxClasses classes_of(const OnnxNode& node, const GraphStrings& strings) {
  if (const Strings* const names = strings_read(node, strings)) return {*names, {}};
  if (node.domain != "ai.onnx.ml") return {};
  const Attributes& attributes = node.attributes;
  if (const auto* names = attributes.find<Strings>("classlabels_strings")) return {*names, {}};
  for (const auto* attribute : {"classlabels_int64s", "classlabels_ints"})
    if (attributes.has(attribute)) return {{}, attributes.integers(attribute)};
  // What encoders make strings of may be in none of them: the last position.
  for (const auto* attribute : {"values_strings", "classes_strings", "cats_strings"})
    if (const auto* names = attributes.find<Strings>(attribute)) {
      OnnxClasses classes{*names, {}};
      classes.names.push_back(attributes.get<std::string>("default_string", "_Unused"));
      return classes;
    }
  return {};
}

}  // namespace

std::vector<OnnxNode> spell_out_ml(OnnxNode node, const LookUp& look_up) {
  const auto speller = kSpellers.find(node.op_type);
  const auto is_empty = [](const std::string& name) { return name.empty(); };
  if (speller == kSpellers.end() || std::ranges::all_of(node.outputs, is_empty)) return {std::move(node)};
  if (node.inputs.empty() || node.inputs[0].empty())
    throw Failure(Errc::invalid, node.where + ": has no input");
  return speller->second(std::move(node), look_up);
}

void check_strings(const OnnxGraph& graph) { check_strings(graph, {}); }

OnnxClasses classes_of(const OnnxGraph& graph) {
  OnnxClasses last;
  for (const OnnxNode& node : graph.nodes) {
    if (OnnxClasses classes = classes_of(node, graph.strings);
        !classes.names.empty() || !classes.numbers.empty())
      last = std::move(classes);
  }
  return last;
}

}  // namespace dormouse::engine

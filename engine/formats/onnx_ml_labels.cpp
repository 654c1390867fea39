#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/formats/onnx_ml_spelling.h"

namespace dormouse::engine {
namespace {

using Strings = std::vector<std::string>;

/// What renames classes, one by one.
class Renaming : public MlSpelling {
 public:
  using MlSpelling::MlSpelling;

  std::vector<OnnxNode> run() {
    if (node_.op_type == "LabelEncoder")
      label_encoder();
    else if (node_.op_type == "CategoryMapper")
      category_mapper();
    else
      zip_map();
    return std::move(parts_);
  }

 private:
  void look_up(const Tensor& keys, const Tensor& values, const Tensor& otherwise);
  std::optional<Tensor> list(const std::string& prefix) const;
  Tensor otherwise(const Tensor& values) const;
  void label_encoder();
  void category_mapper();
  void zip_map();
};

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

void Renaming::look_up(const Tensor& keys, const Tensor& values, const Tensor& otherwise) {
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
std::optional<Tensor> Renaming::list(const std::string& prefix) const {
  if (const auto* tensor = attributes().find<Tensor>(prefix + "tensor")) return *tensor;
  if (const auto* floats = attributes().find<std::vector<float>>(prefix + "floats")) return row_of(*floats);
  if (const auto* integers = attributes().find<std::vector<std::int64_t>>(prefix + "int64s"))
    return row_of(*integers);
  if (const auto* strings = attributes().find<Strings>(prefix + "strings")) return positions(strings->size());
  return std::nullopt;
}

// What keys that are not there give; behind the last string.
Tensor Renaming::otherwise(const Tensor& values) const {
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

void Renaming::label_encoder() {
  if (attributes().has("keys_strings")) unsupported("its keys are strings, which no tensor holds");
  if (const auto* classes = attributes().find<Strings>("classes_strings"))  // as it was in opset 1
    return look_up(positions(classes->size()), positions(classes->size()),
                   row_of<std::int64_t>({static_cast<std::int64_t>(classes->size())}));
  const auto keys = list("keys_"), values = list("values_");
  if (!keys || !values) invalid(std::string("has no ") + (keys ? "values" : "keys"));
  look_up(*keys, *values, otherwise(*values));
}

void Renaming::category_mapper() {
  const auto keys = attributes().integers("cats_int64s");
  const auto names = attributes().get<Strings>("cats_strings", {});
  if (first().dtype != DType::i64) unsupported("from strings, which no tensor holds, to integers");
  if (keys.size() != names.size())
    invalid("has " + std::to_string(keys.size()) + " integers and " + std::to_string(names.size()) +
            " strings");
  look_up(row_of(keys), positions(names.size()),
          row_of<std::int64_t>({static_cast<std::int64_t>(names.size())}));
}

void Renaming::zip_map() {
  const std::int64_t keys = static_cast<std::int64_t>(labels("classlabels_int64s").count),
                     columns = feature_count();
  if (columns != kDynamic && columns != keys)
    invalid("names " + std::to_string(keys) + " classes, its input is " + to_string(first().shape));
  finish_as(0, input(0));
}

}  // namespace

std::vector<OnnxNode> spell_out_labels(OnnxNode node, const LookUp& look_up) {
  return Renaming(std::move(node), look_up).run();
}

}  // namespace dormouse::engine

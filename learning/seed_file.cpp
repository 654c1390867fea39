#include <algorithm>
#include <boost/json.hpp>

#include "engine/formats/safetensors.h"
#include "learning/seed.h"
#include "learning/seed_inputs.h"

namespace dormouse::learning {
namespace {

using engine::DType;

constexpr std::string_view kSeedFormat = "dormouse-seed-1";
constexpr std::int64_t kMostExtent = 1 << 24;

void store(engine::NamedTensors& file, const std::string& prefix, const LabelledLatents& data) {
  QuantisedLatents packed = quantise(data.latents);
  const std::vector<std::int32_t> classes(data.classes.begin(), data.classes.end());
  file.tensors.insert_or_assign(prefix + ".codes", std::move(packed.codes));
  file.tensors.insert_or_assign(prefix + ".scales", std::move(packed.scales));
  file.tensors.insert_or_assign(prefix + ".classes",
                                Tensor::from<std::int32_t>(Shape{std::int64_t(classes.size())}, classes));
}

void store(engine::NamedTensors& file, const Statistics& statistics) {
  const auto classes = static_cast<std::int64_t>(statistics.size());
  const auto width = static_cast<std::int64_t>(statistics.at(0).sum.size());
  Tensor count(DType::f64, Shape{classes}), sum(DType::f64, Shape{classes, width}),
      moment(DType::f32, Shape{classes, width * (width + 1) / 2});
  auto next_sum = sum.mutable_values<double>().begin();
  auto next_moment = moment.mutable_values<float>().begin();
  for (std::size_t c = 0; c < statistics.size(); ++c) {
    count.mutable_values<double>()[c] = statistics[c].count;
    next_sum = std::ranges::copy(statistics[c].sum, next_sum).out;
    for (const double x : statistics[c].moment) *next_moment++ = static_cast<float>(x);
  }
  file.tensors.insert_or_assign("statistics.count", std::move(count));
  file.tensors.insert_or_assign("statistics.sum", std::move(sum));
  file.tensors.insert_or_assign("statistics.moment", std::move(moment));
}

constexpr const char* kInputShape = "inputs.shape";  // metadata: a JSON list

void store(engine::NamedTensors& file, const std::string& prefix, const PackedInputs& inputs) {
  const std::vector<std::int32_t> classes(inputs.classes().begin(), inputs.classes().end());
  const auto bytes = inputs.bytes();
  const std::span values(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  const auto rows = static_cast<std::int64_t>(classes.size());
  const std::int64_t each = rows > 0 ? std::int64_t(values.size()) / rows : 0;
  file.tensors.insert_or_assign(prefix + ".inputs", Tensor::from<std::uint8_t>(Shape{rows, each}, values));
  file.tensors.insert_or_assign(prefix + ".input_classes", Tensor::from<std::int32_t>(Shape{rows}, classes));
}

/// A seed file being checked: every complaint names it.
class SeedReader {
 public:
  explicit SeedReader(const std::filesystem::path& path)
      : path_(path), file_(engine::read_safetensors(path)) {}

  Seed read() {
    if (metadata("format") != kSeedFormat)
      corrupt("metadata 'format' is '" + metadata("format") + "', not a seed memory's");
    Seed seed;
    seed.labels = labels();
    seed.temperature = temperature();
    seed.replay = latents("replay", seed.labels.size());
    seed.heldout = latents("heldout", seed.labels.size());
    if (seed.replay.width() != seed.heldout.width()) corrupt("replay and heldout latents differ in width");
    seed.statistics = statistics(std::int64_t(seed.labels.size()), std::int64_t(seed.replay.width()));
    seed.normaliser = normaliser();
    for (const auto& [name, tensor] : file_.tensors)
      if (name.starts_with("fisher.")) seed.fisher.insert_or_assign(name.substr(7), fisher(name));
    return seed;
  }

  std::optional<SeedInputs> read_inputs(std::size_t classes) {
    if (!file_.metadata.contains(kInputShape)) return std::nullopt;
    boost::system::error_code failed;
    const auto extents = boost::json::try_value_to<std::vector<std::int64_t>>(
        boost::json::parse(metadata(kInputShape), failed));
    if (failed || !extents || extents->size() < 2 || extents->front() != 1 ||
        std::ranges::any_of(*extents, [](std::int64_t e) { return e < 1 || e > kMostExtent; }))
      corrupt("metadata 'inputs.shape' is not the shape of one input");
    const Shape one{*extents};
    return SeedInputs{inputs("replay", one, classes), inputs("heldout", one, classes)};
  }

 private:
  [[noreturn]] void corrupt(const std::string& what) const {
    throw Failure(Errc::corrupt, path_.string() + ": " + what);
  }

  const std::string& metadata(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end()) corrupt("no metadata '" + key + "': this is not a seed memory");
    return found->second;
  }

  /// The tensor `name`; extents of kDynamic fit any. Values of floating types must be finite.
  const Tensor& tensor(const std::string& name, DType type, const Shape& shape) const {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) corrupt("tensor '" + name + "' is missing");
    const Tensor& t = found->second;
    bool fits = t.dtype() == type && t.shape().rank() == shape.rank();
    for (std::size_t axis = 0; fits && axis < shape.rank(); ++axis)
      fits = shape[axis] == engine::kDynamic || shape[axis] == t.shape()[axis];
    if (!fits)
      corrupt("tensor '" + name + "' is " + std::string(word(t.dtype())) + " " + to_string(t.shape()) +
              ", expected " + std::string(word(type)) + " " + to_string(shape));
    if (type == DType::f32) require_finite(name, t.values<float>());
    if (type == DType::f64) require_finite(name, t.values<double>());
    return t;
  }

  template <class T>
  void require_finite(const std::string& name, std::span<const T> values) const {
    if (!std::ranges::all_of(values, [](T x) { return std::isfinite(x); }))
      corrupt("tensor '" + name + "' has values that are not finite");
  }

  std::vector<std::string> labels() const {
    boost::system::error_code failed;
    const boost::json::value list = boost::json::parse(metadata("labels"), failed);
    if (failed || !list.is_array() || list.get_array().empty())
      corrupt("metadata 'labels' is not a JSON list of names");
    std::vector<std::string> names;
    for (const boost::json::value& name : list.get_array()) {
      if (!name.is_string() || name.get_string().empty())
        corrupt("metadata 'labels' holds something that is no name");
      names.emplace_back(name.get_string());
      if (std::ranges::count(names, names.back()) > 1) corrupt("label '" + names.back() + "' stands twice");
    }
    return names;
  }

  float temperature() const {
    const std::string& text = metadata("temperature");
    char* end = nullptr;
    const float value = std::strtof(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0' || !(value > 0) || !std::isfinite(value))
      corrupt("metadata 'temperature' is '" + text + "', expected a positive number");
    return value;
  }

  LabelledLatents latents(const std::string& prefix, std::size_t classes) const {
    const Tensor& codes = tensor(prefix + ".codes", DType::i8, Shape{engine::kDynamic, engine::kDynamic});
    const Shape rows{codes.shape()[0]};
    const Tensor& scales = tensor(prefix + ".scales", DType::f32, rows);
    return {dequantise({codes, scales}), classes_in(prefix + ".classes", rows, classes)};
  }

  PackedInputs inputs(const std::string& prefix, const Shape& one, std::size_t classes) const {
    const Tensor& bytes = tensor(prefix + ".inputs", DType::u8, Shape{engine::kDynamic, engine::kDynamic});
    std::vector<ClassIndex> labels = classes_in(prefix + ".input_classes", Shape{bytes.shape()[0]}, classes);
    const auto values = std::as_bytes(bytes.values<std::uint8_t>());
    try {
      return {one, {values.begin(), values.end()}, std::move(labels)};
    } catch (const Failure& failure) {
      corrupt("tensor '" + prefix + ".inputs': " + failure.error().context);
    }
  }

  std::vector<ClassIndex> classes_in(const std::string& name, const Shape& rows, std::size_t classes) const {
    std::vector<ClassIndex> labels;
    for (const std::int32_t c : tensor(name, DType::i32, rows).values<std::int32_t>()) {
      if (c < 0 || static_cast<std::size_t>(c) >= classes)
        corrupt("tensor '" + name + "' holds class " + std::to_string(c) + " of " + std::to_string(classes));
      labels.push_back(static_cast<ClassIndex>(c));
    }
    return labels;
  }

  Statistics statistics(std::int64_t classes, std::int64_t width) const {
    const auto moments = static_cast<std::size_t>(width * (width + 1) / 2);
    const auto count = tensor("statistics.count", DType::f64, Shape{classes}).values<double>();
    const auto sum = tensor("statistics.sum", DType::f64, Shape{classes, width}).values<double>();
    const auto moment =
        tensor("statistics.moment", DType::f32, Shape{classes, std::int64_t(moments)}).values<float>();
    Statistics all(static_cast<std::size_t>(classes), ClassStatistics(static_cast<std::size_t>(width)));
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (!(count[c] >= 0)) corrupt("tensor 'statistics.count' is negative");
      all[c].count = count[c];
      std::ranges::copy(sum.subspan(c * static_cast<std::size_t>(width), static_cast<std::size_t>(width)),
                        all[c].sum.begin());
      std::ranges::copy(moment.subspan(c * moments, moments), all[c].moment.begin());
    }
    return all;
  }

  engine::InputNormaliser normaliser() const {
    if (!file_.tensors.contains("input.mean")) return {};
    const Tensor& mean = tensor("input.mean", DType::f32, Shape{engine::kDynamic});
    const auto deviation = tensor("input.deviation", DType::f32, mean.shape()).values<float>();
    if (!std::ranges::all_of(deviation, [](float x) { return x > 0; }))
      corrupt("tensor 'input.deviation' holds a value that is not positive");
    const auto values = mean.values<float>();
    return {{values.begin(), values.end()}, {deviation.begin(), deviation.end()}};
  }

  Tensor fisher(const std::string& name) const {
    const Tensor& found = file_.tensors.at(name);
    const Tensor& diagonal = tensor(name, DType::f32, found.shape());
    if (!std::ranges::all_of(diagonal.values<float>(), [](float x) { return x >= 0; }))
      corrupt("tensor '" + name + "' holds a negative value");
    return diagonal;
  }

  std::filesystem::path path_;
  engine::NamedTensors file_;
};

}  // namespace

namespace {

engine::NamedTensors file_of(const Seed& seed) {
  engine::NamedTensors file;
  store(file, "replay", seed.replay);
  store(file, "heldout", seed.heldout);
  store(file, seed.statistics);
  for (const auto& [name, tensor] : seed.fisher) file.tensors.insert_or_assign("fisher." + name, tensor);
  if (!seed.normaliser.empty()) {
    const Shape channels{std::int64_t(seed.normaliser.mean.size())};
    file.tensors.insert_or_assign("input.mean", Tensor::from<float>(channels, seed.normaliser.mean));
    file.tensors.insert_or_assign("input.deviation",
                                  Tensor::from<float>(channels, seed.normaliser.deviation));
  }
  boost::json::array labels(seed.labels.begin(), seed.labels.end());
  char temperature[32];
  std::snprintf(temperature, sizeof temperature, "%.9g", static_cast<double>(seed.temperature));
  file.metadata = {{"format", std::string(kSeedFormat)},
                   {"labels", boost::json::serialize(labels)},
                   {"temperature", temperature}};
  return file;
}

}  // namespace

std::filesystem::path seed_beside(const std::filesystem::path& model) {
  const std::filesystem::path stem = model.stem();
  for (const std::filesystem::path& name : {stem, stem.stem()})
    if (auto seed = model.parent_path() / (name.string() + ".seed.safetensors");
        std::filesystem::exists(seed))
      return seed;
  return {};
}

void write_seed(const std::filesystem::path& path, const Seed& seed) {
  engine::write_safetensors(path, file_of(seed));
}

void write_seed(const std::filesystem::path& path, const Seed& seed, const SeedInputs& inputs) {
  engine::NamedTensors file = file_of(seed);
  store(file, "replay", inputs.replay);
  store(file, "heldout", inputs.heldout);
  file.metadata[kInputShape] =
      boost::json::serialize(boost::json::value_from(inputs.replay.shape().extents()));
  engine::write_safetensors(path, file);
}

std::optional<SeedInputs> read_seed_inputs(const std::filesystem::path& path, std::size_t classes) {
  return SeedReader(path).read_inputs(classes);
}

Seed read_seed(const std::filesystem::path& path) { return SeedReader(path).read(); }

}  // namespace dormouse::learning

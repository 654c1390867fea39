#include "learning/dataset_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <set>

#include "config/log.h"
#include "config/text.h"
#include "engine/formats/csv.h"
#include "engine/formats/gzip.h"
#include "engine/formats/idx.h"
#include "engine/formats/npy.h"

namespace dormouse::learning {
namespace {

namespace fs = std::filesystem;
using engine::DType;

/// A file's examples, one a row, and what stands beside each.
struct Examples {
  Tensor rows;  ///< [N, time, channels]
  std::vector<std::string> labels;
  std::vector<std::string> groups;  ///< empty: none
  bool table = false;
};

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Failure(Errc::invalid, path.string() + ": " + what);
}

std::vector<std::string> words_of(const Tensor& numbers, const std::string& name, const fs::path& path) {
  if (numbers.shape().rank() != 1 || numbers.dtype() == DType::f32 || numbers.dtype() == DType::f64)
    refuse(path, "'" + name + "' is no vector of integers");
  const Tensor wide = numbers.as(DType::i64);
  std::vector<std::string> words;
  for (const std::int64_t value : wide.values<std::int64_t>()) words.push_back(std::to_string(value));
  return words;
}

Examples read_table(const fs::path& path, const DatasetColumns& columns) {
  std::vector<std::string> words{columns.label};
  if (!columns.group.empty()) words.push_back(columns.group);
  if (columns.group == columns.label) refuse(path, "one column cannot be label and group");
  engine::Table table = engine::read_csv(path.string(), words);
  const Shape& shape = table.rows.shape();
  return {table.rows.reshaped({shape[0], 1, shape[1]}), std::move(table.words[0]),
          columns.group.empty() ? std::vector<std::string>{} : std::move(table.words[1]), true};
}

Examples read_arrays(const fs::path& path, const DatasetColumns& columns) {
  const std::map<std::string, Tensor> arrays = engine::read_npz(path.string());
  const auto array = [&](std::initializer_list<std::string> names) -> const Tensor& {
    for (const std::string& name : names)
      if (const auto found = arrays.find(name); found != arrays.end()) return found->second;
    refuse(path,
           "holds no array '" + *names.begin() + "'; there are " + config::join(std::views::keys(arrays)));
  };
  const Tensor& x = array({"x"});
  const Shape& shape = x.shape();
  if (shape.rank() != 2 && shape.rank() != 3)
    refuse(path, "'x' is " + engine::to_string(shape) + "; expected [N, features] or [N, time, channels]");
  const Tensor rows = shape.rank() == 3 ? x : x.reshaped({shape[0], 1, shape[1]});
  Examples examples{rows, words_of(array({columns.label, "y"}), columns.label, path), {}};
  if (!columns.group.empty()) examples.groups = words_of(array({columns.group}), columns.group, path);
  return examples;
}

Examples read_images(const fs::path& path) {
  std::string beside = path.filename().string();
  for (const auto& [from, to] : {std::pair{"images", "labels"}, std::pair{"idx3", "idx1"}})
    if (const auto at = beside.find(from); at != std::string::npos)
      beside.replace(at, std::string_view(from).size(), to);
  fs::path labels = path.parent_path() / beside;
  // Either may be compressed.
  if (!fs::exists(labels) && labels.extension() == ".gz")
    labels.replace_extension();
  else if (!fs::exists(labels) && fs::exists(labels.string() + ".gz"))
    labels += ".gz";
  if (labels == path) refuse(path, "is not called …images-idx3…, so that nothing says where its labels are");
  const Tensor images = engine::read_idx(path.string());
  const Shape& shape = images.shape();
  if (shape.rank() < 2) refuse(path, "holds no images");
  return {images.reshaped({shape[0], shape.elements(1, shape.rank()), 1}),
          words_of(engine::read_idx(labels.string()), "labels", labels),
          {}};
}

Examples read_examples(const fs::path& path, const DatasetColumns& columns) {
  const auto bytes = engine::map_file(path.string());
  const std::span<const std::byte> content{bytes->data(), bytes->size()};
  if (engine::is_npz(content)) return read_arrays(path, columns);
  if (engine::is_idx(content) || engine::is_gzip(content)) return read_images(path);
  if (engine::is_csv(content)) return read_table(path, columns);
  throw Failure(Errc::unsupported, path.string() + ": is no CSV, npz or IDX file");
}

std::optional<std::int64_t> number(const std::string& word) {
  return config::parse_number<std::int64_t>(word);
}

/// The distinct words, as numbers where all of them are.
std::vector<std::string> distinct(const std::vector<std::string>& words) {
  const std::set<std::string> unique(words.begin(), words.end());
  std::vector<std::string> sorted(unique.begin(), unique.end());
  if (std::ranges::all_of(sorted, [](const std::string& word) { return number(word).has_value(); }))
    std::ranges::sort(sorted, {}, [](const std::string& word) { return *number(word); });
  return sorted;
}

}  // namespace

Dataset read_dataset_file(const fs::path& path, std::vector<std::string> labels,
                          const DatasetColumns& columns) {
  const Examples examples = read_examples(path, columns);
  const Shape& shape = examples.rows.shape();
  const auto count = static_cast<std::size_t>(shape[0]);
  if (examples.labels.size() != count || (!columns.group.empty() && examples.groups.size() != count))
    refuse(path,
           std::to_string(count) + " examples, but " + std::to_string(examples.labels.size()) + " labels");
  Dataset data;
  data.table = examples.table;
  data.labels = labels.empty() ? distinct(examples.labels) : std::move(labels);
  std::map<std::string, ClassIndex> classes;
  for (const std::string& label : data.labels)
    classes.emplace(label, static_cast<ClassIndex>(classes.size()));
  std::map<std::string, std::size_t> groups;
  std::size_t left_out = 0;
  std::string first_left_out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto known = classes.find(examples.labels[i]);
    if (known == classes.end()) {
      if (left_out++ == 0) first_left_out = examples.labels[i];
      continue;
    }
    data.clips.push_back(examples.rows.rows(static_cast<std::int64_t>(i), 1).reshaped({shape[1], shape[2]}));
    data.classes.push_back(known->second);
    data.names.push_back(path.string() + "#" + std::to_string(i));
    if (!examples.groups.empty())
      data.groups.push_back(groups.emplace(examples.groups[i], groups.size()).first->second);
  }
  if (left_out > 0)
    log(Level::warning, path.string() + ": " + std::to_string(left_out) +
                            " examples are left out, as the model has no such label: '" + first_left_out +
                            (left_out > 1 ? "' …" : "'"));
  for (const auto& [label, index] : classes)
    if (std::ranges::find(data.classes, index) == data.classes.end())
      refuse(path, "no example of the label '" + label + "'");
  return data;
}

}  // namespace dormouse::learning

#include "learning/number_data.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>

#include "config/text.h"
#include "engine/formats/all_formats.h"
#include "engine/formats/bytes.h"
#include "engine/formats/csv.h"
#include "engine/formats/npy.h"

namespace dormouse::learning {
namespace {

namespace fs = std::filesystem;
using engine::DType;
using Words = std::vector<std::string>;

const std::string kUnnamed = "channel";  // and its place, from 1

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Failure(Errc::invalid, path.string() + ": " + what);
}

std::string listed(const Words& words) { return words.empty() ? "no names" : config::join(words); }

bool has(const Words& words, const std::string& word) { return std::ranges::count(words, word) > 0; }

/// f32 [rows, …]; `what` is called so in errors.
Tensor finite(const Tensor& numbers, const fs::path& path, const std::string& what) {
  const Tensor result = numbers.as(DType::f32);
  const auto values = result.values<float>();
  const auto bad = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  if (bad == values.end()) return result;
  const auto width =
      static_cast<std::ptrdiff_t>(values.size()) / std::max<std::int64_t>(1, result.shape()[0]);
  refuse(path, what + ": row " + std::to_string((bad - values.begin()) / width + 1) + ", number " +
                   std::to_string((bad - values.begin()) % width + 1) +
                   " is not finite; leave the row out, or fill it in");
}

/// Some columns of a table [rows, columns], in this order.
Tensor chosen(const engine::Table& table, const Words& names, const fs::path& path) {
  std::vector<std::size_t> from;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(table.columns, name);
    if (found == table.columns.end())
      refuse(path, "no column is called '" + name + "'; there are " + listed(table.columns));
    from.push_back(static_cast<std::size_t>(found - table.columns.begin()));
  }
  const auto values = table.rows.values<float>();
  const auto width = static_cast<std::size_t>(table.rows.shape()[1]);
  Tensor result(DType::f32, {table.rows.shape()[0], std::ssize(names)});
  auto to = result.mutable_values<float>().begin();
  for (std::size_t row = 0; row < values.size(); row += width)
    for (const std::size_t column : from) *to++ = values[row + column];
  return result;
}

/// `inputs` and those of `targets` that are not among them; empty where `inputs` are.
Words wanted(const NumberColumns& columns) {
  Words only = columns.inputs;
  for (const std::string& target : columns.targets)
    if (!only.empty() && !has(only, target)) only.push_back(target);
  return only;
}

/// A file's examples, one a row.
struct Examples {
  Tensor rows;     ///< [N, time, channels]
  Tensor targets;  ///< [N, K]
  Words names;     ///< of the targets
  Words groups;    ///< empty: none
  Words inputs;    ///< names of the columns of a table
};

Examples read_table(const fs::path& path, const NumberColumns& columns) {
  Words groups;
  if (!columns.group.empty()) groups.push_back(columns.group);
  const engine::Table table = engine::read_csv(path.string(), groups, wanted(columns));
  if (columns.targets.empty())
    refuse(path,
           "which columns are to be told? Name them, by `targets:` in the spec or --label A,B; there are " +
               listed(table.columns));
  Words inputs = columns.inputs;
  for (const std::string& column : table.columns)
    if (columns.inputs.empty() && !has(columns.targets, column)) inputs.push_back(column);
  for (const std::string& target : columns.targets)
    if (has(inputs, target)) refuse(path, "the column '" + target + "' cannot be input and target both");
  if (inputs.empty()) refuse(path, "has no columns besides the targets");
  const Tensor rows = chosen(table, inputs, path);
  return {rows.reshaped({rows.shape()[0], 1, rows.shape()[1]}), chosen(table, columns.targets, path),
          columns.targets, groups.empty() ? Words{} : table.words[0], inputs};
}

const Tensor& array(const std::map<std::string, Tensor>& arrays, const Words& names, const fs::path& path) {
  for (const std::string& name : names)
    if (const auto found = arrays.find(name); found != arrays.end()) return found->second;
  refuse(path, "holds no array '" + names.front() + "'; there are " + config::join(std::views::keys(arrays)));
}

Examples read_arrays(const fs::path& path, const NumberColumns& columns) {
  const auto arrays = engine::read_npz(path.string());
  const Tensor x = finite(array(arrays, {"x"}, path), path, "'x'");
  const Shape& shape = x.shape();
  if (shape.rank() != 2 && shape.rank() != 3)
    refuse(path, "'x' is " + engine::to_string(shape) + "; expected [N, features] or [N, time, channels]");
  Words called{"y"};
  if (columns.targets.size() == 1) called.insert(called.begin(), columns.targets.front());
  if (!arrays.contains(called.front())) called = {"y"};
  const Tensor y = finite(array(arrays, called, path), path, "'" + called.front() + "'");
  if (y.shape().rank() < 1 || y.shape()[0] != shape[0] || y.elements() == 0)
    refuse(path, "'x' is " + engine::to_string(shape) + " and '" + called.front() + "' " +
                     engine::to_string(y.shape()) + "; expected as many rows of both");
  const std::int64_t width = y.elements() / shape[0];
  Examples examples{shape.rank() == 3 ? x : x.reshaped({shape[0], 1, shape[1]}),
                    y.reshaped({shape[0], width}),
                    columns.targets,
                    {},
                    {}};
  if (examples.names.empty())
    for (std::int64_t i = 0; i < width; ++i)
      examples.names.push_back(width == 1 ? "y" : "y" + std::to_string(i));
  if (std::cmp_not_equal(examples.names.size(), width))
    refuse(path, std::to_string(examples.names.size()) + " targets are named (" + listed(examples.names) +
                     "), and '" + called.front() + "' has " + std::to_string(width) + " a row");
  if (columns.group.empty()) return examples;
  const Tensor groups = array(arrays, {columns.group}, path).as(DType::i64);
  for (const std::int64_t group : groups.values<std::int64_t>())
    examples.groups.push_back(std::to_string(group));
  return examples;
}

/// What the columns are called, and their numbers [time, columns].
engine::Table read_series(const fs::path& path, const NumberColumns& columns) {
  const auto bytes = engine::map_file(path.string());
  if (!engine::is_npy({bytes->data(), bytes->size()}))
    return engine::read_csv(path.string(), {}, wanted(columns));
  Tensor rows = finite(engine::read_npy(path.string()), path, "the array");
  if (rows.shape().rank() == 1) rows = rows.reshaped({rows.shape()[0], 1});
  if (rows.shape().rank() != 2)
    refuse(path, "is " + engine::to_string(rows.shape()) + "; expected [time, channels]");
  engine::Table table{columns.inputs, rows, {}};
  for (std::int64_t i = std::ssize(table.columns); i < rows.shape()[1]; ++i)
    table.columns.push_back(kUnnamed + std::to_string(i + 1));
  if (std::ssize(table.columns) != rows.shape()[1])
    refuse(path,
           "has " + std::to_string(rows.shape()[1]) + " channels; " + listed(columns.inputs) + " are named");
  return table;
}

void add_windows(Dataset& data, const fs::path& path, const NumberColumns& columns, const Windows& windows) {
  engine::Table table = read_series(path, columns);
  const bool named = !table.columns.empty() && table.columns.front() != kUnnamed + "1";
  for (std::int64_t i = std::ssize(table.columns); i < table.rows.shape()[1];
       ++i)  // a CSV file without a header
    table.columns.push_back(kUnnamed + std::to_string(i + 1));
  const Words inputs = columns.inputs.empty() ? table.columns : columns.inputs;
  const Words targets = columns.targets.empty() ? inputs : columns.targets;
  if (!data.target_names.empty() && data.target_names != targets)
    refuse(path, "has the columns " + listed(targets) + ", the series before " + listed(data.target_names));
  data.target_names = targets;
  if (named) data.input_names = inputs;
  const Tensor x = chosen(table, inputs, path), y = inputs == targets ? x : chosen(table, targets, path);
  const std::int64_t length = x.shape()[0], whole = windows.rows + windows.horizon;
  if (length < whole)
    refuse(path, std::to_string(length) + " rows are too few for a window of " +
                     std::to_string(windows.rows) + " and the " + std::to_string(windows.horizon) +
                     " rows that it is to foretell");
  const std::size_t series = data.moments.empty() ? 0 : data.moments.back().series + 1;
  for (std::int64_t first = 0; first + whole <= length; first += windows.stride) {
    const std::int64_t behind = first + windows.rows;
    data.clips.push_back(x.rows(first, windows.rows));
    data.targets.push_back(y.rows(behind, windows.horizon));
    data.moments.push_back({series, behind, behind + windows.horizon, length});
    data.names.push_back(path.string() + "#" + std::to_string(first + 1));
  }
}

}  // namespace

Dataset read_numbers(const fs::path& path, const NumberColumns& columns) {
  if (fs::is_directory(path)) refuse(path, "is a folder; numbers are read from a CSV or npz file");
  const auto bytes = engine::map_file(path.string());
  const std::span<const std::byte> content{bytes->data(), bytes->size()};
  if (!engine::is_npz(content) && !engine::is_csv(content))
    throw Failure(Errc::unsupported, path.string() + ": is no CSV or npz file");
  const Examples examples = engine::is_npz(content) ? read_arrays(path, columns) : read_table(path, columns);
  const Shape& shape = examples.rows.shape();
  if (!examples.groups.empty() && std::cmp_not_equal(examples.groups.size(), shape[0]))
    refuse(path,
           std::to_string(shape[0]) + " examples, but " + std::to_string(examples.groups.size()) + " groups");
  Dataset data;
  data.target_names = examples.names;
  data.input_names = examples.inputs;
  std::map<std::string, std::size_t> groups;
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    data.clips.push_back(examples.rows.rows(i, 1).reshaped({shape[1], shape[2]}));
    data.targets.push_back(examples.targets.rows(i, 1));
    data.names.push_back(path.string() + "#" + std::to_string(i));
    if (!examples.groups.empty())
      data.groups.push_back(
          groups.emplace(examples.groups[static_cast<std::size_t>(i)], groups.size()).first->second);
  }
  return data;
}

Dataset read_windows(const fs::path& path, const NumberColumns& columns, const Windows& windows) {
  Dataset data;
  std::vector<fs::path> files{path};
  if (fs::is_directory(path)) {
    files.clear();
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.is_regular_file() && !entry.path().filename().string().starts_with("."))
        files.push_back(entry.path());
    std::ranges::sort(files);
    if (files.empty()) refuse(path, "no series; expected *.csv or *.npy");
  }
  for (const fs::path& file : files) add_windows(data, file, columns, windows);
  return data;
}

Dataset read_for(const NumberModel& model, const Shape& input, const fs::path& path, const std::string& group,
                 std::int64_t stride) {
  const NumberColumns columns{model.columns, model.targets, group};
  if (model.horizon == 0) return read_numbers(path, columns);
  if (input.rank() < 2 || input.rank() > 3 || input.back() < 1)
    throw Failure(Errc::unsupported, "a forecast of an input " + engine::to_string(input) +
                                         "; expected [batch, time] or [batch, channels, time]");
  return read_windows(path, columns, {input.back(), model.horizon, stride});
}

}  // namespace dormouse::learning

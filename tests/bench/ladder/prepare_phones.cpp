#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {
namespace {

constexpr std::array<std::string_view, 6> kActivities = {"Walking",    "Jogging", "Upstairs",
                                                         "Downstairs", "Sitting", "Standing"};
constexpr std::size_t kFeatures = 43;

struct Window {
  std::uint32_t person = 0;
  learning::ClassIndex activity = 0;
  std::array<float, kFeatures> features{};  ///< NaN where missing
};

/// id, person, 43 features ('?' where missing), activity.
Window parse(const std::string& line, const std::string& where) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  if (cells.size() != kFeatures + 3) throw Failure(Errc::corrupt, where + ": expected 46 values");
  const auto number = [&](const std::string& cell) {
    float value = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (error != std::errc() || end != cell.data() + cell.size())
      throw Failure(Errc::corrupt, where + ": '" + cell + "' is no number");
    return value;
  };
  Window window;
  window.person = static_cast<std::uint32_t>(number(cells[1]));
  for (std::size_t i = 0; i < kFeatures; ++i)
    window.features[i] = cells[i + 2] == "?" ? std::numeric_limits<float>::quiet_NaN() : number(cells[i + 2]);
  const auto activity = std::ranges::find(kActivities, cells.back());
  if (activity == kActivities.end())
    throw Failure(Errc::corrupt, where + ": no activity '" + cells.back() + "'");
  window.activity = static_cast<learning::ClassIndex>(activity - kActivities.begin());
  return window;
}

std::vector<Window> read_arff(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Failure(Errc::not_found, path + ": cannot be read");
  std::vector<Window> windows;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (!line.empty() && line[0] != '@') windows.push_back(parse(line, path + ":" + std::to_string(number)));
  }
  return windows;
}

std::array<float, kFeatures> means_of(std::span<const Window> windows) {
  std::array<double, kFeatures> sum{}, count{};
  for (const Window& window : windows)
    for (std::size_t i = 0; i < kFeatures; ++i)
      if (!std::isnan(window.features[i])) sum[i] += window.features[i], ++count[i];
  std::array<float, kFeatures> mean{};
  for (std::size_t i = 0; i < kFeatures; ++i)
    mean[i] = static_cast<float>(count[i] > 0 ? sum[i] / count[i] : 0);
  return mean;
}

Examples examples_of(std::span<const Window> windows, const std::array<float, kFeatures>& missing) {
  Examples examples;
  examples.inputs = engine::Tensor(
      engine::DType::f32, engine::Shape{static_cast<std::int64_t>(windows.size()), std::int64_t{kFeatures}});
  float* out = examples.inputs.mutable_values<float>().data();
  for (const Window& window : windows) {
    for (std::size_t i = 0; i < kFeatures; ++i)
      *out++ = std::isnan(window.features[i]) ? missing[i] : window.features[i];
    examples.classes.push_back(window.activity);
    examples.groups.push_back(window.person);
  }
  return examples;
}

}  // namespace

DataSet prepare_phones(const std::filesystem::path& folder) {
  std::vector<Window> windows = read_arff((folder / "WISDM_ar_v1.1_transformed.arff").string());
  std::set<std::uint32_t> people;
  for (const Window& window : windows) people.insert(window.person);
  const auto is_training = [&](const Window& window) {
    return std::distance(people.begin(), people.find(window.person)) % 4 != 0;
  };
  const auto test = std::ranges::stable_partition(windows, is_training);
  const std::span<const Window> training(windows.begin(), test.begin());
  const auto missing = means_of(training);
  return {examples_of(training, missing), examples_of({test.begin(), test.end()}, missing)};
}

}  // namespace dormouse::bench

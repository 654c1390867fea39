#include <algorithm>
#include <cstdio>
#include <set>

#include "engine/formats/csv.h"
#include "tests/bench/ladder/har_features.h"
#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::ptrdiff_t kRows = 128, kHop = 64;
constexpr int kActivities = 6;  // the others are transitions between postures

using Table = std::vector<std::vector<double>>;

Table read(const fs::path& path, std::int64_t columns) {
  const engine::Tensor rows = engine::read_csv(path.string()).rows;
  if (rows.shape()[1] != columns)
    throw Failure(Errc::corrupt, path.string() + ": expected " + std::to_string(columns) + " columns");
  Table table(static_cast<std::size_t>(rows.shape()[0]));
  auto value = rows.values<float>().begin();
  for (auto& row : table) {
    row.assign(value, value + columns);
    value += columns;
  }
  return table;
}

Axes columns_of(const Table& table) {
  Axes axes;
  for (std::size_t axis = 0; axis < 3; ++axis)
    for (const auto& row : table) axes[axis].push_back(row[axis]);
  return axes;
}

/// A whole recording: an experiment of one person.
struct Recording {
  Motion motion;

  Recording(const fs::path& folder, int experiment, int person) {
    char stem[32];
    std::snprintf(stem, sizeof(stem), "_exp%02d_user%02d.txt", experiment, person);
    motion.gyro = columns_of(read(folder / ("gyro" + std::string(stem)), 3));
    motion.body = columns_of(read(folder / ("acc" + std::string(stem)), 3));
    for (std::size_t axis = 0; axis < 3; ++axis) {
      motion.gravity[axis] = low_pass(motion.body[axis], 0.3, 50);
      std::ranges::transform(motion.body[axis], motion.gravity[axis], motion.body[axis].begin(),
                             std::minus());
    }
  }

  Motion window(std::ptrdiff_t start) const {
    const auto cut = [&](const Axes& axes) {
      Axes part;
      for (std::size_t axis = 0; axis < 3; ++axis)
        part[axis].assign(axes[axis].begin() + start, axes[axis].begin() + start + kRows);
      return part;
    };
    return {cut(motion.body), cut(motion.gravity), cut(motion.gyro)};
  }
};

class Collector {
 public:
  void add(const std::vector<float>& features, int activity, int person) {
    values_.insert(values_.end(), features.begin(), features.end());
    examples_.classes.push_back(static_cast<learning::ClassIndex>(activity - 1));
    examples_.groups.push_back(static_cast<std::uint32_t>(person));
  }

  Examples take() {
    examples_.inputs = engine::Tensor::from<float>(
        {static_cast<std::int64_t>(examples_.size()), std::int64_t{kMotionFeatures}}, values_);
    return std::move(examples_);
  }

 private:
  Examples examples_;
  std::vector<float> values_;
};

}  // namespace

DataSet prepare_activities(const fs::path& folder) {
  const fs::path raw = folder / "HAPT-Dataset/Raw-Data";
  std::set<double> training;
  for (const auto& row : read(folder / "UCI-HAR-Dataset/subject_train.txt", 1)) training.insert(row[0]);
  Collector train, test;
  std::optional<Recording> recording;
  int loaded = 0;
  for (const auto& row :
       read(raw / "labels.txt", 5)) {  // experiment, person, activity, first and last sample from 1
    const int experiment = static_cast<int>(row[0]), person = static_cast<int>(row[1]),
              activity = static_cast<int>(row[2]);
    if (activity > kActivities) continue;
    if (experiment != loaded) recording.emplace(raw, experiment, person);
    loaded = experiment;
    for (auto start = static_cast<std::ptrdiff_t>(row[3]) - 1;
         start + kRows <= static_cast<std::ptrdiff_t>(row[4]); start += kHop)
      (training.contains(row[1]) ? train : test)
          .add(motion_features(recording->window(start)), activity, person);
  }
  return {train.take(), test.take()};
}

}  // namespace dormouse::bench

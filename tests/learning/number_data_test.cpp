#include "learning/number_data.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "engine/formats/npy.h"
#include "learning/number_errors.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

std::string written(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.file(name)) << text;
  return folder.file(name);
}

std::vector<float> values(const Tensor& tensor) {
  const auto all = tensor.values<float>();
  return {all.begin(), all.end()};
}

constexpr const char* kTable =
    "day,x,torque,who,y,power\nmon,1,10,anna,2,20\ntue,3,30,ben,4,40\nwed,5,50,anna,6,60\n";

/// Rows 0, 1, 2, … of two channels, c and 100 + c.
std::string series(int rows) {
  std::ostringstream text;
  text << "date,a,b\n";
  for (int i = 0; i < rows; ++i) text << "day " << i << "," << i << "," << 100 + i << "\n";
  return text.str();
}

Dataset targets_of(std::vector<std::vector<float>> rows) {
  Dataset data;
  for (std::size_t i = 0; i < rows.front().size(); ++i) data.target_names.push_back(i == 0 ? "t0" : "t1");
  for (const auto& row : rows) {
    data.clips.emplace_back(engine::DType::f32, Shape{1, 1});
    data.targets.push_back(Tensor::from<float>(Shape{std::ssize(row)}, row));
    data.names.push_back("row");
  }
  return data;
}

}  // namespace

TEST_CASE("a table's columns are inputs, targets and groups", "[numbers]") {
  const TemporaryFolder folder;
  const std::string path = written(folder, "table.csv", kTable);
  const Dataset data = read_numbers(path, {{"y", "x"}, {"power", "torque"}, "who"});
  CHECK(data.input_names == std::vector<std::string>{"y", "x"});
  CHECK(data.target_names == std::vector<std::string>{"power", "torque"});
  CHECK(data.groups == std::vector<std::size_t>{0, 1, 0});
  CHECK(values(data.clip(1)) == std::vector<float>{4, 3});
  CHECK(data.clip(1).shape() == Shape{1, 2});
  CHECK(values(data.targets[2]) == std::vector<float>{60, 50});
  const std::string numbers = written(folder, "numbers.csv", "x,torque,y\n1,10,2\n3,30,4\n");
  CHECK(read_numbers(numbers, {{}, {"torque"}, ""}).input_names == std::vector<std::string>{"x", "y"});

  const auto refused = [&](const NumberColumns& columns, const std::string& file) {
    try {
      read_numbers(file, columns);
    } catch (const Failure& failure) {
      return failure.error().context;
    }
    return std::string("accepted");
  };
  CHECK_THAT(refused({{"x"}, {"speed"}, ""}, path),
             Catch::EndsWith("no column is called 'speed'; there are day, x, torque, who, y, power"));
  CHECK_THAT(refused({{}, {}, ""}, numbers), Catch::Contains("--label A,B; there are x, torque, y"));
  CHECK_THAT(refused({{"x", "y"}, {"y"}, ""}, numbers),
             Catch::EndsWith("'y' cannot be input and target both"));
  CHECK_THAT(refused({{}, {"torque"}, ""}, path),
             Catch::EndsWith(":2:1: expected a finite number, found 'mon'"));
  const std::string holes = written(folder, "holes.csv", "x,y\n1,2\n3,\n");
  CHECK_THAT(refused({{}, {"y"}, ""}, holes),
             Catch::EndsWith("holes.csv:3:3: expected a finite number, found ''"));
  CHECK_THAT(refused({{}, {"y"}, ""}, written(folder, "nan.csv", "x,y\n1,2\nnan,4\n")),
             Catch::EndsWith("nan.csv:3:1: expected a finite number, found 'nan'"));
}

TEST_CASE("a series becomes windows and what comes behind them", "[numbers]") {
  const TemporaryFolder folder;
  const std::string path = written(folder, "series.csv", series(20));
  const Dataset data = read_windows(path, {{"a", "b"}, {}, ""}, {.rows = 4, .horizon = 2, .stride = 3});
  REQUIRE(data.size() == 5);  // rows 0, 3, …, 12
  CHECK(values(data.clip(1)) == std::vector<float>{3, 103, 4, 104, 5, 105, 6, 106});
  CHECK(values(data.targets[1]) == std::vector<float>{7, 107, 8, 108});
  CHECK(data.moments[1].first == 7);
  CHECK(data.target_names == std::vector<std::string>{"a", "b"});
  const Dataset one = read_windows(path, {{"a", "b"}, {"b"}, ""}, {.rows = 4, .horizon = 2});
  CHECK(values(one.targets[0]) == std::vector<float>{104, 105});
  CHECK_THROWS_WITH(read_windows(path, {{"a"}, {}, ""}, {.rows = 18, .horizon = 3}),
                    Catch::Contains("20 rows are too few for a window of 18 and the 3 rows"));
  CHECK_THROWS_WITH(read_windows(path, {}, {.rows = 4, .horizon = 2}), Catch::Contains("found 'day 0'"));

  // A folder of arrays: series of their own.
  std::filesystem::create_directories(folder / "runs");
  Tensor run = Tensor::from<float>(Shape{6, 1}, std::vector<float>{0, 1, 2, 3, 4, 5});
  engine::write_npy((folder / "runs" / "a.npy").string(), run);
  engine::write_npy((folder / "runs" / "b.npy").string(), run);
  const Dataset runs = read_windows(folder / "runs", {}, {.rows = 3, .horizon = 1});
  CHECK(runs.size() == 6);
  CHECK((runs.moments[2].series == 0 && runs.moments[3].series == 1));
  run.mutable_values<float>()[4] = std::numeric_limits<float>::quiet_NaN();
  engine::write_npy((folder / "runs" / "b.npy").string(), run);
  CHECK_THROWS_WITH(read_windows(folder / "runs", {}, {.rows = 3, .horizon = 1}),
                    Catch::Contains("b.npy: the array: row 5, number 1 is not finite"));
}

TEST_CASE("series are split by time, and no row is foretold in two parts", "[numbers]") {
  const TemporaryFolder folder;
  const std::string path = written(folder, "series.csv", series(100));
  const Dataset data = read_windows(path, {{"a"}, {}, ""}, {.rows = 10, .horizon = 5});
  const Split parts = split(data, {.heldout = 0.2, .test = 0.1});
  CHECK(data.moments[parts.train.back()].last == 70);
  CHECK(data.moments[parts.heldout.front()].first == 70);
  CHECK(data.moments[parts.heldout.back()].last == 90);
  CHECK(data.moments[parts.test.front()].first == 90);
  CHECK(data.moments[parts.test.back()].last == 100);
  CHECK(parts.train.size() + parts.heldout.size() + parts.test.size() == data.size() - 2 * 4);
  CHECK_THROWS_WITH(split(data, {.heldout = 0.04}),
                    Catch::Contains("held-out part") && Catch::Contains("100 rows"));
}

TEST_CASE("targets are learnt in deviations, each moment counted once", "[numbers]") {
  const TemporaryFolder folder;
  const std::string path = written(folder, "series.csv", series(12));
  const Dataset data = read_windows(path, {{"a", "b"}, {}, ""}, {.rows = 2, .horizon = 3});
  Rows rows(data.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
  const NumberModel scale = measure_targets(data, rows);  // of rows 2 to 11
  CHECK(scale.mean[0] == Approx(6.5));
  CHECK(scale.mean[1] == Approx(106.5));
  CHECK(scale.deviation[1] == Approx(std::sqrt(8.25)));
  CHECK(values(target_rows(data, rows, &scale))[1] == Approx(-4.5 / std::sqrt(8.25)).epsilon(1e-4));
  CHECK_THROWS_WITH(measure_targets(targets_of({{1, 7}, {2, 7}}), {0, 1}),
                    Catch::Contains("'t1' is always 7.0") && Catch::Contains("nothing to learn"));
  // Far from zero: what is left after subtraction is not noise.
  CHECK(measure_targets(targets_of({{1e6f}, {1e6f + 1}}), {0, 1}).deviation[0] == Approx(0.5));
}

TEST_CASE("errors of numbers are those of their definitions", "[numbers]") {
  NumberErrors errors({2, 10}, 2);
  errors.add(std::vector<float>{1, 10, 2, 20, 3, 30, 4, 40},
             std::vector<float>{2, 10, 4, 30, 3, 10, 1, 50});  // two examples at once
  CHECK(errors.mae(0) == Approx((1 + 2 + 0 + 3) / 4.0));
  CHECK(errors.rmse(1) == Approx(std::sqrt((0 + 100 + 400 + 100) / 4.0)));
  CHECK(errors.r2(0) == Approx(1 - (1 + 4 + 0 + 9) / (4 + 16 + 9 + 1 - 4 * 2.5 * 2.5)));
  CHECK(errors.mae_at(0) == Approx((0.5 + 0 + 0 + 2) / 4));
  CHECK(errors.mse_at(1) == Approx((1 + 1 + 2.25 + 1) / 4));
  CHECK(errors.mae() == Approx((errors.mae_at(0) + errors.mae_at(1)) / 2));
  NumberErrors constant({1});
  constant.add(std::vector<float>{1}, std::vector<float>{5});
  CHECK(std::isnan(constant.r2()));
}

#include "tests/bench/ladder/tasks.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/bench/ladder/small_data.h"

using namespace dormouse::bench;

namespace {

std::set<std::uint32_t> classes_of(const Selection& selection) {
  const auto all = selection.range(0, selection.size());
  return {all.classes.begin(), all.classes.end()};
}

std::set<std::uint32_t> groups_of(const Selection& selection) {
  std::set<std::uint32_t> groups;
  for (std::size_t i = 0; i < selection.size(); ++i) groups.insert(selection.group(i));
  return groups;
}

std::vector<float> first_values(const Selection& selection) {
  const auto all = selection.range(0, selection.size());
  std::vector<float> values;
  for (std::size_t i = 0; i < all.size(); ++i) values.push_back(all.row(i)[0]);
  return values;
}

}  // namespace

TEST_CASE("two classes a task are every example once, in order of class", "[ladder]") {
  const DataSet data{small_examples(6, 2, 5, 0), small_examples(6, 2, 3, 0)};
  const Stream stream = two_classes_a_task(data, 1);
  REQUIRE(stream.tasks.size() == 3);
  CHECK(stream.classes == 6);
  for (std::uint32_t t = 0; t < 3; ++t) {
    CHECK(classes_of(stream.tasks[t].train) == std::set{2 * t, 2 * t + 1});
    CHECK(classes_of(stream.tasks[t].test) == std::set{2 * t, 2 * t + 1});
    CHECK(stream.tasks[t].train.size() == 20);
    CHECK(stream.tasks[t].test.size() == 12);
  }
}

TEST_CASE("features are scaled to mean 0 and deviation 1 over the training examples", "[ladder]") {
  const DataSet data{small_examples(2, 1, 50, 7), small_examples(2, 1, 5, 900)};
  const auto values = first_values(two_classes_a_task(data, 1).tasks.front().train);
  double sum = 0, squares = 0;
  for (const float x : values) sum += x, squares += double(x) * x;
  CHECK(sum / 100 == Approx(0).margin(1e-5));
  CHECK(squares / 100 == Approx(1).epsilon(1e-4));
}

TEST_CASE("parity tells even from odd digits", "[ladder]") {
  const DataSet data{small_images(10, 4), small_images(10, 4)};
  const Stream stream = parity(data, 1);
  REQUIRE(stream.tasks.size() == 5);
  CHECK(stream.classes == 2);
  const auto last = stream.tasks.back().test.range(0, 2);
  CHECK(last.classes == std::vector<dormouse::learning::ClassIndex>{0, 1});
  CHECK(last.row(1)[0] == Approx(9 * 16 / 255.0));
}

TEST_CASE("a permuted task keeps every pixel, and orders test images as it does training images",
          "[ladder]") {
  const DataSet data{small_images(10, 16), small_images(10, 16)};
  const Stream stream = permuted(data, 3), other = permuted(data, 4);
  REQUIRE(stream.tasks.size() == 10);
  std::set<std::vector<float>> orders;
  for (const Task& task : stream.tasks) {
    const auto train = task.train.range(2, 1), test = task.test.range(2, 1);
    std::vector<float> pixels(train.row(0).begin(), train.row(0).end());
    CHECK(std::ranges::equal(pixels, test.row(0)));
    orders.insert(pixels);
    std::ranges::sort(pixels);
    for (std::size_t i = 0; i < 16; ++i) CHECK(pixels[i] == Approx((32 + double(i)) / 255));
  }
  CHECK(orders.size() == 10);
  CHECK_FALSE(
      std::ranges::equal(stream.tasks[0].train.range(0, 1).row(0), other.tasks[0].train.range(0, 1).row(0)));
}

TEST_CASE("people come three a task, and none is tested on a window that neighbours training", "[ladder]") {
  const DataSet data{small_examples(2, 9, 20, 0), small_examples(2, 1, 1, 0)};
  const Stream stream = three_people_a_task(data, 5);
  REQUIRE(stream.tasks.size() == 3);
  std::set<std::uint32_t> met;
  for (const Task& task : stream.tasks) {
    CHECK(task.train.size() == 3 * 2 * 14);
    CHECK(task.test.size() == 3 * 2 * 5);  // 20 windows: 14 train, one is dropped
    CHECK(groups_of(task.train) == groups_of(task.test));
    met.merge(groups_of(task.train));
    const auto train = first_values(task.train), test = first_values(task.test);
    const double window =
        (train[1] - train[0]) * 1.5;  // values count windows, so neighbours differ by two thirds of this
    for (const float x : test)
      CHECK(std::ranges::none_of(train, [&](float y) { return x > y && double(x) - y < window; }));
  }
  CHECK(met.size() == 9);
}

TEST_CASE("speakers come one a task, each tested on their own recordings", "[ladder]") {
  const DataSet data{small_examples(3, 4, 6, 0), small_examples(3, 4, 2, 0)};
  const Stream stream = one_speaker_a_task(data, 2);
  REQUIRE(stream.tasks.size() == 4);
  std::set<std::uint32_t> met;
  for (const Task& task : stream.tasks) {
    CHECK(groups_of(task.train).size() == 1);
    CHECK(groups_of(task.train) == groups_of(task.test));
    CHECK(task.test.size() == 6);
    met.merge(groups_of(task.test));
  }
  CHECK(met.size() == 4);
}

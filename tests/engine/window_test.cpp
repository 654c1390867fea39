#include "engine/window.h"

#include <catch2/catch.hpp>

using namespace dormouse;
using namespace dormouse::engine;

TEST_CASE("channels are found whichever axis they stand on", "[window]") {
  CHECK(window_shape({kDynamic, 6, 128}, 6).rows == 128);
  CHECK(window_shape({kDynamic, 128, 6}, 6).rows == 128);
  CHECK(window_shape({kDynamic, 8000}, 1).rows == 8000);
  CHECK(window_shape({kDynamic, 1, 8000}, 1).rows == 8000);
  CHECK_THROWS_AS(window_shape({kDynamic, 5, 128}, 6), Failure);
  CHECK_THROWS_AS(window_shape({kDynamic, 6, 10, 10}, 6), Failure);
}

TEST_CASE("a short clip is normalised, laid out channel by channel and padded with the mean", "[window]") {
  const WindowShape shape = window_shape({kDynamic, 2, 3}, 2);
  const InputNormaliser normaliser{{10, 0}, {2, 1}};
  const Tensor clip = Tensor::from<float>({2, 2}, {12, 1, 8, 2});
  const Tensor input = window_input(clip, shape, normaliser);
  CHECK(input.shape() == Shape{1, 2, 3});
  const std::vector<float> got(input.values<float>().begin(), input.values<float>().end());
  CHECK(got == std::vector<float>{1, -1, 0, 1, 2, 0});
}

TEST_CASE("a recording is rows of a flat input, or a window of as many channels as it has columns",
          "[window]") {
  const InputNormaliser normaliser{{1, 2}, {1, 2}};
  const auto values = [](const Tensor& tensor) {
    return std::vector<float>(tensor.values<float>().begin(), tensor.values<float>().end());
  };
  const Tensor table = Tensor::from<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor rows = recording_input(table, {kDynamic, 4}, normaliser);
  CHECK(rows.shape() == Shape{2, 4});
  CHECK(values(rows) == std::vector<float>{0, 0, 2, 1, 4, 2, 6, 3});
  const Tensor window = recording_input(table.reshaped({4, 2}), {kDynamic, 6}, normaliser);
  CHECK(window.shape() == Shape{1, 6});
  CHECK(values(window) == std::vector<float>{0, 0, 2, 1, 4, 2});
  CHECK(recording_input(table.reshaped({4, 2}), {kDynamic, 3, 2}, {}).shape() == Shape{1, 3, 2});
  CHECK(values(recording_input(table.reshaped({8, 1}), {kDynamic, 8}, normaliser))[7] == 3);
  CHECK_THROWS_WITH(recording_input(Tensor(DType::f32, {4, 3}), {kDynamic, 6}, normaliser),
                    Catch::Contains("give a whole window, 2 columns, or rows of 6"));
  CHECK_THROWS_WITH(recording_input(Tensor(DType::f32, {2, 3}), {kDynamic, 6}, normaliser),
                    Catch::Contains("3 columns, and the model was trained on 2"));
  CHECK_THROWS_WITH(window_input(Tensor(DType::f32, {3, 1}), window_shape({kDynamic, 8}, 1), normaliser),
                    Catch::Contains("1 channels, and the model was trained on 2"));
  CHECK_THROWS_AS(recording_input(table, {kDynamic, 3}, {}), Failure);
  CHECK_THROWS_AS(recording_input(Tensor(DType::f32, {1, 0}), {kDynamic, 8}, {}), Failure);
  // Two columns of a flat input of one channel are half as long, mixed: refused.
  CHECK_THROWS_WITH(recording_input(Tensor(DType::f32, {5, 2}), {kDynamic, 8}, {{1}, {2}}),
                    Catch::Contains("give a whole window, 1 column, or rows of 8"));
  CHECK(recording_input(Tensor(DType::f32, {4, 2}), {kDynamic, 8}, {{1}, {2}}).shape() == Shape{1, 8});
  // Where every element was measured a shorter one is normalised as far as it goes.
  const InputNormaliser each{{1, 2, 3, 4}, {1, 1, 1, 1}};
  CHECK(values(recording_input(Tensor::from<float>({2, 1}, {5, 5}), {kDynamic, 4}, each)) ==
        std::vector<float>{4, 3, 0, 0});
  CHECK(takes_recording({kDynamic, 8}, 8));
  CHECK(takes_recording({kDynamic, 8}, 2));
  CHECK_FALSE(takes_recording({kDynamic, 8}, 3));
  CHECK_FALSE(takes_recording({kDynamic, kDynamic}, 3));
  CHECK(takes_recording({kDynamic, 6, 128}, 6));
  CHECK_FALSE(takes_recording({kDynamic, 3, 32, 32}, 3));
}

TEST_CASE("a long clip is cut to the window", "[window]") {
  const Tensor input = window_input(Tensor(DType::f32, {9, 1}), window_shape({kDynamic, 4}, 1), {});
  CHECK(input.shape() == Shape{1, 4});
}

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

TEST_CASE("a long clip is cut to the window", "[window]") {
  const Tensor input = window_input(Tensor(DType::f32, {9, 1}), window_shape({kDynamic, 4}, 1), {});
  CHECK(input.shape() == Shape{1, 4});
}

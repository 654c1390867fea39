#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "capi/dormouse.h"
#include "tests/engine/onnx_builder.h"

/// What the tests of the library share: handles that free themselves, and a small model.
namespace dormouse::capi {

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* handle) const {
    free(handle);
  }
};
using Options = std::unique_ptr<dormouse_options, Freed<dormouse_options_free>>;
using Model = std::unique_ptr<dormouse_model, Freed<dormouse_model_free>>;
using Result = std::unique_ptr<dormouse_result, Freed<dormouse_result_free>>;

inline Options options() { return Options(dormouse_options_new()); }

/// From memory that outlives the model.
inline Model load(const std::string& bytes, const dormouse_options* options = nullptr) {
  dormouse_error error;
  dormouse_model* model = nullptr;
  const dormouse_status status = dormouse_load_memory(bytes.data(), bytes.size(), options, &model, &error);
  INFO(error.message);
  REQUIRE(status == DORMOUSE_OK);
  return Model(model);
}

/// x f32 [?, 3] → y = x · w + 1, z = relu(x).
inline std::string small_model() {
  using namespace engine::onnx_builder;
  return model(input("x", {-1, 3}) + output("y") + output("z") +
               initialiser(floats("w", {3, 2}, {1, 2, 3, 4, 5, 6})) + initialiser(floats("b", {2}, {1, 1})) +
               node("Gemm", {"x", "w", "b"}, {"y"}) + node("Relu", {"x"}, {"z"}));
}

/// An input with the slack behind it that lets it be read in place.
template <std::size_t rows>
struct Rows {
  alignas(64) std::array<float, rows * 3 + DORMOUSE_READ_SLACK / sizeof(float)> values{};
  std::array<int64_t, 2> shape{rows, 3};
  dormouse_tensor tensor() { return {DORMOUSE_F32, 2, shape.data(), values.data(), sizeof values}; }
};

inline const float* floats_of(const dormouse_result& result, std::size_t output) {
  return static_cast<const float*>(dormouse_result_output(&result, output)->data);
}

/// Says how a call failed, and checks that it says the same in both ways.
template <class Call>
std::string refusal(dormouse_status expected, Call call) {
  dormouse_error error{DORMOUSE_OK, "untouched"};
  CHECK(call(&error) == expected);
  CHECK(call(nullptr) == expected);
  CHECK(error.code == expected);
  return error.message;
}

}  // namespace dormouse::capi

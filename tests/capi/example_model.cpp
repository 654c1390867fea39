#include <array>
#include <fstream>
#include <iostream>
#include <vector>

#include "tests/engine/onnx_builder.h"

namespace {

using namespace dormouse::engine::onnx_builder;

constexpr std::size_t kFeatures = 16, kClasses = 10;

template <class T>
std::string raw_of(const T& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]};
}

/// x [?, 16] → the first ten features, as scores.
std::string classifier() {
  std::array<float, kFeatures * kClasses> weights{};
  for (std::size_t i = 0; i < kClasses; ++i) weights[i * kClasses + i] = 1;
  return model(input("x", {-1, kFeatures}) + output("scores") +
               initialiser(tensor("w", kFloat, {kFeatures, kClasses}, bytes(9, raw_of(weights)))) +
               node("MatMul", {"x", "w"}, {"scores"}));
}

constexpr std::array<float, kFeatures> kInput{0.5f,  -1,     0, 0.9f, 0, 0.25f, -2, 0,
                                              0.75f, 0.125f, 7, 7,    7, 7,     7,  7};

}  // namespace

/// Writes the model and the input that the examples are tested on.
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::ofstream(argv[1], std::ios::binary) << classifier();
  std::ofstream(argv[2], std::ios::binary) << raw_of(kInput);
  return 0;
}

#include "tests/drivers/network_samples.h"

#include <string>

namespace dormouse::drivers {

using namespace engine;
using Integers = std::vector<std::int64_t>;

Attributes sliding(Integers strides, Integers pads, Integers dilations, std::int64_t group) {
  return {{"strides", strides}, {"pads", pads}, {"dilations", dilations}, {"group", group}};
}

Attributes pool(Integers kernel, Integers strides, Integers pads) {
  return {{"kernel_shape", kernel}, {"strides", strides}, {"pads", pads}};
}

Attributes ceil_pool(Integers kernel, Integers strides, Integers pads) {
  Attributes attributes = pool(kernel, strides, pads);
  attributes.set("ceil_mode", std::int64_t{1});
  return attributes;
}

static Attributes axes(Integers values, std::int64_t keep) { return {{"axes", values}, {"keepdims", keep}}; }

const std::vector<Named>& network_samples() {
  static const std::vector<Named> samples{
      {"Conv", {.shapes = {{2, 3, 9, 11}, {8, 3, 3, 3}, {8}}}},
      {"Conv",
       {.shapes = {{1, 3, 9, 11}, {8, 3, 3, 5}}, .attributes = sliding({2, 1}, {1, 0, 2, 3}, {1, 2}, 1)}},
      {"Conv",
       {.shapes = {{2, 6, 7, 7}, {4, 3, 3, 3}, {4}}, .attributes = sliding({1, 1}, {1, 1, 1, 1}, {1, 1}, 2)}},
      {"Conv",
       {.shapes = {{2, 6, 7, 7}, {6, 1, 3, 3}, {6}}, .attributes = sliding({2, 2}, {1, 1, 1, 1}, {1, 1}, 6)}},
      {"Conv",
       {.shapes = {{1, 4, 7, 7}, {12, 1, 5, 5}}, .attributes = sliding({1, 1}, {2, 2, 2, 2}, {1, 1}, 4)}},
      {"Conv",
       {.shapes = {{2, 50, 5, 9}, {50, 1, 3, 3}, {50}},
        .attributes = sliding({1, 1}, {1, 1, 1, 1}, {1, 1}, 50)}},
      {"Conv",
       {.shapes = {{1, 35, 8, 8}, {35, 1, 3, 3}, {35}},
        .attributes = sliding({2, 2}, {0, 1, 1, 0}, {1, 1}, 35)}},
      {"Conv",
       {.shapes = {{1, 17, 9, 6}, {17, 1, 3, 2}, {17}},
        .attributes = sliding({1, 1}, {1, 0, 1, 1}, {1, 1}, 17)}},
      {"Conv", {.shapes = {{1, 5, 6, 6}, {7, 5, 1, 1}, {7}}}},
      {"Conv", {.shapes = {{1, 6, 5, 7}, {48, 6, 1, 1}, {48}}}},
      {"Conv",
       {.shapes = {{1, 6, 5, 7}, {16, 6, 3, 3}, {16}},
        .attributes = sliding({1, 1}, {1, 1, 1, 1}, {1, 1}, 1)}},
      {"Conv", {.shapes = {{2, 1, 40}, {16, 1, 7}, {16}}, .attributes = sliding({2}, {3, 3}, {1}, 1)}},
      {"Conv", {.shapes = {{1, 8, 33}, {8, 1, 5}, {8}}, .attributes = sliding({1}, {4, 0}, {1}, 8)}},
      {"Conv",
       {.shapes = {{1, 3, 8, 9}, {4, 3, 3, 2}}, .attributes = {{"auto_pad", std::string("SAME_LOWER")}}}},
      {"MaxPool", {.shapes = {{2, 5, 8, 8}}, .attributes = pool({2, 2}, {2, 2}, {0, 0, 0, 0})}},
      {"MaxPool",
       {.shapes = {{1, 3, 9, 7}}, .attributes = pool({3, 3}, {2, 1}, {1, 1, 1, 1}), .low = -5, .high = -1}},
      {"MaxPool", {.shapes = {{1, 3, 8, 9}}, .attributes = ceil_pool({3, 3}, {2, 2}, {0, 1, 0, 1})}},
      {"AveragePool", {.shapes = {{2, 3, 10, 8}}, .attributes = ceil_pool({3, 3}, {2, 2}, {1, 0, 1, 0})}},
      {"MaxPool", {.shapes = {{2, 3, 30}}, .attributes = pool({4}, {4}, {0, 0})}},
      {"MaxPool", {.shapes = {{2, 35, 9, 8}}, .attributes = pool({3, 4}, {2, 2}, {0, 0, 0, 0})}},
      {"MaxPool", {.shapes = {{1, 16, 12, 12}}, .attributes = pool({5, 5}, {1, 1}, {2, 2, 2, 2})}},
      {"GlobalAveragePool", {.shapes = {{2, 10, 7, 5}}}},
      {"GlobalAveragePool", {.shapes = {{2, 10, 31}}}},
      {"AveragePool", {.shapes = {{2, 3, 9, 9}}, .attributes = pool({3, 3}, {2, 2}, {1, 1, 1, 1})}},
      {"AveragePool", {.shapes = {{2, 3, 20}}, .attributes = pool({5}, {3}, {0, 0})}},
      {"ReduceMean", {.shapes = {{2, 3, 4, 5}}, .attributes = axes({2, 3}, 0)}},
      {"ReduceMean", {.shapes = {{2, 3, 4, 5}}, .attributes = axes({1}, 1)}},
      {"ReduceSum", {.shapes = {{4, 5, 6}}, .fixed = {{1, Tensor::from<std::int64_t>({2}, {-1, 0})}}}},
      {"Add", {.shapes = {{2, 8, 5, 5}, {8, 1, 1}}}},
      {"Mul", {.shapes = {{2, 8, 5, 5}, {2, 8, 1, 1}}}},
      {"Sub", {.shapes = {{1, 8}, {7, 1}}}},
      {"Div", {.shapes = {{5, 40}, {40}}, .low = 0.5, .high = 3}},
      {"Max", {.shapes = {{3, 4}, {4}, {3, 1}}}},
      {"Gemm", {.shapes = {{7, 65}, {65, 33}, {33}}}},
      {"Gemm", {.shapes = {{7, 700}, {700, 33}, {33}}, .low = -0.3, .high = 0.3}},  // long sums
      {"Gemm", {.shapes = {{7, 65}, {33, 65}, {33}}, .attributes = {{"transB", std::int64_t{1}}}}},
      {"Gemm",
       {.shapes = {{65, 7}, {65, 33}, {7, 1}}, .attributes = {{"transA", std::int64_t{1}}, {"beta", 0.5f}}}},
      {"MatMul", {.shapes = {{2, 3, 17, 9}, {9, 12}}}},
      {"MatMul", {.shapes = {{2, 1, 17, 9}, {3, 9, 12}}}},
      {"Softmax", {.shapes = {{2, 3, 100}}, .low = -20, .high = 20}},
      {"ScaledDotProductAttention",
       {.shapes = {{2, 3, 40, 16}, {2, 3, 50, 16}, {2, 3, 50, 24}}, .attributes = {{"scale", 0.25f}}}},
      {"ScaledDotProductAttention",
       {.shapes = {{1, 3, 40, 16}, {1, 3, 40, 16}, {1, 3, 40, 16}, {40, 40}},
        .attributes = {{"scale", 0.25f}}}},
      {"ScaledDotProductAttention",
       {.shapes = {{2, 3, 40, 16}, {2, 3, 40, 16}, {2, 3, 40, 16}, {2, 1, 1, 40}}}},
      {"ScaledDotProductAttention", {.shapes = {{3, 200, 16}, {3, 300, 16}, {3, 300, 16}, {300}}}},
      {"Sigmoid", {.shapes = {{3, 99}}, .low = -30, .high = 30}},
      {"Tanh", {.shapes = {{3, 99}}, .low = -10, .high = 10}},
      {"Log", {.shapes = {{3, 99}}, .low = 1e-6, .high = 50}},
      {"Transpose", {.shapes = {{2, 3, 4, 5}}, .attributes = {{"perm", Integers{0, 3, 1, 2}}}}},
      {"BatchNormalization", {.shapes = {{2, 9, 5, 4}, {9}, {9}, {9}, {9}}, .low = 0.5}},
      {"LayerNormalization", {.shapes = {{3, 7, 40}, {40}, {40}}}},
      {"HardSwish", {.shapes = {{2, 6, 5, 5}}, .low = -5, .high = 5}},
      {"HardSigmoid", {.shapes = {{2, 99}}, .low = -5, .high = 5}},
      {"Gelu", {.shapes = {{2, 99}}, .low = -6, .high = 6}},
      {"Gelu",
       {.shapes = {{2, 99}}, .attributes = {{"approximate", std::string("tanh")}}, .low = -6, .high = 6}},
      {"PRelu", {.shapes = {{2, 6, 5, 5}, {6, 1, 1}}}},
      {"Pow", {.shapes = {{3, 50}, {}}, .fixed = {{1, Tensor::scalar(2.0f)}}}},
      {"Pow", {.shapes = {{3, 50}, {1}}, .low = 0.1, .fixed = {{1, Tensor::from<float>({1}, {0.5f})}}}},
      {"GlobalMaxPool", {.shapes = {{2, 10, 31}}}},
      {"GlobalMaxPool", {.shapes = {{2, 10, 7, 5}}}},
      {"Pad",
       {.shapes = {{1, 3, 5, 4}, {8}}, .fixed = {{1, row_of<std::int64_t>({0, 0, 1, 2, 0, 0, 3, 0})}}}},
      {"Slice",
       {.shapes = {{2, 6, 5}, {2}, {2}, {2}},
        .fixed = {{1, row_of<std::int64_t>({1, -4})},
                  {2, row_of<std::int64_t>({99, -1})},
                  {3, row_of<std::int64_t>({1, 2})}}}},
      {"Split", {.shapes = {{2, 8, 5}}, .attributes = {{"axis", std::int64_t{1}}}}},
      {"Conv", {.shapes = {{1, 130, 6, 6}, {340, 130, 3, 3}, {340}}, .low = -0.1, .high = 0.1}},
      {"Concat",
       {.shapes = {{1, 3}, {1, 1}, {1, 2}, {1, 4}, {1, 1}, {1, 5}, {1, 2}},
        .attributes = {{"axis", std::int64_t{1}}}}},
      {"Resize",
       {.shapes = {{2, 3, 4, 5}, {0}, {4}},
        .attributes = {{"coordinate_transformation_mode", std::string("asymmetric")},
                       {"nearest_mode", std::string("floor")}},
        .fixed = {{1, Tensor(DType::f32, {0})}, {2, row_of<float>({1, 1, 2, 3})}}}},
      {"Resize",
       {.shapes = {{1, 3, 4, 5}, {0}, {0}, {4}},
        .attributes = {{"mode", std::string("linear")}},
        .fixed = {{1, Tensor(DType::f32, {0})},
                  {2, Tensor(DType::f32, {0})},
                  {3, row_of<std::int64_t>({1, 3, 7, 9})}}}},
      {"Concat", {.shapes = {{2, 3, 4}, {2, 1, 4}, {2, 2, 4}}, .attributes = {{"axis", std::int64_t{-2}}}}},
  };
  return samples;
}

const Op* named(std::string_view op) {
  const Op* const standard = find_op("", op);
  return standard ? standard : find_op("dormouse", op);
}

}  // namespace dormouse::drivers

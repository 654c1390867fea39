// What operators must refuse, and that they say why.

#include <catch2/catch.hpp>

#include "engine/graph.h"
#include "engine/op.h"

namespace dormouse::engine {
namespace {

using Integers = std::vector<std::int64_t>;

struct Refusal {
  std::string_view name;
  std::vector<Shape> shapes;
  Attributes attributes;
  std::string says;
};

std::string refusal(const Refusal& given) {
  Graph graph;
  std::vector<ValueId> ids;
  for (const Shape& shape : given.shapes) ids.push_back(graph.add_input("x", DType::f32, shape));
  try {
    graph.add_node(*find_op("", given.name), ids, given.attributes, {""}, "n");
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("bad input is refused with what is wrong", "[conformance]") {
  const std::vector<Refusal> refusals{
      {"MatMul", {{2, 3}, {4, 5}}, {}, "inner dimensions differ"},
      {"MatMul", {{}, {4, 5}}, {}, "scalars have no matrix product"},
      {"Gemm", {{2, 3}, {3, 4}, {5}}, {}, "C does not broadcast"},
      {"Conv", {{1, 3, 8}, {4, 2, 3}}, {}, "input channels"},
      {"Conv", {{1, 3, 8}, {4, 3, 9}}, {}, "larger than the padded input"},
      {"Conv", {{1, 3, 8}, {4, 3, 3}}, {{"strides", Integers{0}}}, "strides"},
      {"Conv", {{1, 3, 8}, {4, 3, 3}}, {{"pads", Integers{-1, 0}}}, "pads"},
      {"Conv", {{1, 4, 8}, {4, 2, 3}}, {{"group", std::int64_t{3}}}, "group"},
      {"Conv", {{1, 3, 8}, {4, 3, 3}}, {{"auto_pad", std::string("MIRROR")}}, "auto_pad"},
      {"MaxPool", {{1, 3, 8}}, {}, "kernel_shape is missing"},
      {"MaxPool", {{1, 3, 8}}, {{"kernel_shape", Integers{2, 2}}}, "spatial dimensions"},
      {"Transpose", {{2, 3}}, {{"perm", Integers{0, 0}}}, "named twice"},
      {"Transpose", {{2, 3}}, {{"perm", Integers{0}}}, "perm"},
      {"Squeeze", {{2, 3}}, {{"axes", Integers{0}}}, "not 1"},
      {"Unsqueeze", {{2, 3}}, {{"axes", Integers{5}}}, "axis 5"},
      {"Softmax", {{2, 3}}, {{"axis", std::int64_t{2}}}, "axis 2"},
      {"Flatten", {{2, 3}}, {{"axis", std::int64_t{3}}}, "axis"},
      {"Cast", {{2}}, {{"to", std::int64_t{8}}}, "element type"},
      {"Softmax", {{2, 3}}, {{"axis", 1.0f}}, "axis"},
      {"Concat", {{2, 3}, {3, 2}}, {{"axis", std::int64_t{0}}}, "differ off the axis"},
      {"Slice", {{4}}, {{"starts", Integers{0, 0}}, {"ends", Integers{1, 1}}}, "more starts than dimensions"},
      {"Split", {{4}}, {{"split", Integers{1, 2}}}, "one length per output"},
      {"LayerNormalization", {{2, 4}, {3}}, {}, "normalised axes"},
      {"BatchNormalization", {{2, 4}, {3}, {4}, {4}, {4}}, {}, "per channel"},
      {"ArgMax", {{0, 2}}, {}, "no elements"},
      {"Pad", {{2}}, {{"pads", Integers{1}}}, "two entries"},
      {"Pad", {{2}}, {{"pads", Integers{1, 1}}, {"mode", std::string("mirror")}}, "mode mirror"},
      {"Resize", {{1, 1, 4, 4}}, {}, "either scales or sizes"},
      {"Resize", {{1, 1, 4, 4}}, {{"mode", std::string("lanczos")}}, "mode lanczos"},
      {"ConvTranspose", {{1, 3, 8}, {4, 3, 3}}, {}, "differ in input channels"},
      {"ConvTranspose", {{1, 4, 8}, {4, 3, 3}}, {{"pads", Integers{9, 9}}}, "cut off more"},
      {"ConvTranspose", {{1, 4, 8}, {4, 3, 3}}, {{"output_shape", Integers{0}}}, "output_shape"},
      {"DepthToSpace", {{1, 6, 2, 2}}, {{"blocksize", std::int64_t{2}}}, "not a multiple"},
      {"SpaceToDepth", {{1, 6, 3, 2}}, {{"blocksize", std::int64_t{2}}}, "not a multiple"},
      {"GatherElements", {{2, 3}, {2, 3}}, {}, "indices of i64 or i32"},
      {"Trilu", {{3}}, {}, "expects matrices"},
      {"EyeLike", {{3}}, {}, "expects a matrix"},
      {"GroupNormalization", {{2, 6, 4}, {6}, {6}}, {{"num_groups", std::int64_t{4}}}, "does not divide"},
      {"InstanceNormalization", {{2, 6, 4}, {5}, {5}}, {}, "per channel"},
      {"LRN", {{2, 6, 4}}, {}, "size is missing"},
      {"LpNormalization", {{2, 6}}, {{"p", std::int64_t{3}}}, "neither 1 nor 2"},
      {"GridSample", {{1, 1, 4, 4, 4}, {1, 2, 2, 2, 3}}, {}, "volumes"},
      {"GridSample", {{1, 1, 4, 4}, {2, 2, 2, 2}}, {}, "differ in batch"},
      {"QuantizeLinear", {{2, 3}, {2}}, {}, "neither one element nor one for each"},
      {"QuantizeLinear", {{2, 3}, {}}, {{"block_size", std::int64_t{2}}}, "scales by block"},
      {"MatMulInteger", {{2, 3}, {3, 2}}, {}, "not of i8 or u8"},
      {"Det", {{2, 3}}, {}, "not square"},
      {"Einsum", {{2, 3}}, {{"equation", std::string("i1->i")}}, "'1' is not a letter"},
      {"Einsum", {{2, 3}}, {{"equation", std::string("ij->ik")}}, "what no operand has"},
      {"Einsum", {{2, 3}}, {{"equation", std::string("ij->ii")}}, "a letter twice"},
      {"Einsum", {{2, 3}}, {{"equation", std::string("ijk->i")}}, "has not the rank of its term"},
      {"Einsum", {{2, 3}, {4, 2}}, {{"equation", std::string("ij,jk")}}, "dimensions of one label differ"},
      {"Einsum", {{2, 3}}, {{"equation", std::string("ij,jk")}}, "2 operands"},
      {"And", {{2}, {2}}, {}, "expects bool"},
      {"BitShift", {{2}, {2}}, {}, "LEFT nor RIGHT"},
      {"Dropout", {{2}, {3}}, {}, "scalars"},
      {"Elu", {{2}}, {{"alpha", std::int64_t{1}}}, "alpha"},
      {"Gelu", {{2}}, {{"approximate", std::string("erf")}}, "approximate"},
      {"Mod", {{2}, {2}}, {}, "fmod = 1"},
      {"NegativeLogLikelihoodLoss", {{2, 3}, {2}}, {}, "labels are expected as i64"},
      {"PRelu", {{2, 3}, {5, 2, 3}}, {}, "slopes do not broadcast"},
      {"SoftmaxCrossEntropyLoss", {{2, 3}, {2}}, {{"reduction", std::string("max")}}, "reduction"},
      {"Add", {{1 << 20, 1}, {1, 1 << 20}}, {}, "2^30"},
  };
  for (const Refusal& given : refusals) {
    INFO(given.name << ": " << given.says);
    CHECK_THAT(refusal(given), Catch::Contains(given.says));
  }
}

TEST_CASE("what no kernel would read is refused", "[conformance]") {
  Graph graph;
  const ValueId x = graph.add_input("x", DType::f32, Shape{2}), ratio = graph.add_input("r", DType::f16, {});
  CHECK_THROWS_WITH(graph.add_node(*find_op("", "Dropout"), {x, ratio}), Catch::Contains("half precision"));
}

}  // namespace dormouse::engine

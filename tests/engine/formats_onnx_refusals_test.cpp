#include <catch2/catch.hpp>

#include "engine/formats/atomic_file.h"
#include "engine/formats/onnx.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

// One row a defect, and the whole of what is said about it: where, what, and what to do where that is not
// plain.
namespace dormouse::engine {
namespace {

using namespace onnx_builder;

struct Row {
  const char* defect;
  std::string file;
  const char* message;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.defect);
    CHECK(refusal([&] { read_onnx(buffer_of(row.file), "m.onnx"); }) == row.message);
  }
}

const std::string kInOut = input("x", {-1, 2}) + output("y");
const std::string kRelu = node("Relu", {"x"}, {"y"});

// x + w
std::string with_weight(const std::string& weight) {
  return model(kInOut + initialiser(weight) + node("Add", {"x", "w"}, {"y"}));
}
std::string with_dimension(std::int64_t extent) {
  return with_weight(tensor("w", kFloat, {extent}, bytes(9, raw({1.0f, 2.0f}))));
}
std::string with_node(const std::string& made) { return model(kInOut + made); }
std::string entry(std::string_view key, std::string_view value) {
  return bytes(13, bytes(1, key) + bytes(2, value));
}

}  // namespace

TEST_CASE("files that are no models are refused with what they are", "[formats]") {
  check({{"empty", "", "m.onnx: no graph in it: not an ONNX model"},
         {"text", "not a model at all",
          "m.onnx: not what protobuf looks like: another kind of file, or damaged"},
         {"cut short", model(kInOut + kRelu).substr(0, 40),
          "m.onnx: ends inside a field: cut short or damaged; fetch or export the file again"},
         {"a length of 2^64 - 1", varint(7 << 3 | 2) + varint(~0ull),
          "m.onnx: ends inside a field: cut short or damaged; fetch or export the file again"},
         {"a number without an end", varint(7 << 3) + std::string(12, '\xff'),
          "m.onnx: not what protobuf looks like: another kind of file, or damaged"},
         {"no graph", number(1, 8), "m.onnx: no graph in it: not an ONNX model"},
         {"two graphs", model(kInOut + kRelu) + bytes(7, ""), "m.onnx: two graphs"},
         {"a graph that is a number", number(1, 8) + number(7, 1),
          "m.onnx: field 7 is not of its kind: damaged, or another kind of file"},
         {"an opset of the future", model(kInOut + kRelu, 99),
          "m.onnx: opset 99; export it with opset 1 to 25"},
         {"an opset below 1", model(kInOut + kRelu, -1), "m.onnx: opset -1; export it with opset 1 to 25"}});
}

TEST_CASE("weights that contradict themselves are refused with the tensor", "[formats]") {
  const std::string two = bytes(9, raw({1.0f, 2.0f}));
  check(
      {{"negative", with_dimension(-2),
        "m.onnx: initialiser: tensor 'w': impossible shape: a dimension is -2"},
       {"-1", with_dimension(-1), "m.onnx: initialiser: tensor 'w': impossible shape: a dimension is -1"},
       {"more elements than bytes", with_dimension(3),
        "m.onnx: initialiser: tensor 'w': 8 bytes for shape [3], which takes 12"},
       {"fewer elements than bytes", with_dimension(1),
        "m.onnx: initialiser: tensor 'w': 8 bytes for shape [1], which takes 4"},
       {"huge", with_dimension(1LL << 40),
        "m.onnx: initialiser: tensor 'w': 8 bytes for shape [1099511627776], which takes 4398046511104"},
       {"a product that overflows", with_weight(tensor("w", kFloat, {1LL << 62, 4}, two)),
        "m.onnx: initialiser: tensor 'w': impossible shape [4611686018427387904, 4]: 2^63 bytes or more"},
       {"a product that wraps around to 0", with_weight(tensor("w", kFloat, {1LL << 32, 1LL << 32}, "")),
        "m.onnx: initialiser: tensor 'w': impossible shape [4294967296, 4294967296]: 2^63 bytes or more"},
       {"the lowest number", with_dimension(INT64_MIN),
        "m.onnx: initialiser: tensor 'w': impossible shape: a dimension is -9223372036854775808"},
       {"too many dimensions", with_weight(tensor("w", kFloat, Extents(100, 1), two)),
        "m.onnx: initialiser: tensor 'w': 100 dimensions; 64 are possible"},
       {"elements in a typed field too few", with_weight(tensor("w", kFloat, {2}, real(4, 1))),
        "m.onnx: initialiser: tensor 'w': 1 elements for shape [2], which has 2"},
       {"a list that ends inside a number", with_weight(tensor("w", kFloat, {2}, bytes(4, "12345"))),
        "m.onnx: initialiser: tensor 'w': a packed field ends inside a number"},
       {"elements twice", with_weight(tensor("w", kFloat, {2}, two + real(4, 1) + real(4, 2))),
        "m.onnx: initialiser: tensor 'w': has its elements in two places"},
       {"no element type", with_weight(tensor("w", 0, {2}, two)),
        "m.onnx: initialiser: tensor 'w': element type 0 of ONNX is not supported; export the model "
        "without it"},
       {"complex numbers", with_weight(tensor("w", 14, {1}, "")),
        "m.onnx: initialiser: tensor 'w': element type 14 of ONNX (complex numbers) is not supported; export "
        "the model without it"},
       {"fewer strings than elements", with_weight(tensor("w", 8, {2}, bytes(6, "a"))),
        "m.onnx: initialiser: tensor 'w': 1 strings for shape [2]"},
       {"strings to compute with", with_weight(tensor("w", 8, {1}, bytes(6, "a"))),
        "m.onnx: node 0 'y' (Add): its input 'w' is of strings, which can only be chosen from and passed on; "
        "export the model without it"},
       {"an element type of the future", with_weight(tensor("w", 99, {2}, two)),
        "m.onnx: initialiser: tensor 'w': element type 99 of ONNX is not supported; export the model "
        "without it"},
       {"segments", with_weight(tensor("w", kFloat, {2}, bytes(3, number(1, 0)) + two)),
        "m.onnx: initialiser: tensor 'w': a tensor in segments, which ONNX gave up"},
       {"sparse", model(kInOut + bytes(15, "") + kRelu),
        "m.onnx: sparse initialisers; export the model with dense weights"},
       {"another file, of a model without a folder",
        with_weight(tensor("w", kFloat, {2}, number(14, 1) + entry("location", "w.bin"))),
        "m.onnx: initialiser: tensor 'w': external data 'w.bin' of a model without a folder"},
       {"another file without a name", with_weight(tensor("w", kFloat, {2}, number(14, 1))),
        "m.onnx: initialiser: tensor 'w': external data without a location"}});
}

TEST_CASE("graphs that contradict themselves are refused with the node or name", "[formats]") {
  const std::string weight = initialiser(floats("w", {2}, {1, 2}));
  check(
      {{"a name that nothing makes", with_node(node("Relu", {"z"}, {"y"})),
        "m.onnx: node 0 'y' (Relu): nothing makes 'z'"},
       {"a weight that is missing", with_node(node("Add", {"x", "w"}, {"y"})),
        "m.onnx: node 0 'y' (Add): nothing makes 'w'"},
       {"an output that nothing makes", model(kInOut), "m.onnx: output: nothing makes 'y'"},
       {"an output without a name", model(input("x", {2}) + output("") + kRelu),
        "m.onnx: output: nothing makes ''"},
       {"a node that reads itself", with_node(node("Relu", {"y"}, {"y"})),
        "m.onnx: node 0 'y' (Relu): it needs its own output: the graph has a cycle"},
       {"a cycle", with_node(node("Add", {"x", "b"}, {"a"}) + node("Relu", {"a"}, {"b"}) + kRelu),
        "m.onnx: node 0 'a' (Add): it needs its own output: the graph has a cycle"},
       {"two nodes of one output", with_node(kRelu + kRelu),
        "m.onnx: node 1 'y' (Relu): 'y' is made twice, also by m.onnx: node 0 'y' (Relu)"},
       {"a node that makes an input", with_node(node("Relu", {"x"}, {"x"})),
        "m.onnx: node 0 'x' (Relu): 'x' is an input or a weight already"},
       {"a node that makes a weight", with_node(weight + node("Relu", {"x"}, {"w"}) + kRelu),
        "m.onnx: node 0 'w' (Relu): 'w' is an input or a weight already"},
       {"two inputs of one name", with_node(input("x", {2}) + kRelu), "m.onnx: two inputs called 'x'"},
       {"two weights of one name", with_node(weight + weight + kRelu), "m.onnx: two initialisers called 'w'"},
       {"an input of a negative dimension", model(input("x", {-2}) + output("y") + kRelu),
        "m.onnx: input 'x': dimension -2; one that varies has a name, or is -1"},
       {"an input of strings", model(bytes(11, value("x", 8, {2})) + output("y") + kRelu),
        "m.onnx: input 'x': not a tensor of numbers; export the model with those as inputs"},
       {"an input without a shape",
        model(bytes(11, bytes(1, "x") + bytes(2, bytes(1, number(1, kFloat)))) + output("y") + kRelu),
        "m.onnx: input 'x': no shape; export it with one, whose dimensions may be dynamic"},
       {"an input that is huge",
        model(input("x", {1LL << 40, 1LL << 40}) + output("y") +
              node("Flatten", {"x"}, {"y"}, attribute("axis", 0))),
        "m.onnx: node 0 'y' (Flatten): Flatten (node y): the shape is too large; inputs: f32 [1099511627776, "
        "1099511627776]"},
       {"an output of another type", model(input("x", {2}) + bytes(12, value("y", kInt64, {2})) + kRelu),
        "m.onnx: output 'y' is said to be i64 and is f32"},
       {"a function that calls itself",
        model(kInOut + node("F", {"x"}, {"y"}, bytes(7, "f")), 17,
              bytes(25, bytes(1, "F") + bytes(10, "f") + bytes(4, "a") + bytes(5, "b") +
                            bytes(7, bytes(1, "a") + bytes(2, "b") + bytes(4, "F") + bytes(7, "f")))),
        "m.onnx: node 0 'y' (F): m.onnx: function 'F': node 0 '' (F): function 'F' calls itself"}});
}

TEST_CASE("nodes that contradict themselves are refused with the operator and its inputs", "[formats]") {
  const auto reshape = [](std::initializer_list<std::int64_t> shape) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    return with_node(initialiser(tensor("s", kInt64, {rank}, bytes(9, raw(shape)))) +
                     node("Reshape", {"x", "s"}, {"y"}));
  };
  const std::string wide = initialiser(floats("w", {3}, {1, 2, 3}));
  check({{"an operator that does not exist", with_node(node("Frobnicate", {"x"}, {"y"})),
          "m.onnx: node 0 'y' (Frobnicate): operator Frobnicate of ai.onnx, opset 17: there is no such "
          "operator here; export the model without it"},
         {"an operator without a name", with_node(node("", {"x"}, {"y"})),
          "m.onnx: node 0 'y' (): operator  of ai.onnx, opset 17: there is no such operator here; export the "
          "model without it"},
         {"an operator of a domain that is not known",
          with_node(node("Relu", {"x"}, {"y"}, bytes(7, "org.example"))),
          "m.onnx: node 0 'y' (Relu): operator Relu of org.example, opset 1: there is no such operator here; "
          "export the model without it"},
         {"too few inputs", with_node(node("Add", {"x"}, {"y"})),
          "m.onnx: node 0 'y' (Add): Add (node y): takes 2 inputs; given 1"},
         {"too many inputs", with_node(node("Relu", {"x", "x"}, {"y"})),
          "m.onnx: node 0 'y' (Relu): Relu (node y): takes 1 input; given 2"},
         {"an input that is left out", with_node(node("Add", {"", "x"}, {"y"})),
          "m.onnx: node 0 'y' (Add): Add (node y): input 0 is required"},
         {"outputs that it does not have",
          with_node(node("Relu", {"x"}, {"t", "mask"}) + node("Add", {"t", "mask"}, {"y"})),
          "m.onnx: node 0 't' (Relu): Relu (node t): has 1 outputs here; the graph asks for 2"},
         {"an attribute twice",
          with_node(node("Softmax", {"x"}, {"y"}, attribute("axis", 1) + attribute("axis", 0))),
          "m.onnx: node 0 'y' (Softmax): attribute 'axis' twice"},
         {"an attribute of another kind",
          with_node(node("Softmax", {"x"}, {"y"}, attribute("axis", Extents{1}))),
          "m.onnx: node 0 'y' (Softmax): attribute 'axis' has another type than the operator defines"},
         {"an attribute of no kind", with_node(node("Softmax", {"x"}, {"y"}, attribute("axis", 13, ""))),
          "m.onnx: node 0 'y' (Softmax): attribute 'axis': type 13 of ONNX's attributes is not supported; "
          "export the model without it"},
         {"an axis beyond the rank", with_node(node("Softmax", {"x"}, {"y"}, attribute("axis", 2))),
          "m.onnx: node 0 'y' (Softmax): Softmax (node y): axis 2 is outside rank 2; inputs: f32 [?, 2]"},
         {"an axis that is hugely negative",
          with_node(node("Softmax", {"x"}, {"y"}, attribute("axis", INT64_MIN))),
          "m.onnx: node 0 'y' (Softmax): Softmax (node y): axis -9223372036854775808 is outside rank 2; "
          "inputs: f32 [?, 2]"},
         {"a graph where none belongs",
          with_node(node("Relu", {"x"}, {"y"}, attribute("body", 5, bytes(6, "")))),
          "m.onnx: node 0 'y' (Relu): attribute 'body' is a graph, which this operator does not run"},
         {"shapes that do not broadcast", with_node(wide + node("Add", {"x", "w"}, {"y"})),
          "m.onnx: node 0 'y' (Add): Add (node y): shapes do not broadcast; inputs: f32 [?, 2], f32 [3]"},
         {"types that differ",
          with_node(initialiser(tensor("w", kInt64, {2}, bytes(9, raw<std::int64_t>({1, 2})))) +
                    node("Add", {"x", "w"}, {"y"})),
          "m.onnx: node 0 'y' (Add): Add (node y): inputs differ in type; inputs: f32 [?, 2], i64 [2]"},
         {"a shape below -1", reshape({-2}),
          "m.onnx: node 0 'y' (Reshape): Reshape (node y): an extent of the new shape is below -1; inputs: "
          "f32 [?, 2], i64 [1]"},
         {"a shape with two open dimensions", reshape({-1, -1}),
          "m.onnx: node 0 'y' (Reshape): Reshape (node y): the new shape has more than one -1; inputs: f32 "
          "[?, 2], i64 [2]"},
         {"a shape whose product overflows", reshape({1LL << 40, 1LL << 40}),
          "m.onnx: node 0 'y' (Reshape): Reshape (node y): the new shape is too large; inputs: f32 [?, 2], "
          "i64 [2]"},
         {"a constant without a value", with_node(node("Constant", {}, {"y"})),
          "m.onnx: node 0 'y' (Constant): one output and one value are needed"},
         {"a constant of strings",
          with_node(node("Constant", {}, {"y"}, attribute("value_string", 3, bytes(4, "a")))),
          "m.onnx: node 0 'y' (Constant): a constant given as value_string is not supported; export the "
          "model without it"}});
}

TEST_CASE("external weights are refused with the tensor and the path", "[formats]") {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder.file("model/sub"));
  write_file(folder.file("secret"), raw({1.0f, 2.0f}));
  write_file(folder.file("model/w.bin"), raw({1.0f, 2.0f, 3.0f}));
  std::filesystem::create_symlink("../secret", folder.file("model/link"));
  std::filesystem::create_directory_symlink("..", folder.file("model/up"));
  struct Defect {
    std::string location, more;
    const char* message;
  };
  const Defect defects[] = {
      {"../secret", "", "external data '../secret': only paths beneath the model's folder"},
      {"sub/../../secret", "", "external data 'sub/../../secret': only paths beneath the model's folder"},
      {"/etc/hostname", "", "external data '/etc/hostname': only paths beneath the model's folder"},
      {"", "", "external data '': only paths beneath the model's folder"},
      {".", "", "external data '.': not a regular file"},
      {"link", "", "external data 'link': a symbolic link"},
      {"up/secret", "", "external data 'up/secret': Not a directory"},
      {"missing", "",
       "external data 'missing': No such file or directory; it belongs into the model's folder"},
      {"sub", "", "external data 'sub': not a regular file"},
      {"w.bin", entry("offset", "8"), "external data 'w.bin': 8 bytes from 8 on lie beyond the end at 12"},
      {"w.bin", entry("offset", "18446744073709551612"),
       "external data 'w.bin': 8 bytes from 18446744073709551612 on lie beyond the end at 12"},
      {"w.bin", entry("offset", "18446744073709551616"),
       "external offset '18446744073709551616' is no number of bytes"},
      {"w.bin", entry("offset", "-4"), "external offset '-4' is no number of bytes"},
      {"w.bin", entry("length", "4"), "external length 4 does not fit shape [2], which takes 8 bytes"}};
  for (const Defect& defect : defects) {
    INFO(defect.location);
    const std::string weight =
        tensor("w", kFloat, {2}, number(14, 1) + entry("location", defect.location) + defect.more);
    write_file(folder.file("model/m.onnx"), with_weight(weight));
    const std::string said = refusal([&] { read_onnx(folder.file("model/m.onnx")); });
    const std::string where = folder.file("model/m.onnx") + ": initialiser: tensor 'w': ";
    CHECK(said == where + defect.message);
  }
}

}  // namespace dormouse::engine

#include "engine/formats/onnx_upgrade.h"

#include <algorithm>

#include "engine/formats/onnx_microsoft.h"
#include "engine/formats/onnx_ml.h"

namespace dormouse::engine {
namespace {

/// An attribute that became an input with opset `until`.
struct Moved {
  std::string_view op;
  std::int64_t until;
  std::string_view attribute;
  std::size_t input;
};

constexpr Moved kMoved[] = {{"Clip", 11, "min", 1},
                            {"Clip", 11, "max", 2},
                            {"DFT", 20, "axis", 2},
                            {"Dropout", 12, "ratio", 1},
                            {"Pad", 2, "paddings", 1},
                            {"Pad", 11, "pads", 1},
                            {"Pad", 11, "value", 2},
                            {"Reshape", 5, "shape", 1},
                            {"Slice", 10, "starts", 1},
                            {"Slice", 10, "ends", 2},
                            {"Slice", 10, "axes", 3},
                            {"Split", 13, "split", 1},
                            {"Squeeze", 13, "axes", 1},
                            {"Unsqueeze", 13, "axes", 1},
                            {"TopK", 10, "k", 1},
                            {"Upsample", 9, "scales", 1},
                            {"ReduceSum", 13, "axes", 1},
                            {"ReduceL1", 18, "axes", 1},
                            {"ReduceL2", 18, "axes", 1},
                            {"ReduceLogSum", 18, "axes", 1},
                            {"ReduceLogSumExp", 18, "axes", 1},
                            {"ReduceMax", 18, "axes", 1},
                            {"ReduceMean", 18, "axes", 1},
                            {"ReduceMin", 18, "axes", 1},
                            {"ReduceProd", 18, "axes", 1},
                            {"ReduceSumSquare", 18, "axes", 1}};

/// From opset `from` to `to` the operator took more types, or inputs that broadcast, and meant the same.
struct Widened {
  std::string_view op;
  std::int64_t from, to;
};

constexpr Widened kWidened[] = {{"Add", 6, 14},     {"BatchNormalization", 1, 15},
                                {"Concat", 1, 13},  {"Div", 6, 14},
                                {"Dropout", 1, 7},  {"Equal", 6, 13},
                                {"Flatten", 1, 13}, {"Gemm", 6, 13},
                                {"Greater", 6, 13}, {"Less", 6, 13},
                                {"Max", 1, 13},     {"Mean", 1, 13},
                                {"Min", 1, 13},     {"Mul", 6, 14},
                                {"PRelu", 6, 16},   {"Pow", 6, 15},
                                {"Sub", 6, 14},     {"Sum", 1, 13}};

// Before opset 7 their second input was aligned with an axis of the first instead of the last one.
constexpr std::string_view kAligned[] = {"Add", "And", "Div", "Equal", "Greater", "Less",
                                         "Mul", "Or",  "Pow", "PRelu", "Sub",     "Xor"};

template <class T>
Tensor list_tensor(const std::vector<T>& values) {
  return Tensor::from<T>(Shape{static_cast<std::int64_t>(values.size())}, std::span<const T>(values));
}

// How an attribute looks as an input. A lone integer is TopK's k, a list of one.
std::optional<Tensor> as_input(const Attribute& attribute, DType scalar_type) {
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute))
    return list_tensor(*integers);
  if (const auto* reals = std::get_if<std::vector<float>>(&attribute)) return list_tensor(*reals);
  if (const auto* integer = std::get_if<std::int64_t>(&attribute))
    return list_tensor<std::int64_t>({*integer});
  if (const auto* real = std::get_if<float>(&attribute)) return Tensor::scalar(*real).as(scalar_type);
  return std::nullopt;
}

class Upgrade {
 public:
  Upgrade(OnnxNode node, const LookUp& look_up) : node_(std::move(node)), look_up_(look_up) {}

  std::vector<OnnxNode> run() {
    if (!node_.domain.empty() || node_.inputs.empty() || node_.outputs.empty()) return {std::move(node_)};
    drop_what_no_longer_matters();
    spell_out_defaults();
    align_second_input();
    move_attributes();
    resize();
    widen();
    own_training();
    scan_of_batches();
    if (is_matrix_softmax()) {
      softmax_on_matrix();
    } else {
      result_.push_back(std::move(node_));
    }
    return std::move(result_);
  }

 private:
  bool is(std::string_view op) const { return node_.op_type == op; }
  const ValueInfo* input(std::size_t i) const {
    return i < node_.inputs.size() ? look_up_(node_.inputs[i]) : nullptr;
  }
  void reach(std::int64_t opset) { node_.opset = std::max(node_.opset, opset); }
  [[noreturn]] void unsupported(const std::string& what) const {
    throw Failure(Errc::unsupported, node_.where + ": " + what + " in opset " + std::to_string(node_.opset) +
                                         "; export the model with opset 13 or later");
  }

  std::string new_name(std::string_view purpose) const {
    return node_.outputs[0] + "::" + node_.op_type + "." + std::string(purpose);
  }
  std::string add_constant(std::string_view purpose, Tensor value) {
    OnnxNode constant{.name = {},
                      .op_type = "Constant",
                      .domain = {},
                      .inputs = {},
                      .outputs = {new_name(purpose)},
                      .attributes = {{"value", std::move(value)}},
                      .where = node_.where,
                      .opset = node_.opset};
    result_.push_back(std::move(constant));
    return result_.back().outputs[0];
  }
  std::string add_node(std::string_view purpose, std::string op, std::vector<std::string> inputs,
                       Attributes attributes) {
    OnnxNode node{.name = node_.name,
                  .op_type = std::move(op),
                  .domain = {},
                  .inputs = std::move(inputs),
                  .outputs = {new_name(purpose)},
                  .attributes = std::move(attributes),
                  .where = node_.where,
                  .opset = 13};
    result_.push_back(std::move(node));
    return result_.back().outputs[0];
  }

  void drop_what_no_longer_matters() {
    if (node_.opset < 6) {
      node_.attributes.erase("consumed_inputs");  // a hint to reuse memory
      if (!is("Cast") && !is("Tile")) reach(6);   // these two changed their form with 6
    }
    if (is("Dropout") || is("BatchNormalization")) {
      if (node_.opset < 7 && node_.attributes.integer("is_test", 1) == 0) unsupported("training mode");
      node_.attributes.erase("is_test");
    }
    if (is("BatchNormalization")) {
      if (node_.attributes.integer("spatial", 1) == 0) unsupported("spatial = 0");
      node_.attributes.erase("spatial");
    }
    if (is("Gemm")) node_.attributes.erase("broadcast");
    if (is("Scatter")) {  // its name until opset 11
      node_.op_type = "ScatterElements";
      reach(11);
    }
  }

  void spell_out_defaults() {
    if (is("DFT") && node_.opset < 20 && !node_.attributes.has("axis"))
      node_.attributes.set("axis", std::int64_t{1});
    const bool softmax = is("Softmax") || is("LogSoftmax") || is("Hardmax");
    const bool default_was_one = (softmax && node_.opset < 13) || (is("Concat") && concat_before_4_);
    if (is("RoiAlign") && node_.opset < 16 && !node_.attributes.has("coordinate_transformation_mode"))
      node_.attributes.set("coordinate_transformation_mode", std::string("output_half_pixel"));
    if (default_was_one && !node_.attributes.has("axis")) node_.attributes.set("axis", std::int64_t{1});
  }

  void align_second_input() {
    if (std::ranges::find(kAligned, node_.op_type) == std::end(kAligned) || node_.opset >= 7) return;
    const bool channels = is("PRelu");  // its slopes always went along axis 1
    const bool asked = node_.attributes.integer("broadcast", 0) != 0 && node_.attributes.has("axis");
    const std::int64_t axis = channels ? 1 : node_.attributes.integer("axis", -1);
    node_.attributes.erase("broadcast");
    node_.attributes.erase("axis");
    if (channels || asked) append_ones(axis);
    reach(7);
  }

  // B of [C], aligned with axis 1 of A of [N, C, H, W], is [C, 1, 1] today.
  void append_ones(std::int64_t axis) {
    const ValueInfo* a = input(0);
    const ValueInfo* b = input(1);
    if (!a || !b || !a->shape_known || !b->shape_known || !b->shape.is_static())
      unsupported("broadcasting along an axis");
    const auto rank = static_cast<std::int64_t>(a->shape.rank());
    if (axis < 0) axis += rank;
    const std::int64_t missing = rank - axis - static_cast<std::int64_t>(b->shape.rank());
    if (missing <= 0 || axis < 0) return;
    std::vector<std::int64_t> extents = b->shape.extents();
    extents.resize(extents.size() + static_cast<std::size_t>(missing), 1);
    const std::string shape = add_constant("shape", list_tensor(extents));
    node_.inputs[1] = add_node("aligned", "Reshape", {node_.inputs[1], shape}, {});
  }

  void move_attributes() {
    const ValueInfo* first = input(0);
    const std::int64_t before = node_.opset;
    for (const Moved& moved : kMoved) {
      if (!is(moved.op) || before >= moved.until) continue;
      reach(moved.until);
      const auto found = node_.attributes.entries().find(moved.attribute);
      if (found == node_.attributes.entries().end()) continue;
      std::optional<Tensor> value = as_input(found->second, first ? first->dtype : DType::f32);
      if (!value) throw_attribute_type(moved.attribute);
      node_.attributes.erase(moved.attribute);
      if (node_.inputs.size() <= moved.input) node_.inputs.resize(moved.input + 1);
      node_.inputs[moved.input] = add_constant(moved.attribute, std::move(*value));
    }
  }

  // Opset 1 named the two scales of an image, and its interpolation.
  void scale_images() {
    const float height = node_.attributes.get<float>("height_scale", 1),
                width = node_.attributes.get<float>("width_scale", 1);
    node_.attributes.erase("height_scale");
    node_.attributes.erase("width_scale");
    if (node_.attributes.get<std::string>("mode", "nearest") == "bilinear")
      node_.attributes.set("mode", std::string("linear"));
    node_.inputs = {node_.inputs[0], add_constant("scales", list_tensor<float>({1, 1, height, width}))};
  }

  // Upsample, and Resize as it was in opset 10, scale from the corner.
  void resize() {
    if (is("Upsample") && node_.attributes.has("width_scale")) scale_images();
    const bool resize_10 = is("Resize") && node_.opset == 10;
    if ((!is("Upsample") && !resize_10) || node_.inputs.size() != 2) return;
    node_.op_type = "Resize";
    node_.inputs = {node_.inputs[0], "", node_.inputs[1]};
    node_.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
    node_.attributes.set("nearest_mode", std::string("floor"));
    reach(11);
  }

  void widen() {
    for (const Widened& widened : kWidened) {
      if (is(widened.op) && node_.opset >= widened.from) reach(widened.to);
    }
  }

  // Its training mode is an operator of its own: other outputs, other gradient.
  void own_training() {
    if (!is("BatchNormalization") || node_.attributes.integer("training_mode", 0) == 0) return;
    node_.op_type = "BatchNormalizationTraining";
    node_.domain = "dormouse";
    node_.opset = 1;
  }

  // Opset 8 scanned axis 1 of each element of a batch: a Scan along the batch whose body is today's Scan.
  void scan_of_batches() {
    if (!is("Scan") || node_.opset >= 9) return;
    if (!node_.inputs[0].empty()) unsupported("Scan with sequence_lens");
    OnnxNode inner = node_;
    node_.inputs.erase(node_.inputs.begin());
    if (const std::vector<std::int64_t> directions = node_.attributes.integers("directions");
        !directions.empty())
      inner.attributes.set("scan_input_directions", directions);
    inner.attributes.erase("directions");
    inner.opset = 9;
    const auto body = std::make_shared<OnnxGraph>();
    body->where = node_.where;
    if (const auto own = inner.subgraphs.find("body"); own != inner.subgraphs.end())
      body->captures = own->second->captures;
    inner.inputs.clear();
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      inner.inputs.push_back(new_name("in" + std::to_string(i)));
      body->inputs.push_back({inner.inputs.back(), std::nullopt, std::nullopt});
    }
    for (std::string& output : inner.outputs) {
      output = new_name("each." + output);
      body->outputs.push_back({output, std::nullopt, std::nullopt});
    }
    body->nodes.push_back(std::move(inner));
    node_.attributes = {{"num_scan_inputs", static_cast<std::int64_t>(node_.inputs.size())}};
    node_.subgraphs = {{"body", body}};
    reach(9);
  }

  bool is_matrix_softmax() {
    if ((!is("Softmax") && !is("LogSoftmax") && !is("Hardmax")) || node_.opset >= 13) return false;
    reach(13);
    const ValueInfo* x = input(0);
    if (!x || !x->shape_known) return true;  // the matrix is right whatever the rank turns out to be
    const auto axis = normalise_axis(node_.attributes.integer("axis", 1), x->shape.rank());
    return axis && *axis + 1 != x->shape.rank();
  }

  void softmax_on_matrix() {
    const std::string x = node_.inputs[0];
    const std::string matrix =
        add_node("matrix", "Flatten", {x}, {{"axis", node_.attributes.integer("axis", 1)}});
    const std::string rows = add_node("rows", node_.op_type, {matrix}, {{"axis", std::int64_t{1}}});
    node_.op_type = "ReshapeTo";
    node_.domain = "dormouse";
    node_.inputs = {rows, x};
    node_.attributes = {};
    node_.opset = 1;
    result_.push_back(std::move(node_));
  }

  OnnxNode node_;
  const LookUp& look_up_;
  bool concat_before_4_ = node_.opset < 4;
  std::vector<OnnxNode> result_;
};

}  // namespace

std::vector<OnnxNode> upgrade(OnnxNode node, const LookUp& look_up) {
  // ONNX Runtime writes this one of its operators into ONNX's domain.
  if (node.domain == "com.microsoft" || node.op_type == "SimplifiedLayerNormalization")
    return spell_out(std::move(node), look_up);
  if (node.domain == "ai.onnx.ml") return spell_out_ml(std::move(node), look_up);
  return Upgrade(std::move(node), look_up).run();
}

}  // namespace dormouse::engine

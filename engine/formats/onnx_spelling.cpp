#include "engine/formats/onnx_spelling.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

constexpr std::int64_t kOpset = 23;  // whose forms the parts have

}  // namespace

void OnnxSpelling::unsupported(const std::string& what) const {
  throw Failure(Errc::unsupported, node_.where + ": " + what + "; export the model without it");
}

void OnnxSpelling::invalid(const std::string& what) const {
  throw Failure(Errc::invalid, node_.where + ": " + what);
}

void OnnxSpelling::need(std::size_t inputs) const {
  if (node_.inputs.size() < inputs) invalid("has fewer than " + std::to_string(inputs) + " inputs");
}

void OnnxSpelling::refuse_flag(std::string_view name) const {
  if (attributes().integer(name, 0) != 0) unsupported(std::string(name));
}

std::string OnnxSpelling::part(std::string op, Names inputs, Attributes attributes, Names outputs) {
  if (outputs.empty()) {
    const auto named = std::ranges::find_if(node_.outputs, [](const auto& name) { return !name.empty(); });
    outputs = {*named + "::" + node_.op_type + "." + std::to_string(parts_.size())};
  }
  OnnxNode made;
  made.name = node_.name;
  made.op_type = std::move(op);
  made.inputs = std::move(inputs);
  made.outputs = std::move(outputs);
  made.attributes = std::move(attributes);
  made.where = node_.where;
  made.opset = kOpset;
  parts_.push_back(std::move(made));
  return parts_.back().outputs[0];
}

std::string OnnxSpelling::own_part(std::string op, Names inputs, Attributes attributes, Names outputs) {
  part(std::move(op), std::move(inputs), std::move(attributes), std::move(outputs));
  parts_.back().domain = "dormouse";
  return parts_.back().outputs[0];
}

}  // namespace dormouse::engine

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/onnx_upgrade.h"

namespace dormouse::engine {

/// Spells one node out in other operators: what the spellers of each domain share. The last part writes the
/// node's own outputs.
class OnnxSpelling {
 public:
  using Names = std::vector<std::string>;

  OnnxSpelling(OnnxNode node, const LookUp& look_up) : node_(std::move(node)), look_up_(look_up) {}

 protected:
  ~OnnxSpelling() = default;

  bool given(std::size_t i) const { return i < node_.inputs.size() && !node_.inputs[i].empty(); }
  std::string input(std::size_t i) const { return given(i) ? node_.inputs[i] : std::string(); }
  std::string output(std::size_t i) const {
    return i < node_.outputs.size() ? node_.outputs[i] : std::string();
  }
  const Attributes& attributes() const { return node_.attributes; }
  float real(std::string_view name, float fallback) const { return attributes().get<float>(name, fallback); }
  std::string word(std::string_view name, std::string fallback) const {
    return attributes().get<std::string>(name, std::move(fallback));
  }

  /// Throws Failure(unsupported): "<node>: <what>; export the model without it".
  [[noreturn]] void unsupported(const std::string& what) const;
  /// Throws Failure(invalid): "<node>: <what>".
  [[noreturn]] void invalid(const std::string& what) const;
  void need(std::size_t inputs) const;
  void refuse_flag(std::string_view name) const;

  /// Appends a part with these outputs, or with one of a new name, which it returns.
  std::string part(std::string op, Names inputs, Attributes attributes = {}, Names outputs = {});
  /// The same of our own domain.
  std::string own_part(std::string op, Names inputs, Attributes attributes = {}, Names outputs = {});
  std::string constant(Tensor value) { return part("Constant", {}, {{"value", std::move(value)}}); }
  /// A number of the type of `like`.
  std::string number(float value, const std::string& like) {
    return part("CastLike", {constant(Tensor::scalar(value)), like});
  }
  void finish(std::string op, Names inputs, Attributes attributes = {}) {
    part(std::move(op), std::move(inputs), std::move(attributes), {node_.outputs[0]});
  }

  OnnxNode node_;
  const LookUp& look_up_;
  std::vector<OnnxNode> parts_;
};

}  // namespace dormouse::engine

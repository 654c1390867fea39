#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include "daemon/oip/codec.h"
#include "daemon/oip/tensor_json.h"

namespace dormouse::daemon {
namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;

template <class Number>
void append_number(std::string& text, Number value) {
  std::array<char, 32> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append_parameter(std::string& text, const Parameter& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    text += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    append_number(text, *number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    if (std::isfinite(*real)) {
      append_number(text, *real);
    } else {
      text += "null";
    }
  } else {
    append_quoted(text, std::get<std::string>(value));
  }
}

void append_parameters(std::string& text, const Parameters& parameters) {
  text += '{';
  for (const auto& [name, value] : parameters.entries()) {
    if (text.back() != '{') text += ',';
    append_quoted(text, name);
    text += ':';
    append_parameter(text, value);
  }
  text += '}';
}

/// An output in the form it is sent in: a tensor, or strings of its likeliest classes.
struct Sent {
  std::string_view name;
  std::string_view datatype;
  Shape shape;
  const Tensor* tensor = nullptr;  ///< null for strings
  std::vector<std::string> strings{};
  bool binary = false;
  Parameters parameters{};
};

/// "0.93:2:cat" for each of the k likeliest classes of each row, the likeliest first.
Sent classify(const NamedTensor& output, std::int64_t k, std::span<const std::string> labels) {
  const Tensor values = output.tensor.as(DType::f64);
  const Shape& shape = values.shape();
  const auto classes = shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape.back());
  const auto kept = std::min(static_cast<std::size_t>(k), classes);
  Sent sent{.name = output.name, .datatype = "BYTES", .shape = shape, .parameters = output.parameters};
  if (shape.rank() == 0) sent.shape = Shape{1};
  sent.shape[sent.shape.rank() - 1] = static_cast<std::int64_t>(kept);
  std::vector<std::size_t> order(classes);
  for (auto row = values.values<double>(); !row.empty() && classes > 0; row = row.subspan(classes)) {
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
    for (const std::size_t index : std::span(order).first(kept)) {
      std::string text;
      append_number(text, static_cast<float>(row[index]));
      text += ":" + std::to_string(index);
      if (index < labels.size()) text += ":" + labels[index];
      sent.strings.push_back(std::move(text));
    }
  }
  return sent;
}

Sent choose_form(const NamedTensor& output, const RequestedOutput& wanted,
                 std::span<const std::string> labels) {
  Sent sent;
  if (wanted.classes > 0) {
    sent = classify(output, wanted.classes, labels);
  } else {
    sent = {.name = output.name,
            .datatype = datatype_name(output.tensor.dtype()),
            .shape = output.tensor.shape(),
            .tensor = &output.tensor,
            .parameters = output.parameters};
  }
  sent.binary = wanted.binary;
  return sent;
}

std::vector<Sent> select(const InferRequest& request, const InferResponse& response) {
  std::vector<Sent> sent;
  if (request.outputs.empty()) {
    for (const NamedTensor& output : response.outputs) {
      sent.push_back(choose_form(output, {output.name, request.binary_outputs, 0}, response.labels));
    }
  }
  for (const RequestedOutput& wanted : request.outputs) {
    const auto output = std::ranges::find(response.outputs, wanted.name, &NamedTensor::name);
    if (output == response.outputs.end())
      throw Failure(Errc::invalid, "the model has no output '" + wanted.name + "'");
    sent.push_back(choose_form(*output, wanted, response.labels));
  }
  return sent;
}

void append_strings(std::string& text, const std::vector<std::string>& strings) {
  text += '[';
  for (const std::string& string : strings) {
    if (text.back() != '[') text += ',';
    append_quoted(text, string);
  }
  text += ']';
}

/// Appends the tensor's bytes, or each string behind its length, and returns how many bytes that took.
std::size_t append_binary(std::string& tail, const Sent& sent) {
  const std::size_t before = tail.size();
  if (sent.tensor) tail.append(reinterpret_cast<const char*>(sent.tensor->data()), sent.tensor->byte_size());
  for (const std::string& string : sent.strings) {
    const auto length = static_cast<std::uint32_t>(string.size());
    for (int shift = 0; shift < 32; shift += 8) tail += static_cast<char>(length >> shift & 0xff);
    tail += string;
  }
  return tail.size() - before;
}

void append_output(std::string& text, std::string& tail, Sent& sent) {
  text += R"({"name":)";
  append_quoted(text, sent.name);
  text.append(R"(,"datatype":")").append(sent.datatype).append(R"(","shape":[)");
  for (const std::int64_t extent : sent.shape) {
    if (text.back() != '[') text += ',';
    append_number(text, extent);
  }
  text += ']';
  if (sent.binary)
    sent.parameters.set("binary_data_size", static_cast<std::int64_t>(append_binary(tail, sent)));
  if (!sent.parameters.entries().empty()) {
    text += R"(,"parameters":)";
    append_parameters(text, sent.parameters);
  }
  if (!sent.binary) {
    text += R"(,"data":)";
    if (sent.tensor) {
      append_json(text, *sent.tensor, "output '" + std::string(sent.name) + "'");
    } else {
      append_strings(text, sent.strings);
    }
  }
  text += '}';
}

}  // namespace

Response encode_infer(const InferRequest& request, const InferResponse& response) {
  std::string text = R"({"model_name":)";
  append_quoted(text, response.model_name);
  if (!response.model_version.empty()) {
    text += R"(,"model_version":)";
    append_quoted(text, response.model_version);
  }
  if (!response.id.empty()) {
    text += R"(,"id":)";
    append_quoted(text, response.id);
  }
  if (!response.parameters.entries().empty()) {
    text += R"(,"parameters":)";
    append_parameters(text, response.parameters);
  }
  text += R"(,"outputs":[)";
  std::string tail;
  bool binary = false;
  for (Sent& sent : select(request, response)) {
    if (text.back() != '[') text += ',';
    binary |= sent.binary;
    append_output(text, tail, sent);
  }
  text += "]}";
  Response encoded;
  if (binary) {
    encoded.content_type = "application/octet-stream";
    encoded.headers.emplace_back("Inference-Header-Content-Length", std::to_string(text.size()));
  }
  encoded.body = std::move(text.append(tail));
  return encoded;
}

}  // namespace dormouse::daemon

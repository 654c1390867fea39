#include "daemon/client/tensor_message.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "daemon/client/ask.h"
#include "engine/formats/csv.h"
#include "engine/formats/npy.h"
#include "engine/formats/wav.h"
#include "engine/window.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using engine::DType;
using engine::Shape;
using engine::Tensor;

constexpr std::size_t kAlignment = 64;

bool fits(const Shape& shape, const Shape& expected) {
  return std::ranges::equal(shape, expected,
                            [](std::int64_t a, std::int64_t b) { return b == engine::kDynamic || a == b; });
}

/// The shape of one example: the varying batch is 1.
Shape single(Shape shape) {
  if (shape.rank() > 0 && shape[0] == engine::kDynamic) shape[0] = 1;
  return shape;
}

Shape with_batch(const Shape& shape) {
  std::vector<std::int64_t> extents{1};
  extents.insert(extents.end(), shape.begin(), shape.end());
  return Shape(std::move(extents));
}

TensorSpec spec_from(const json::value& entry) {
  const auto type = datatype_from_name(std::string(entry.at("datatype").as_string()));
  if (!type) throw Failure(Errc::unsupported, "the model takes " + json::serialize(entry.at("datatype")));
  Shape shape;
  for (const json::value& extent : entry.at("shape").as_array())
    shape.push_back(extent.to_number<std::int64_t>());
  return {std::string(entry.at("name").as_string()), *type, std::move(shape)};
}

}  // namespace

Call TensorMessage::call(std::string target) const {
  return {.method = "POST",
          .target = std::move(target),
          .body = body,
          .content_type = "application/octet-stream",
          .headers = {{"Inference-Header-Content-Length", std::to_string(json_size)}}};
}

TensorMessage pack(json::object json, const std::string& name, const Tensor& tensor) {
  json::array shape(tensor.shape().begin(), tensor.shape().end());
  json["inputs"] = json::array{{{"name", name},
                                {"datatype", datatype_name(tensor.dtype())},
                                {"shape", std::move(shape)},
                                {"parameters", {{"binary_data_size", tensor.byte_size()}}}}};
  TensorMessage message{.body = json::serialize(json)};
  message.body.append((kAlignment - message.body.size() % kAlignment) % kAlignment, ' ');
  message.json_size = message.body.size();
  message.body.append(reinterpret_cast<const char*>(tensor.data()), tensor.byte_size());
  return message;
}

Tensor read_input_file(const std::string& path) {
  const auto bytes = engine::map_file(path);
  const std::span<const std::byte> content(bytes->data(), bytes->size());
  if (engine::is_npy(content)) return engine::read_npy(path);
  if (engine::is_wav(content)) return engine::read_wav(path).frames;
  if (!path.ends_with(".bin")) return engine::read_csv(path).rows;
  if (content.size() % sizeof(float) != 0) {
    throw Failure(Errc::invalid, path + ": raw 32-bit floats take a multiple of 4 bytes, this file has " +
                                     std::to_string(content.size()));
  }
  return Tensor(DType::f32, Shape{static_cast<std::int64_t>(content.size() / sizeof(float))}, bytes, 0);
}

FittedInput fit(const Tensor& tensor, const TensorSpec& input, const std::string& path) {
  const Shape expected = single(input.shape);
  const std::size_t rank = tensor.shape().rank();
  const bool own_form = (path.ends_with(".npy") || path.ends_with(".bin")) && rank == input.shape.rank();
  if (rank == 2 && input.dtype == DType::f32 && !own_form &&
      engine::takes_recording(input.shape, tensor.shape()[1]))
    return {tensor.as(DType::f32), true};
  if (fits(tensor.shape(), input.shape)) return {tensor.as(input.dtype)};
  if (fits(with_batch(tensor.shape()), input.shape)) {
    return {tensor.as(input.dtype).reshaped(with_batch(tensor.shape()))};
  }
  if (tensor.shape().rank() == 1 && expected.is_static() && expected.elements() == tensor.elements()) {
    return {tensor.as(input.dtype).reshaped(expected)};
  }
  if (tensor.shape().rank() == 1) return {tensor.as(DType::f32).reshaped(Shape{tensor.elements(), 1}), true};
  if (tensor.shape().rank() == 2) return {tensor.as(DType::f32), true};
  throw Failure(Errc::invalid, path + ": shape " + to_string(tensor.shape()) + " fits neither input '" +
                                   input.name + "' " + to_string(input.shape) +
                                   " nor is it a clip [rows, channels]");
}

std::vector<TensorSpec> ask_inputs(HttpClient& client, const std::string& model) {
  const json::value metadata = ask(client, get("/v2/models/" + percent_encode(model)));
  std::vector<TensorSpec> specs;
  for (const json::value& entry : metadata.at("inputs").as_array()) specs.push_back(spec_from(entry));
  if (specs.empty()) throw Failure(Errc::unsupported, "model '" + model + "' takes no input");
  return specs;
}

}  // namespace dormouse::daemon

#include <algorithm>
#include <boost/json/stream_parser.hpp>
#include <charconv>
#include <cstring>

#include "config/text.h"
#include "daemon/oip/codec.h"
#include "daemon/oip/tensor_json.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using engine::DType;
using engine::Shape;
using engine::Tensor;

constexpr std::size_t kJsonDepth = 32;
constexpr std::size_t kRank = 32;

[[noreturn]] void refuse(const std::string& why) { throw Failure(Errc::invalid, why); }

/// The body's JSON and the binary tensors behind it.
struct Envelope {
  std::string_view json;
  std::size_t next = 0;  ///< where in the body the next binary tensor starts
  bool raw = false;      ///< no JSON: the body is one tensor
};

Envelope open_envelope(const Request& request) {
  const std::string_view body = request.body();
  const std::string* length = request.header("Inference-Header-Content-Length");
  if (!length) return {.json = body, .next = body.size()};
  std::size_t size = 0;
  const char* end = length->data() + length->size();
  const auto [stop, error] = std::from_chars(length->data(), end, size);
  if (error != std::errc{} || stop != end || length->empty()) {
    refuse("Inference-Header-Content-Length must be the number of bytes of JSON");
  }
  if (size > body.size()) {
    refuse("Inference-Header-Content-Length is " + *length + ", but the body has " +
           std::to_string(body.size()) + " bytes");
  }
  return {.json = body.substr(0, size), .next = size, .raw = size == 0};
}

const json::object& as_object(const json::value& value, const std::string& what) {
  if (const json::object* object = value.if_object()) return *object;
  refuse(what + " must be an object");
}

const json::array& as_array(const json::value& value, const std::string& what) {
  if (const json::array* array = value.if_array()) return *array;
  refuse(what + " must be an array");
}

std::string as_string(const json::value* value, const std::string& what) {
  if (value && value->is_string()) return std::string(value->get_string());
  refuse(what + " must be a string");
}

Parameter read_parameter(const json::value& value, const std::string& what) {
  if (const bool* flag = value.if_bool()) return *flag;
  if (const std::int64_t* number = value.if_int64()) return *number;
  if (const double* number = value.if_double()) return *number;
  if (const json::string* text = value.if_string()) return std::string(*text);
  refuse(what + " must be a string, a number or a boolean");
}

Parameters read_parameters(const json::object& owner, const std::string& what) {
  Parameters parameters;
  const json::value* found = owner.if_contains("parameters");
  if (!found) return parameters;
  for (const auto& [key, value] : as_object(*found, what + "parameters")) {
    std::string name(key);
    parameters.set(name, read_parameter(value, what + "parameter '" + name + "'"));
  }
  return parameters;
}

Shape read_shape(const json::value* value, const std::string& what) {
  if (!value) refuse(what + ": \"shape\" is missing");
  const json::array& extents = as_array(*value, what + ": \"shape\"");
  if (extents.size() > kRank)
    refuse(what + ": \"shape\" has more than " + std::to_string(kRank) + " dimensions");
  Shape shape;
  for (const json::value& item : extents) {
    const std::int64_t* extent = item.if_int64();
    if (!extent || *extent < 0) refuse(what + ": \"shape\" must hold whole numbers from 0 up");
    shape.push_back(*extent);
  }
  return shape;
}

DType read_datatype(const json::value* value, const std::string& what) {
  const std::string name = as_string(value, what + ": \"datatype\"");
  if (const auto type = datatype_from_name(name)) return *type;
  if (name == "BYTES") refuse(what + ": no model here takes strings (BYTES)");
  refuse(what + ": unknown datatype '" + name.substr(0, 40) + "'");
}

/// Bytes of a tensor; the sizes come from the client and may be anything.
std::size_t checked_size(DType type, const Shape& shape, const std::string& what) {
  std::int64_t size = static_cast<std::int64_t>(engine::size_of(type));
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(size, extent, &size))
      refuse(what + ": shape " + to_string(shape) + " is too large");
  }
  return static_cast<std::size_t>(size);
}

/// The `size` bytes at `offset` of the body as a tensor: a view where the elements lie aligned.
Tensor binary_tensor(const Request& request, std::size_t offset, DType type, const Shape& shape,
                     const std::string& what) {
  const std::size_t size = checked_size(type, shape, what);
  if (size == 0) return Tensor(type, shape);
  const std::byte* bytes = request.buffer->data() + offset;
  if (type == DType::boolean &&
      std::any_of(bytes, bytes + size, [](std::byte b) { return b > std::byte{1}; })) {
    refuse(what + ": BOOL bytes must be 0 or 1");
  }
  if (reinterpret_cast<std::uintptr_t>(bytes) % engine::size_of(type) == 0) {
    return Tensor(type, shape, request.buffer, offset);
  }
  Tensor copy(type, shape);
  std::memcpy(copy.mutable_data(), bytes, size);
  return copy;
}

NamedTensor read_input(const json::value& item, const Request& request, Envelope& envelope) {
  const json::object& object = as_object(item, "each input");
  std::string name = as_string(object.if_contains("name"), "an input's \"name\"");
  const std::string what = "input '" + name + "'";
  const DType type = read_datatype(object.if_contains("datatype"), what);
  const Shape shape = read_shape(object.if_contains("shape"), what);
  const std::size_t size = checked_size(type, shape, what);
  Parameters parameters = read_parameters(object, what + ": ");
  const auto binary_size = parameters.count("binary_data_size");
  const json::value* data = object.if_contains("data");
  if (binary_size && data) refuse(what + " has both \"data\" and binary_data_size");
  if (!binary_size && !data) refuse(what + " has neither \"data\" nor binary_data_size");
  if (data) return {std::move(name), tensor_from_json(*data, type, shape, what), std::move(parameters)};
  if (static_cast<std::size_t>(*binary_size) != size) {
    refuse(what + ": binary_data_size is " + std::to_string(*binary_size) + ", but shape " +
           to_string(shape) + " of " + std::string(datatype_name(type)) + " takes " + std::to_string(size));
  }
  if (size > request.body_size - envelope.next) refuse(what + ": its binary data goes beyond the body");
  Tensor tensor = binary_tensor(request, envelope.next, type, shape, what);
  envelope.next += size;
  return {std::move(name), std::move(tensor), std::move(parameters)};
}

std::vector<NamedTensor> read_inputs(const json::value& value, const Request& request, Envelope& envelope) {
  std::vector<NamedTensor> inputs;
  for (const json::value& item : as_array(value, "\"inputs\""))
    inputs.push_back(read_input(item, request, envelope));
  return inputs;
}

void check_all_read(const Request& request, const Envelope& envelope) {
  if (envelope.next == request.body_size) return;
  refuse("the inputs' binary_data_size leave " + std::to_string(request.body_size - envelope.next) +
         " bytes of the body over");
}

std::vector<RequestedOutput> read_outputs(const json::object& object, bool binary) {
  std::vector<RequestedOutput> outputs;
  const json::value* value = object.if_contains("outputs");
  if (!value) return outputs;
  for (const json::value& item : as_array(*value, "\"outputs\"")) {
    const json::object& entry = as_object(item, "each requested output");
    std::string name = as_string(entry.if_contains("name"), "a requested output's \"name\"");
    const Parameters parameters = read_parameters(entry, "output '" + name + "': ");
    outputs.push_back({std::move(name), parameters.flag("binary_data", binary),
                       parameters.count("classification").value_or(0)});
  }
  return outputs;
}

/// The one input of a raw request: what varies in its shape follows from the number of bytes.
InferRequest decode_raw(const Request& request, std::span<const TensorSpec> inputs) {
  if (inputs.size() != 1) {
    refuse("a raw body needs a model with one input; this one has " + std::to_string(inputs.size()));
  }
  const TensorSpec& spec = inputs.front();
  Shape shape = spec.shape;
  // A leading dimension that varies is the batch, and a raw body is one example.
  if (shape.rank() > 1 && shape[0] == engine::kDynamic) shape[0] = 1;
  const auto varying = std::count(shape.begin(), shape.end(), engine::kDynamic);
  if (varying > 1)
    refuse("a raw body cannot say the shape of input '" + spec.name + "' " + to_string(spec.shape));
  const std::string what = "input '" + spec.name + "'";
  if (varying == 1) {
    const auto axis =
        static_cast<std::size_t>(std::find(shape.begin(), shape.end(), engine::kDynamic) - shape.begin());
    shape[axis] = 1;
    const std::size_t unit = checked_size(spec.dtype, shape, what);
    if (unit == 0 || request.body_size % unit != 0) {
      refuse(what + ": " + std::to_string(request.body_size) + " bytes are no multiple of " +
             std::to_string(unit));
    }
    shape[axis] = static_cast<std::int64_t>(request.body_size / unit);
  }
  const std::size_t size = checked_size(spec.dtype, shape, what);
  if (size != request.body_size) {
    refuse(what + " takes " + std::to_string(size) + " bytes, the body has " +
           std::to_string(request.body_size));
  }
  InferRequest decoded;
  decoded.inputs.push_back({spec.name, binary_tensor(request, 0, spec.dtype, shape, what), {}});
  decoded.binary_outputs = true;
  return decoded;
}

bool fits(const Shape& given, const Shape& expected) {
  return std::ranges::equal(given, expected,
                            [](std::int64_t a, std::int64_t b) { return b == engine::kDynamic || a == b; });
}

void check_fits(const Tensor& tensor, const TensorSpec& spec) {
  if (tensor.dtype() == spec.dtype && fits(tensor.shape(), spec.shape)) return;
  refuse("input '" + spec.name + "' must be " + std::string(datatype_name(spec.dtype)) + " " +
         to_string(spec.shape) + ", not " + std::string(datatype_name(tensor.dtype())) + " " +
         to_string(tensor.shape()));
}

template <class Named>
std::string names_of(std::span<const Named> items) {
  return config::join(items, &Named::name);
}

}  // namespace

json::value parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kJsonDepth;
  json::stream_parser parser({}, options);
  json::error_code error;
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used == text.size()) parser.finish(error);
  if (!error && used != text.size()) error = json::error::extra_data;
  if (!error) return parser.release();
  if (error == json::error::too_deep)
    refuse("JSON nested deeper than " + std::to_string(kJsonDepth) + " levels");
  refuse("not JSON at byte " + std::to_string(used) + ": " + error.message());
}

InferRequest decode_infer(const Request& request, std::span<const TensorSpec> inputs) {
  Envelope envelope = open_envelope(request);
  if (envelope.raw) return decode_raw(request, inputs);
  const json::value parsed = parse_json(envelope.json);
  const json::object& object = as_object(parsed, "the request");
  InferRequest decoded;
  if (const json::value* id = object.if_contains("id")) decoded.id = as_string(id, "\"id\"");
  decoded.parameters = read_parameters(object, "");
  decoded.binary_outputs = decoded.parameters.flag("binary_data_output");
  const json::value* listed = object.if_contains("inputs");
  if (!listed) refuse("\"inputs\" is missing");
  decoded.inputs = read_inputs(*listed, request, envelope);
  check_all_read(request, envelope);
  decoded.outputs = read_outputs(object, decoded.binary_outputs);
  return decoded;
}

TensorBody decode_body(const Request& request) {
  TensorBody decoded;
  if (request.body_size == 0) return decoded;
  Envelope envelope = open_envelope(request);
  json::value parsed = parse_json(envelope.json);
  json::object* object = parsed.if_object();
  if (!object) refuse("the request must be an object");
  if (const json::value* inputs = object->if_contains("inputs")) {
    decoded.inputs = read_inputs(*inputs, request, envelope);
    object->erase("inputs");
  }
  check_all_read(request, envelope);
  decoded.json = std::move(*object);
  return decoded;
}

std::vector<Tensor> bind_inputs(const InferRequest& request, std::span<const TensorSpec> inputs) {
  std::vector<Tensor> bound;
  for (const TensorSpec& spec : inputs) {
    const auto given = std::ranges::find(request.inputs, spec.name, &NamedTensor::name);
    if (given == request.inputs.end()) refuse("input '" + spec.name + "' is missing");
    check_fits(given->tensor, spec);
    bound.push_back(given->tensor);
  }
  for (auto given = request.inputs.begin(); given != request.inputs.end(); ++given) {
    if (std::ranges::find(inputs, given->name, &TensorSpec::name) == inputs.end()) {
      refuse("the model has no input '" + given->name + "', only " + names_of(inputs));
    }
    if (std::find_if(request.inputs.begin(), given,
                     [&](const auto& other) { return other.name == given->name; }) != given) {
      refuse("input '" + given->name + "' is given twice");
    }
  }
  return bound;
}

void check_outputs(const InferRequest& request, std::span<const TensorSpec> outputs) {
  for (const RequestedOutput& wanted : request.outputs) {
    if (std::ranges::find(outputs, wanted.name, &TensorSpec::name) != outputs.end()) continue;
    refuse("the model has no output '" + wanted.name + "', only " + names_of(outputs));
  }
}

}  // namespace dormouse::daemon

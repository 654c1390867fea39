#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/http/message.h"
#include "engine/graph.h"
#include "engine/tensor.h"

/// The Open Inference Protocol v2 over HTTP, with its binary tensor extension in both directions.
namespace dormouse::daemon {

/// Parameters are flat: strings, numbers and booleans.
using Parameter = std::variant<bool, std::int64_t, double, std::string>;

class Parameters {
 public:
  Parameters() = default;
  Parameters(std::initializer_list<std::pair<std::string, Parameter>> entries) : entries_(entries) {}
  void set(std::string name, Parameter value);
  const Parameter* find(std::string_view name) const;
  /// The boolean `name`, or `fallback` when it is not given. Throws Failure(invalid) when it is no boolean.
  bool flag(std::string_view name, bool fallback = false) const;
  /// The integer `name`. Throws Failure(invalid) when it is none, or below `least`.
  std::optional<std::int64_t> count(std::string_view name, std::int64_t least = 0) const;
  const std::vector<std::pair<std::string, Parameter>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, Parameter>> entries_;
};

/// Name, type and shape of a model's input or output; extents may be kDynamic.
struct TensorSpec {
  std::string name;
  engine::DType dtype;
  engine::Shape shape;
};

struct NamedTensor {
  std::string name;
  engine::Tensor tensor;
  Parameters parameters;
};

struct RequestedOutput {
  std::string name;
  bool binary = false;
  std::int64_t classes = 0;  ///< the `classification` extension: the k likeliest as strings; 0 is off
};

struct InferRequest {
  std::string id;
  Parameters parameters;
  std::vector<NamedTensor> inputs;
  std::vector<RequestedOutput> outputs;  ///< empty asks for all
  bool binary_outputs = false;           ///< for outputs that are not listed
};

struct InferResponse {
  std::string model_name{};
  std::string model_version{};
  std::string id{};         ///< echoed from the request
  Parameters parameters{};  ///< dormouse_route, dormouse_confidence, dormouse_episode_id …
  std::vector<NamedTensor> outputs{};
  std::vector<std::string> labels{};  ///< of the classes, for the `classification` extension; may be empty
};

/// Reads an infer request: JSON, JSON followed by binary tensors, or (header length 0) one raw tensor for the
/// only input in `inputs`. Binary tensors are views on the request's buffer where they lie aligned. Throws
/// Failure(invalid) saying what is wrong with which input.
InferRequest decode_infer(const Request& request, std::span<const TensorSpec> inputs);

/// A JSON object that may carry tensors under "inputs", as the /v1 routes take them.
struct TensorBody {
  boost::json::object json;
  std::vector<NamedTensor> inputs;  ///< in JSON or binary form; empty when there is no "inputs"
};

/// Reads such a body; an empty one is an empty object. Throws Failure(invalid).
TensorBody decode_body(const Request& request);

/// JSON of bounded depth. Throws Failure(invalid) saying at which byte it stops being JSON.
boost::json::value parse_json(std::string_view text);

/// Puts the request's inputs into the model's order. Throws Failure(invalid) on unknown, missing, doubled or
/// mistyped inputs and on shapes that cannot fit.
std::vector<engine::Tensor> bind_inputs(const InferRequest& request, std::span<const TensorSpec> inputs);

/// Throws Failure(invalid) when an output is asked for that the model does not have.
void check_outputs(const InferRequest& request, std::span<const TensorSpec> outputs);

/// The response in the form that the request asked for; outputs that it did not ask for are left out.
/// Throws Failure(invalid) when JSON cannot carry an output: NaN, infinity, FP16, BF16.
Response encode_infer(const InferRequest& request, const InferResponse& response);

/// "FP32", "INT64", "BOOL" …
std::string_view datatype_name(engine::DType type);
std::optional<engine::DType> datatype_from_name(std::string_view name);

std::vector<TensorSpec> input_specs(const engine::Graph& graph);
std::vector<TensorSpec> output_specs(const engine::Graph& graph);

/// `[{"name", "datatype", "shape"}]` as model metadata lists them; -1 for what varies.
boost::json::array metadata(std::span<const TensorSpec> specs);

}  // namespace dormouse::daemon

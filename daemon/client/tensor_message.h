#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "daemon/client/http_client.h"
#include "daemon/oip/codec.h"

namespace dormouse::daemon {

/// A request body of JSON with one binary tensor behind it.
struct TensorMessage {
  std::string body;
  std::size_t json_size = 0;

  Call call(std::string target) const;
};

/// `json` with "inputs" added. The JSON is padded with spaces so that the daemon can use the tensor where it
/// lies.
TensorMessage pack(boost::json::object json, const std::string& name, const engine::Tensor& tensor);

/// What a file holds, in the form in which a model's input takes it.
struct FittedInput {
  engine::Tensor tensor;
  bool clip = false;  ///< a recording [rows, channels], to be cut into windows and normalised by the daemon
};

/// Reads .npy, .csv, .wav (found by content) or raw little-endian f32 (.bin). Throws Failure naming the file.
engine::Tensor read_input_file(const std::string& path);

/// What was measured is a clip, wherever the model may take it so: a .csv, a .wav, and a .npy of two
/// dimensions where the input has another number of them. Else the tensor as it is when its shape is the
/// input's, with or without the batch; else as a clip, too. Throws Failure(invalid) when it can be neither.
FittedInput fit(const engine::Tensor& tensor, const TensorSpec& input, const std::string& path);

/// The model's inputs as the daemon describes them.
std::vector<TensorSpec> ask_inputs(HttpClient& client, const std::string& model);

}  // namespace dormouse::daemon

#include <cstring>

#include "daemon/oip/codec.h"
#include "tests/fuzz/fuzz.h"

// A request for an inference: the length of its JSON, as the header gives it, up to the first newline
// (nothing: no such header), then the body. What is accepted comes back as the response.
namespace {

using namespace dormouse::daemon;
using dormouse::engine::Buffer;
using dormouse::engine::DType;
using dormouse::engine::kDynamic;
using dormouse::engine::Shape;

const std::vector<TensorSpec> kInputs{{"x", DType::f32, Shape{kDynamic, 3}},
                                      {"n", DType::i64, Shape{kDynamic}}};

Request request_of(std::string_view text) {
  Request request;
  const std::size_t line = std::min(text.find('\n'), text.size());
  if (line > 0) request.headers = {{"inference-header-content-length", std::string(text.substr(0, line))}};
  text.remove_prefix(std::min(line + 1, text.size()));
  request.buffer = dormouse::engine::ExactBuffer::copy(text);
  request.body_size = text.size();
  return request;
}

void answer(const InferRequest& request, std::span<const TensorSpec> inputs) {
  check_outputs(request, inputs);
  InferResponse response{.model_name = "fuzz", .id = request.id, .labels = {"a", "b", "c"}};
  for (const auto& tensor : bind_inputs(request, inputs))
    response.outputs.push_back({inputs[response.outputs.size()].name, tensor, {}});
  encode_infer(request, response);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return dormouse::engine::feed(data, size, [](std::shared_ptr<Buffer> buffer) {
    const Request request = request_of({reinterpret_cast<const char*>(buffer->data()), buffer->size()});
    for (const std::size_t count : {std::size_t{1}, kInputs.size()}) {
      const auto inputs = std::span(kInputs).first(count);
      try {
        answer(decode_infer(request, inputs), inputs);
      } catch (const dormouse::Failure&) {
      }
    }
    decode_body(request);
  });
}

#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/fuzz/fuzz.h"

// What is accepted is planned too, for inputs with 2 wherever the model leaves an extent open.
namespace {

using namespace dormouse::engine;

constexpr std::int64_t kLargest = 1 << 16;

/// Zeros for an input; nothing when they would be many.
std::optional<Tensor> zeros(const ValueInfo& input) {
  Shape shape = input.shape;
  std::int64_t elements = 1;
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    if (shape[d] == kDynamic) shape[d] = 2;
    if (shape[d] > kLargest || (elements *= shape[d]) > kLargest) return std::nullopt;
  }
  return Tensor(input.dtype, shape);
}

void plan(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    std::optional<Tensor> input = zeros(graph.value(id));
    if (!input) return;
    inputs.push_back(std::move(*input));
  }
  Session(graph, {}).placement(inputs);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return feed(data, size, [](std::shared_ptr<Buffer> buffer) { plan(read_onnx(std::move(buffer), "fuzz")); });
}

#include "drivers/vulkan/foreseen.h"

#include "drivers/vulkan/emitting.h"

namespace dormouse::drivers::vulkan {

Foreseen foresee(const engine::Partition& partition, Device& device, Constants& constants) {
  Foreseen sum;
  std::map<const std::byte*, std::weak_ptr<engine::Buffer>> seen;  // kernels' own constants come and go
  const auto count = [&](const engine::Tensor& tensor) {
    const std::size_t bytes = device_bytes(tensor.elements());
    std::weak_ptr<engine::Buffer>& known = seen[tensor.address()];
    if (known.lock() != tensor.buffer()) {
      sum.weights += bytes;
      if (!constants.holds(tensor)) sum.missing += bytes;
      known = tensor.buffer();
    }
    return std::make_shared<const Constant>(Constant{nullptr, 0, bytes});
  };
  Recorder recorder(partition, device, count);
  emit_nodes(partition, recorder);
  sum.arena = recorder.place();
  for (const auto* const ids : {&partition.inputs, &partition.outputs})
    for (const engine::ValueId id : *ids)
      sum.carried += device_bytes(partition.graph->value(id).shape.elements());
  return sum;
}

}  // namespace dormouse::drivers::vulkan

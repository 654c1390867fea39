#include "drivers/vulkan/foreseen.h"

#include "drivers/vulkan/emitting.h"
#include "drivers/vulkan/program.h"
#include "drivers/vulkan/tuner.h"

namespace dormouse::drivers::vulkan {

Foreseen foresee(const engine::Partition& partition, Device& device, Constants& constants, Tuner& tuner) {
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
  const auto no_halves = [](const engine::Tensor&) { return nullptr; };
  const auto tile = [&](const Uncut& product) {
    const auto chosen = tuner.chosen(product);
    sum.tuned &= chosen.has_value();
    return chosen ? *chosen : tuner.largest(product);
  };
  Recorder recorder(partition, device, {.constant = count, .halves = no_halves, .tile = tile});
  emit_nodes(partition, recorder);
  sum.arena = recorder.place();
  for (const auto* const ids : {&partition.inputs, &partition.outputs})
    for (const engine::ValueId id : *ids)
      sum.carried += device_bytes(partition.graph->value(id).shape.elements());
  // Blocks take turns: a step reads one and writes another, and by a third the one it reads could be made
  // again until the host has it.
  const std::size_t blocks = device.unified() ? 2 : 3;
  if (engine::is_training_step(partition))
    sum.kept = blocks * (Staying(partition).bytes + engine::kReadSlack);
  return sum;
}

}  // namespace dormouse::drivers::vulkan

#include <limits>
#include <string>

#include "engine/ops/elementwise.h"

namespace dormouse::engine {
namespace {

struct Shift {
  explicit Shift(const Attributes& attributes)
      : left(attributes.get<std::string>("direction", "") == "LEFT") {}
  bool left;
  template <class T>
  T operator()(T x, T by) const {
    if (by >= static_cast<T>(std::numeric_limits<T>::digits)) return 0;
    const std::uint64_t wide = x;
    return static_cast<T>(left ? wide << by : wide >> by);
  }
};

void infer(InferContext& context) {
  const auto direction = context.attributes().get<std::string>("direction", "");
  context.require(direction == "LEFT" || direction == "RIGHT", "direction is neither LEFT nor RIGHT");
  infer_broadcast(context);
}

Sample shifted(std::string direction) {
  const Tensor x = Tensor::from<std::uint8_t>({2, 2}, {1, 2, 77, 255});
  return {.shapes = {{2, 2}, {2}},
          .attributes = {{"direction", std::move(direction)}},
          .fixed = {{0, x}, {1, Tensor::from<std::uint8_t>({2}, {1, 8})}}};
}

}  // namespace

namespace ops {
extern const Op bit_shift{
    .name = "BitShift",
    .since = 11,
    .min_inputs = 2,
    .max_inputs = 2,
    .infer = infer,
    .kernels = binary_kernels<Shift>(Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>{}),
    .in_place = true,
    .elementwise = true,
    .samples = {shifted("LEFT"), shifted("RIGHT")}};
}  // namespace ops

}  // namespace dormouse::engine

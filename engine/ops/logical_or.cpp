#include "engine/ops/logical.h"

namespace dormouse::engine {
namespace {

struct Either {
  std::uint8_t operator()(std::uint8_t a, std::uint8_t b) const { return a != 0 || b != 0; }
};

}  // namespace

namespace ops {
extern const Op logical_or = logical_op<Either>("Or");
}  // namespace ops

}  // namespace dormouse::engine

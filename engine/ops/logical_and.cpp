#include "engine/ops/logical.h"

namespace dormouse::engine {
namespace {

struct Both {
  std::uint8_t operator()(std::uint8_t a, std::uint8_t b) const { return a != 0 && b != 0; }
};

}  // namespace

namespace ops {
extern const Op logical_and = logical_op<Both>("And");
}  // namespace ops

}  // namespace dormouse::engine

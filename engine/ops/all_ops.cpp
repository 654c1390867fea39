#include "engine/op.h"

// The table is made from the list in CMakeLists.txt: a file is an operator.
namespace dormouse::engine {

namespace ops {
#define DORMOUSE_OPERATOR(name) extern const Op name;
#include DORMOUSE_OPERATOR_TABLE
#undef DORMOUSE_OPERATOR
}  // namespace ops

namespace {

constexpr const Op* kTable[] = {
#define DORMOUSE_OPERATOR(name) &ops::name,
#include DORMOUSE_OPERATOR_TABLE
#undef DORMOUSE_OPERATOR
};

}  // namespace

std::span<const Op* const> all_ops() { return kTable; }

const Op* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  for (const Op* const op : kTable)
    if (op->name == name && op->domain == domain) return op;
  return nullptr;
}

}  // namespace dormouse::engine

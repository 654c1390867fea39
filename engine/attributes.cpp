#include "engine/attributes.h"

#include "config/error.h"

namespace dormouse::engine {

void throw_attribute_type(std::string_view name) {
  throw Failure(Errc::invalid,
                "attribute '" + std::string(name) + "' has another type than the operator defines");
}

}  // namespace dormouse::engine

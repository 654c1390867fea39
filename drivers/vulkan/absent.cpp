#include "config/log.h"
#include "drivers/vulkan/open.h"

namespace dormouse::drivers::vulkan {

const bool kBuiltIn = false;

std::optional<Opened> open_driver(const OpenOptions&) {
  log(Level::warning, "vulkan: not used: this program was built without");
  return std::nullopt;
}

}  // namespace dormouse::drivers::vulkan

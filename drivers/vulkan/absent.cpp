#include "drivers/vulkan/open.h"

namespace dormouse::drivers::vulkan {

const bool kBuiltIn = false;

Result<Opened> open_driver(const OpenOptions&) {
  return Error(Errc::unavailable, "this program was built without Vulkan");
}

}  // namespace dormouse::drivers::vulkan

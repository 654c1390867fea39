#include "config/log.h"
#include "drivers/vulkan/open.h"

namespace dormouse::drivers::vulkan {

const bool kBuiltIn = false;

const engine::Driver* open_driver(const std::string&, const std::filesystem::path&) {
  log(Level::warning, "vulkan: this program was built without");
  return nullptr;
}

}  // namespace dormouse::drivers::vulkan

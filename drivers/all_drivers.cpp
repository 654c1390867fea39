#include "drivers/all_drivers.h"

#include <vector>

#include "drivers/xnnpack/driver.h"

namespace dormouse::drivers {

std::span<const engine::Driver* const> all_drivers() {
  static const std::vector<const engine::Driver*> table = [] {
    std::vector<const engine::Driver*> working;
    if (xnnpack::works_here()) {
      static const xnnpack::XnnpackDriver driver;
      working.push_back(&driver);
    }
    return working;
  }();
  return table;
}

}  // namespace dormouse::drivers

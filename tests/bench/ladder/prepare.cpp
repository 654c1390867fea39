#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {

std::span<const Preparation> preparations() {
  static constexpr Preparation kAll[] = {{"mnist", prepare_images},
                                         {"fashion", prepare_images},
                                         {"hapt", prepare_activities},
                                         {"wisdm", prepare_phones},
                                         {"fsdd", prepare_digits}};
  return kAll;
}

}  // namespace dormouse::bench

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "capi/custom_operator.h"
#include "capi/dormouse.h"

struct dormouse_options {
  std::size_t threads = 1;
  std::string driver;  ///< empty: whatever there is
  std::vector<std::shared_ptr<const dormouse::capi::CustomOperator>> operators;
};

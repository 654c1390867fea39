#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/driver.h"

namespace dormouse::daemon {

/// What the engine does with one operator.
struct Coverage {
  std::string op;
  std::string domain;              ///< "ai.onnx", …, "dormouse" for what only our own graphs hold
  int since;                       ///< the first opset whose form is read
  std::vector<std::string> types;  ///< with a kernel; none where subgraphs decide
  bool gradient;
  std::string driver;  ///< a compute driver that takes its samples; empty: portable kernels alone
};

/// Every operator of the engine, by domain and name.
std::vector<Coverage> coverage(std::span<const engine::Driver* const> drivers);

}  // namespace dormouse::daemon

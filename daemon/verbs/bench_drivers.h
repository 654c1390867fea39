#pragma once

#include "daemon/verbs/verb.h"

namespace dormouse::daemon {

/// `dormouse bench MODEL.onnx --driver all`: a line a driver, and what `auto` chooses by.
int bench_drivers(const Arguments& arguments);

}  // namespace dormouse::daemon

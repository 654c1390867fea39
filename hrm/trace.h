#pragma once

#include <istream>
#include <string>
#include <vector>

#include "hrm/replay.h"

namespace dormouse::hrm {

/// What requests met, as JSON lines. The first says what follows:
///
///   {"format": "dormouse-trace", "version": 1}
///
/// and each other line is a request, drawn without regard to what was answered:
///
///   {"signals": {"confidence": 0.93, "margin": 0.9}, "low": {"label": 3, "us": 12.5},
///    "high": {"label": 3, "us": 800}, "truth": 3}
///
/// `signals` are some of kSignals, confidence among them; one that is missing is 0. `label` and `truth` are
/// numbers or strings, `us` is the time it took.
struct Trace {
  std::vector<TracedRequest> requests;
  bool truth = false;  ///< known; otherwise right is what the high model says
};

/// Throws Failure(corrupt) with `name`, line and reason for the first line that is not as above, and where
/// some requests have a truth and others not.
Trace read_trace(std::istream& lines, const std::string& name);

}  // namespace dormouse::hrm

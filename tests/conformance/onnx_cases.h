#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/driver.h"

/// The cases that ONNX ships: a model, and inputs with the outputs they give.
namespace dormouse::engine::conformance {

struct OnnxCase {
  std::string name;  ///< "node/test_abs": a folder of the test data
  std::string tier;
};

/// Why a case does not pass.
struct Unsupported {
  std::string how;  ///< "refused" when the model is loaded, or "differs" in what it computes
  std::string why;
};

/// Every case of tiers.tsv.
std::vector<OnnxCase> onnx_cases();
/// unsupported.tsv, by the case's name.
std::map<std::string, Unsupported> unsupported_cases();
/// Whether the cases are installed on this machine.
bool onnx_cases_installed();

struct Outcome {
  enum class Kind { passes, refused, differs } kind = Kind::passes;
  std::string what = {};    ///< what was refused or differs
  std::size_t claimed = 0;  ///< nodes that a driver computed
};

/// Imports the case's model and runs it on each of its data sets. Drivers compute every node they support,
/// worthwhile or not. An error other than a refusal counts as a difference.
Outcome run_case(const OnnxCase& item, std::span<const Driver* const> drivers);

}  // namespace dormouse::engine::conformance

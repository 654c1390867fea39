#pragma once

#include <map>
#include <string>

#include "learning/versions.h"

namespace dormouse::learning {

/// manifest.json: a version without its tensors, their shapes and the hashes of the files.
struct Manifest {
  Version version;                              ///< weights and Fisher empty
  std::map<std::string, engine::Shape> shapes;  ///< of the weights, grown ones included
  std::map<std::string, std::string> sha256;    ///< by file name
};

std::string to_json(const Manifest& manifest);
/// Throws Failure(corrupt) beginning with `name`.
Manifest parse_manifest(std::string_view json, const std::string& name);

}  // namespace dormouse::learning

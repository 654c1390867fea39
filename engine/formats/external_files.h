#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Files that an untrusted model names, looked up beneath its folder only.
class ExternalFiles {
 public:
  explicit ExternalFiles(std::string folder) : folder_(std::move(folder)) {}

  /// Maps `location` once. It must be relative, without "..", and reach a regular file without symbolic
  /// links, which has no other name (hard link); else throws Failure(denied) naming it. Failure(not_found /
  /// io) as map_file.
  std::shared_ptr<Buffer> map(const std::string& location);
  /// Those that were mapped, by location.
  std::vector<std::shared_ptr<Buffer>> mapped() const;

 private:
  std::string folder_;
  std::map<std::string, std::shared_ptr<Buffer>> mapped_;
};

}  // namespace dormouse::engine

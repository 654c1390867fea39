#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Memory for what the runs of one context hand out.
///
/// A buffer that its last reader lets go of serves a later run, as it is: zeroing large outputs and asking
/// for fresh memory takes as long as computing them. What waits is zeroed when the context goes, as arenas
/// are. Readers may let go in any thread, and after the context has gone.
class OutputBuffers {
 public:
  /// Of as many bytes as `sizes` says, by output.
  explicit OutputBuffers(std::vector<std::size_t> sizes);

  /// For output `i`; holds what is left of an earlier run.
  std::shared_ptr<Buffer> take(std::size_t i) const;

 private:
  struct Shelf {
    std::mutex mutex;
    std::vector<std::shared_ptr<Buffer>> waiting;  ///< by output; or null
  };

  std::vector<std::size_t> sizes_;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace dormouse::engine

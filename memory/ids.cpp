#include "memory/ids.h"

namespace dormouse::memory {

std::optional<EpisodeId> IdAllocator::take() {
  while (!blocks_.empty() && blocks_.front().count == 0) blocks_.pop_front();
  if (blocks_.empty()) return std::nullopt;
  IdBlock& block = blocks_.front();
  --block.count;
  --left_;
  return block.first++;
}

}  // namespace dormouse::memory

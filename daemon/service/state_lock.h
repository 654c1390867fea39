#pragma once

#include <filesystem>

namespace dormouse::daemon {

/// A state folder belongs to one daemon at a time: a second would end the first one's night and take its ids.
///
/// Held until destroyed, or until the process dies, however it does.
class StateLock {
 public:
  /// Throws Failure(conflict) when another daemon holds it, Failure(io) when the folder refuses.
  explicit StateLock(const std::filesystem::path& state);
  ~StateLock();
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace dormouse::daemon

#pragma once

#include <cstdint>
#include <memory>
#include <string>

/// A file layer for SQLite that is the system's until it breaks.
///
/// From the chosen operation on (writes, syncs and truncations count, of every file), everything that would
/// change a file fails, as when the power goes. `torn` lets the first half of the failing write through.
class FailingVfs {
 public:
  enum class Way { io_error, disk_full, torn };

  FailingVfs();
  ~FailingVfs();
  FailingVfs(const FailingVfs&) = delete;
  FailingVfs& operator=(const FailingVfs&) = delete;

  /// The operation `n` from now (1 is the next) breaks, and all after it.
  void break_at(std::uint64_t n, Way way);
  void repair();
  bool broke() const { return broken_; }
  std::uint64_t operations() const { return operations_; }
  const std::string& name() const { return name_; }

  /// For the file methods: counts one operation and says whether it may happen.
  bool permit();
  Way way() const { return way_; }

 private:
  struct Layer;
  std::string name_;
  std::unique_ptr<Layer> layer_;
  std::uint64_t operations_ = 0;
  std::uint64_t breaks_at_ = 0;  ///< 0: never
  bool broken_ = false;
  Way way_ = Way::io_error;
};

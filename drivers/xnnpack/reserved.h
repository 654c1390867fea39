#pragma once

#include <cstddef>

namespace dormouse::drivers::xnnpack {

/// Pages that are used for one thing after the other: the system hands them out and zeroes them once, not
/// each time.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Puts them where private memory of so many bytes was; false, and nothing is changed, while they are
  /// elsewhere or where the system has none.
  bool lend(std::byte* to, std::size_t bytes);
  void take_back() { lent_ = false; }

 private:
  int file_ = -1;
  std::size_t size_ = 0;
  bool lent_ = false;
};

/// Addresses that are taken, and memory behind them while it is needed.
class Reserved {
 public:
  explicit Reserved(std::size_t size);
  ~Reserved();
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  std::byte* data() const { return data_; }

  /// It may be written to: `scratch`, borrowed until give_back(), or memory of its own. What is there is
  /// unspecified.
  void take(Scratch& scratch);
  /// The memory goes, the addresses stay taken.
  void give_back();

 private:
  std::byte* data_;
  std::size_t size_;
  Scratch* lender_ = nullptr;
};

}  // namespace dormouse::drivers::xnnpack

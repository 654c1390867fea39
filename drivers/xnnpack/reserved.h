#pragma once

#include <cstddef>

namespace dormouse::drivers::xnnpack {

/// Pages that are used for one thing after the other: the system hands them out and zeroes them once, not
/// each time. They move to where they are wanted, and back.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Moves them to where private memory of so many bytes was, at the beginning of a page; false, and nothing
  /// is changed, while they are elsewhere or where the system cannot.
  bool lend(std::byte* to, std::size_t bytes);
  /// Moves back what was lent last. The addresses stay taken, with nothing behind them; false where the
  /// system cannot.
  bool take_back();

 private:
  bool grow(std::size_t bytes);

  std::byte* home_ = nullptr;
  std::size_t size_ = 0;
  std::byte* lent_to_ = nullptr;
  std::size_t lent_ = 0;
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

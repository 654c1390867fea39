#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dormouse::hrm {

/// Numbers as words of a text that reads back to the bit.
class NumberWriter {
 public:
  void add(double number);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Throws Failure(corrupt) for a word that is no such number, or a text that is too short. `text` is
/// borrowed.
class NumberReader {
 public:
  explicit NumberReader(std::string_view text) : text_(text) {}

  /// Finite.
  double number();
  float real() { return static_cast<float>(number()); }
  /// Whole, from 0 to `most`.
  std::size_t count(std::size_t most);
  bool flag() { return count(1) == 1; }
  bool done() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace dormouse::hrm

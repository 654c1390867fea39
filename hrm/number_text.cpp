#include "hrm/number_text.h"

#include <charconv>
#include <cmath>

#include "config/error.h"

namespace dormouse::hrm {

void NumberWriter::add(double number) {
  char word[32];
  const auto [end, error] = std::to_chars(word, word + sizeof word, number);
  ensure(error == std::errc{}, "a double fits into 24 characters");
  text_.append(word, end).push_back(' ');
}

double NumberReader::number() {
  double value = 0;
  const char* const last = text_.data() + text_.size();
  const auto [end, error] = std::from_chars(text_.data(), last, value);
  if (error != std::errc{} || end == last || *end != ' ' || !std::isfinite(value))
    throw Failure(Errc::corrupt, "a number is missing or wrong");
  text_.remove_prefix(static_cast<std::size_t>(end - text_.data()) + 1);
  return value;
}

std::size_t NumberReader::count(std::size_t most) {
  const double value = number();
  if (value < 0 || value > static_cast<double>(most) || value != std::floor(value))
    throw Failure(Errc::corrupt, "a count is out of range");
  return static_cast<std::size_t>(value);
}

}  // namespace dormouse::hrm

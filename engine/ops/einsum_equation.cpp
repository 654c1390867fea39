#include "engine/ops/einsum_equation.h"

#include <algorithm>

#include "config/error.h"

namespace dormouse::engine {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& what) {
  throw Failure(Errc::invalid, "Einsum: equation \"" + std::string(text) + "\": " + what);
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Letters and at most one ellipsis, which becomes '.'.
std::string term(std::string_view text, std::string_view from) {
  std::string result;
  while (!from.empty()) {
    if (from.starts_with("...")) {
      if (result.find('.') != std::string::npos) refuse(text, "a term has more than one ellipsis");
      result += '.';
      from.remove_prefix(3);
      continue;
    }
    if (!is_letter(from[0])) refuse(text, std::string("'") + from[0] + "' is not a letter");
    result += from[0];
    from.remove_prefix(1);
  }
  return result;
}

}  // namespace

EinsumEquation::EinsumEquation(std::string_view text) {
  std::string dense;
  std::ranges::copy_if(text, std::back_inserter(dense), [](char c) { return c != ' '; });
  const std::size_t arrow = dense.find("->");
  std::string_view left = std::string_view(dense).substr(0, arrow);
  for (bool more = true; more;) {
    const std::size_t comma = left.find(',');
    operands_.push_back(term(text, left.substr(0, comma)));
    more = comma != std::string_view::npos;
    if (more) left.remove_prefix(comma + 1);
  }
  std::string letters;  // with every repetition
  for (const std::string& operand : operands_) letters += operand;
  std::ranges::sort(letters);  // '.' comes before letters
  if (arrow == std::string::npos) {
    for (const char c : letters)
      if (std::ranges::count(letters, c) == 1 || (c == '.' && !result_.starts_with('.'))) result_ += c;
    return;
  }
  result_ = term(text, std::string_view(dense).substr(arrow + 2));
  for (const char c : result_) {
    if (letters.find(c) == std::string::npos) refuse(text, "the result has what no operand has");
    if (std::ranges::count(result_, c) > 1) refuse(text, "the result has a letter twice");
  }
}

std::optional<EinsumLabels> EinsumEquation::labels(std::size_t operand, std::size_t rank) const {
  const std::string& term = operands_[operand];
  const bool open = term.find('.') != std::string::npos;
  const std::size_t letters = term.size() - (open ? 1 : 0);
  if (open ? rank < letters : rank != letters) return std::nullopt;
  EinsumLabels result;
  for (const char c : term) {
    if (c != '.') result.push_back(c);
    for (std::size_t d = rank - letters; c == '.' && d-- > 0;)
      result.push_back(kEllipsis + static_cast<int>(d));
  }
  return result;
}

EinsumLabels EinsumEquation::result_labels(std::span<const EinsumLabels> operands) const {
  int unnamed = 0;
  for (const EinsumLabels& operand : operands)
    for (const int label : operand) unnamed = std::max(unnamed, label - kEllipsis + 1);
  EinsumLabels result;
  for (const char c : result_) {
    if (c != '.') result.push_back(c);
    for (int d = unnamed; c == '.' && d-- > 0;) result.push_back(kEllipsis + d);
  }
  return result;
}

std::string einsum_term(const std::string& letters) {
  std::string result;
  for (const char c : letters) result += c == '.' ? std::string("...") : std::string(1, c);
  return result;
}

}  // namespace dormouse::engine

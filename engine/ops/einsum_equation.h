#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::engine {

/// The dimensions of a term of an einsum equation, as labels: a letter is its character; the dimensions that
/// an ellipsis stands for are kEllipsis + their place, counted from the last.
using EinsumLabels = std::vector<int>;
inline constexpr int kEllipsis = 256;

/// "ij,jk->ik" and its like; without "->" the result has the ellipsis, then the letters that come up once in
/// alphabetical order.
class EinsumEquation {
 public:
  /// Throws Failure(invalid) saying what is wrong with `text`.
  explicit EinsumEquation(std::string_view text);

  std::size_t operands() const { return operands_.size(); }
  const std::string& operand(std::size_t i) const { return operands_[i]; }
  const std::string& result() const { return result_; }  ///< also when it was implied

  /// The labels of an operand of `rank` dimensions; nothing when the term does not have as many.
  std::optional<EinsumLabels> labels(std::size_t operand, std::size_t rank) const;
  /// The labels of the result of operands of these labels.
  EinsumLabels result_labels(std::span<const EinsumLabels> operands) const;

 private:
  std::vector<std::string> operands_;  // without spaces, the ellipsis as one '.'
  std::string result_;
};

/// A term as an equation writes it: operand() and result() have one . for an ellipsis.
std::string einsum_term(const std::string& letters);

}  // namespace dormouse::engine

#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "engine/tensor.h"

/// A file of tests/data/linoss: numbers in nested lists, found by the names of the objects around them.
class Golden {
 public:
  explicit Golden(const std::string& name);

  bool has(const std::string& path) const;  ///< "grad.B_re"
  const boost::json::value& at(const std::string& path) const;
  double number(const std::string& path) const;
  std::string text(const std::string& path) const;
  /// A list of lists as a tensor f64; all rows are of one length.
  dormouse::engine::Tensor tensor(const std::string& path) const;

 private:
  boost::json::value document_;
};

/// Matrices f64: their transpose, columns and rows side by side, and a factor.
dormouse::engine::Tensor transposed(const dormouse::engine::Tensor& matrix);
dormouse::engine::Tensor beside(const dormouse::engine::Tensor& left, const dormouse::engine::Tensor& right);
dormouse::engine::Tensor below(const dormouse::engine::Tensor& upper, const dormouse::engine::Tensor& lower);
dormouse::engine::Tensor times(const dormouse::engine::Tensor& matrix, double factor);

/// CHECKs that every element is within `tolerance` of the expected one, relative to the largest of them (or
/// to 1, where they are small). Tensors of any floating type, of as many elements.
void check_close(const dormouse::engine::Tensor& got, const dormouse::engine::Tensor& expected,
                 double tolerance);

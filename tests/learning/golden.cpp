#include "tests/learning/golden.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <sstream>

using dormouse::engine::DType;
using dormouse::engine::Shape;
using dormouse::engine::Tensor;

namespace {

/// The extents of nested lists, as the first of each kind has them.
Shape extents_of(const boost::json::value& value) {
  Shape shape;
  for (const boost::json::value* at = &value; at->is_array(); at = &at->as_array().front())
    shape.push_back(static_cast<std::int64_t>(at->as_array().size()));
  return shape;
}

void append(const boost::json::value& value, std::vector<double>& elements) {
  if (!value.is_array()) return elements.push_back(value.to_number<double>());
  for (const boost::json::value& item : value.as_array()) append(item, elements);
}

/// A matrix whose element (i, j) is at(i, j).
template <class At>
Tensor made(std::int64_t rows, std::int64_t columns, At at) {
  Tensor result(DType::f64, Shape{rows, columns});
  const auto values = result.mutable_values<double>();
  for (std::int64_t i = 0; i < rows * columns; ++i)
    values[static_cast<std::size_t>(i)] = at(i / columns, i % columns);
  return result;
}

double element(const Tensor& matrix, std::int64_t i, std::int64_t j) {
  return matrix.values<double>()[static_cast<std::size_t>(i * matrix.shape()[1] + j)];
}

}  // namespace

Golden::Golden(const std::string& name) {
  std::ifstream file(DORMOUSE_TEST_DATA "/linoss/" + name + ".json");
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  document_ = boost::json::parse(text.str());
}

bool Golden::has(const std::string& path) const {
  const boost::json::value* at = &document_;
  std::istringstream names(path);
  for (std::string name; std::getline(names, name, '.');) {
    at = at->is_object() ? at->as_object().if_contains(name) : nullptr;
    if (!at) return false;
  }
  return true;
}

const boost::json::value& Golden::at(const std::string& path) const {
  const boost::json::value* at = &document_;
  std::istringstream names(path);
  for (std::string name; std::getline(names, name, '.');) at = &at->as_object().at(name);
  return *at;
}

double Golden::number(const std::string& path) const { return at(path).to_number<double>(); }
std::string Golden::text(const std::string& path) const { return std::string(at(path).as_string()); }

Tensor Golden::tensor(const std::string& path) const {
  std::vector<double> elements;
  append(at(path), elements);
  return Tensor::from<double>(extents_of(at(path)), elements);
}

Tensor transposed(const Tensor& matrix) {
  return made(matrix.shape()[1], matrix.shape()[0], [&](auto i, auto j) { return element(matrix, j, i); });
}

Tensor beside(const Tensor& left, const Tensor& right) {
  const std::int64_t columns = left.shape()[1];
  return made(left.shape()[0], columns + right.shape()[1], [&](auto i, auto j) {
    return j < columns ? element(left, i, j) : element(right, i, j - columns);
  });
}

Tensor below(const Tensor& upper, const Tensor& lower) {
  const std::int64_t rows = upper.shape()[0];
  return made(rows + lower.shape()[0], upper.shape()[1],
              [&](auto i, auto j) { return i < rows ? element(upper, i, j) : element(lower, i - rows, j); });
}

Tensor times(const Tensor& matrix, double factor) {
  return made(matrix.shape()[0], matrix.shape()[1],
              [&](auto i, auto j) { return factor * element(matrix, i, j); });
}

void check_close(const Tensor& got, const Tensor& expected, double tolerance) {
  const Tensor wide = got.as(DType::f64);
  const auto a = wide.values<double>(), b = expected.values<double>();
  REQUIRE(a.size() == b.size());
  double scale = 1;
  for (const double value : b) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO("element " << i);
    CHECK(std::abs(a[i] - b[i]) <= tolerance * scale);
  }
}

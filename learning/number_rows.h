#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "config/error.h"

/// Structs of doubles alone as rows of numbers, for states that are written down.
namespace dormouse::learning {

template <class T>
using NumberRow = std::array<double, sizeof(T) / sizeof(double)>;

template <class T>
std::vector<double> numbers_of(const std::vector<T>& structs) {
  std::vector<double> numbers;
  for (const T& one : structs) {
    const auto row = std::bit_cast<NumberRow<T>>(one);
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  return numbers;
}

/// Throws Failure(corrupt) beginning with `of` unless they are `count` rows of finite numbers.
template <class T>
std::vector<T> structs_of(std::span<const double> numbers, std::size_t count, const std::string& of) {
  NumberRow<T> row;
  const bool finite = std::ranges::all_of(numbers, [](double x) { return std::isfinite(x); });
  if (!finite || numbers.size() != count * row.size())
    throw Failure(Errc::corrupt, of + ": numbers of other channels");
  std::vector<T> structs;
  for (; !numbers.empty(); numbers = numbers.subspan(row.size())) {
    std::copy_n(numbers.begin(), row.size(), row.begin());
    structs.push_back(std::bit_cast<T>(row));
  }
  return structs;
}

}  // namespace dormouse::learning

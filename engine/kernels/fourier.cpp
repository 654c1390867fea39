#include "engine/kernels/fourier.h"

#include <bit>
#include <numbers>
#include <utility>
#include <vector>

namespace dormouse::engine {
namespace {

using Complex = std::complex<double>;

// e^(∓2πik/N) for every k.
std::vector<Complex> roots(std::size_t count, bool inverse) {
  const double turn = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(count);
  std::vector<Complex> result(count);
  for (std::size_t k = 0; k < count; ++k) result[k] = std::polar(1.0, turn * static_cast<double>(k));
  return result;
}

// The order in which halving leaves the elements: their indices with the bits turned round.
void reverse_bits(std::span<Complex> line) {
  for (std::size_t i = 1, j = 0; i < line.size(); ++i) {
    std::size_t bit = line.size() >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(line[i], line[j]);
  }
}

void by_halves(std::span<Complex> line, const std::vector<Complex>& root) {
  reverse_bits(line);
  for (std::size_t width = 2; width <= line.size(); width *= 2) {
    const std::size_t half = width / 2, stride = line.size() / width;
    for (std::size_t first = 0; first < line.size(); first += width) {
      for (std::size_t k = 0; k < half; ++k) {
        const Complex even = line[first + k], odd = line[first + half + k] * root[k * stride];
        line[first + k] = even + odd;
        line[first + half + k] = even - odd;
      }
    }
  }
}

void term_by_term(std::span<Complex> line, const std::vector<Complex>& root) {
  const std::vector<Complex> x(line.begin(), line.end());
  for (std::size_t k = 0; k < line.size(); ++k) {
    Complex sum = 0;
    for (std::size_t n = 0, turn = 0; n < x.size(); ++n) {
      sum += x[n] * root[turn];
      turn += k;
      if (turn >= x.size()) turn -= x.size();
    }
    line[k] = sum;
  }
}

}  // namespace

void fourier(std::span<Complex> line, bool inverse) {
  if (line.empty()) return;
  const std::vector<Complex> root = roots(line.size(), inverse);
  std::has_single_bit(line.size()) ? by_halves(line, root) : term_by_term(line, root);
  if (!inverse) return;
  for (Complex& value : line) value /= static_cast<double>(line.size());
}

}  // namespace dormouse::engine

#include "memory/moments.h"

#include <algorithm>
#include <cmath>

#include "config/error.h"

namespace dormouse::memory {

void Moments::add(std::span<const float> vector) {
  if (count == 0) mean.assign(vector.size(), 0);
  ensure(mean.size() == vector.size(), "vectors of one width");
  ++count;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double before = double{vector[i]} - mean[i];
    mean[i] += before / static_cast<double>(count);
    squares += before * (double{vector[i]} - mean[i]);
  }
}

void Moments::add(const Moments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  ensure(mean.size() == other.mean.size(), "vectors of one width");
  const auto mine = static_cast<double>(count), theirs = static_cast<double>(other.count);
  squares += other.squares;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double gap = other.mean[i] - mean[i];
    squares += gap * gap * mine * theirs / (mine + theirs);
    mean[i] += gap * theirs / (mine + theirs);
  }
  count += other.count;
}

void Moments::remove(std::span<const float> vector) {
  ensure(count > 0 && mean.size() == vector.size(), "it was added before");
  if (--count == 0) {
    *this = {};
    return;
  }
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double after = double{vector[i]} - mean[i];
    mean[i] -= after / static_cast<double>(count);
    squares -= after * (double{vector[i]} - mean[i]);
  }
  squares = std::max(squares, 0.0);
}

void Moments::remove(const Moments& part) {
  if (part.count == 0) return;
  ensure(count >= part.count && mean.size() == part.mean.size(), "it was added before");
  if (count == part.count) {
    *this = {};
    return;
  }
  const auto all = static_cast<double>(count), theirs = static_cast<double>(part.count);
  squares -= part.squares;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double left = (all * mean[i] - theirs * part.mean[i]) / (all - theirs);
    const double gap = part.mean[i] - left;
    squares -= gap * gap * (all - theirs) * theirs / all;
    mean[i] = left;
  }
  squares = std::max(squares, 0.0);
  count -= part.count;
}

float Moments::spread() const {
  return count == 0 ? 0.0f : static_cast<float>(std::sqrt(squares / static_cast<double>(count)));
}

}  // namespace dormouse::memory

#include "tests/bench/samples.h"

#include <algorithm>
#include <cstdio>

#include "config/error.h"

namespace dormouse::bench {

double Samples::quantile(double q) const {
  ensure(!values_.empty(), "something was measured");
  auto sorted = values_;
  std::ranges::sort(sorted);
  const auto index = static_cast<std::size_t>(q * static_cast<double>(sorted.size()));
  return sorted[std::min(index, sorted.size() - 1)];
}

std::string Samples::text() const {
  char line[96];
  std::snprintf(line, sizeof(line), "%9.1f µs (p5 %.1f, p95 %.1f)", median(), quantile(0.05), quantile(0.95));
  return line;
}

}  // namespace dormouse::bench

#include "tests/bench/router/verdict.h"

#include <cstdio>

namespace dormouse::bench {

void Verdicts::print(bool held, const std::string& what, double value, const char* way, double bound,
                     const char* unit) {
  std::printf("%s  %s: %.3g%s (at %s %g%s)\n", held ? "PASS" : "FAIL", what.c_str(), value, unit, way, bound,
              unit);
  std::fflush(stdout);
  missed_ |= !held;
}

void Verdicts::at_most(const std::string& what, double value, double bound, const char* unit) {
  print(value <= bound, what, value, "most", bound, unit);
}

void Verdicts::at_least(const std::string& what, double value, double bound, const char* unit) {
  print(value >= bound, what, value, "least", bound, unit);
}

}  // namespace dormouse::bench

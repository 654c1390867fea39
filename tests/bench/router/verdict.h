#pragma once

#include <string>

namespace dormouse::bench {

/// Figures beside what they are held to.
class Verdicts {
 public:
  void at_most(const std::string& what, double value, double bound, const char* unit = " %");
  void at_least(const std::string& what, double value, double bound, const char* unit = " %");
  bool missed() const { return missed_; }

 private:
  void print(bool held, const std::string& what, double value, const char* way, double bound,
             const char* unit);
  bool missed_ = false;
};

}  // namespace dormouse::bench

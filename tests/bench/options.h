#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dormouse::bench {

/// `--name value` pairs of a benchmark's command line.
class Options {
 public:
  /// Throws Failure(invalid) for anything else.
  Options(int argc, const char* const* argv);

  /// Throws Failure(invalid) naming the option that is missing.
  const std::string& text(const std::string& name) const;
  std::string text(const std::string& name, const std::string& fallback) const;
  /// Throws Failure(invalid) when it is no number.
  double number(const std::string& name, double fallback) const;
  /// Comma-separated; empty when it is not given.
  std::vector<std::string> list(const std::string& name) const;
  bool has(const std::string& name) const { return values_.contains(name); }

 private:
  std::map<std::string, std::string> values_;
};

/// A benchmark, or a part of one; returns the process's exit status.
using Benchmark = std::function<int(const Options&)>;

/// The whole of a benchmark's main(): runs it on its command line and returns its exit status; 2, with what
/// was wrong on stderr, when it throws.
int guarded(int argc, const char* const* argv, const Benchmark& run);
/// The same where the first word of the command line names the part to run.
int guarded(int argc, const char* const* argv, const std::map<std::string, Benchmark>& parts);

}  // namespace dormouse::bench

#include "tests/bench/options.h"

#include <charconv>
#include <sstream>

#include "config/error.h"

namespace dormouse::bench {

Options::Options(int argc, const char* const* argv) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (!name.starts_with("--") || i + 1 == argc)
      throw Failure(Errc::invalid, name + ": expected --NAME VALUE pairs");
    values_[name.substr(2)] = argv[i + 1];
  }
}

const std::string& Options::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Failure(Errc::invalid, "--" + name + " is missing");
  return found->second;
}

std::string Options::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? text(name) : fallback;
}

double Options::number(const std::string& name, double fallback) const {
  if (!has(name)) return fallback;
  const std::string& value = text(name);
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size())
    throw Failure(Errc::invalid, "--" + name + " " + value + ": expected a number");
  return number;
}

std::vector<std::string> Options::list(const std::string& name) const {
  std::vector<std::string> parts;
  std::istringstream stream(text(name, ""));
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

}  // namespace dormouse::bench

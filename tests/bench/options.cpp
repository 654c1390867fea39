#include "tests/bench/options.h"

#include <charconv>
#include <cstdio>
#include <filesystem>
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

namespace {

int guarded(const std::string& name, const std::function<int()>& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 2;
  }
}

std::string name_of(const char* program) { return std::filesystem::path(program).filename(); }

}  // namespace

int guarded(int argc, const char* const* argv, const Benchmark& run) {
  return guarded(name_of(argv[0]), [&] { return run(Options(argc, argv)); });
}

int guarded(int argc, const char* const* argv, const std::map<std::string, Benchmark>& parts) {
  return guarded(name_of(argv[0]), [&] {
    const auto part = parts.find(argc > 1 ? argv[1] : "");
    if (part != parts.end()) return part->second(Options(argc - 1, argv + 1));
    std::string known;
    for (const auto& [name, run] : parts) known += " " + name;
    throw Failure(Errc::invalid, "name a part, one of" + known + ", and then --NAME VALUE …");
  });
}

}  // namespace dormouse::bench

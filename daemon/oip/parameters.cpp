#include <algorithm>

#include "daemon/oip/codec.h"

namespace dormouse::daemon {

void Parameters::set(std::string name, Parameter value) {
  const auto found = std::ranges::find(entries_, name, &std::pair<std::string, Parameter>::first);
  if (found != entries_.end()) {
    found->second = std::move(value);
  } else {
    entries_.emplace_back(std::move(name), std::move(value));
  }
}

const Parameter* Parameters::find(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &std::pair<std::string, Parameter>::first);
  return found == entries_.end() ? nullptr : &found->second;
}

bool Parameters::flag(std::string_view name, bool fallback) const {
  const Parameter* value = find(name);
  if (!value) return fallback;
  if (const bool* flag = std::get_if<bool>(value)) return *flag;
  throw Failure(Errc::invalid, "parameter '" + std::string(name) + "' must be true or false");
}

std::optional<std::int64_t> Parameters::count(std::string_view name, std::int64_t least) const {
  const Parameter* value = find(name);
  if (!value) return std::nullopt;
  const auto* count = std::get_if<std::int64_t>(value);
  if (count && *count >= least) return *count;
  throw Failure(Errc::invalid, "parameter '" + std::string(name) + "' must be a whole number from " +
                                   std::to_string(least) + " up");
}

}  // namespace dormouse::daemon

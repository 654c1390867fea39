#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

#include "config/scalars.h"
#include "config/text.h"
#include "daemon/verbs/verb.h"

namespace dormouse::daemon {
namespace {

constexpr std::array<Option, 4> kCommon{
    {{"json", "", "print JSON, for scripts: what the daemon says, or the command finds"},
     {"socket", "PATH",
      "the daemon's socket ($DORMOUSE_SOCKET, else /run/dormouse/dormouse.sock; for what changes it "
      "$DORMOUSE_ADMIN_SOCKET, else admin.sock beside it)"},
     {"config", "FILE", "the configuration (else /etc/dormouse/dormouse.yaml)"},
     {"help", "", "show this help"}}};

const Option* find(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

/// `word`: as it was written.
const Option& known(std::span<const Option> options, std::string_view name, std::string_view word) {
  if (const Option* option = find(options, name)) return *option;
  if (const Option* option = find(kCommon, name)) return *option;
  std::vector<std::string_view> names;
  for (const Option& option : options) names.push_back(option.name);
  for (const Option& option : kCommon) names.push_back(option.name);
  const std::string_view near = config::nearest(name, names);
  std::string message = "there is no option " + std::string(word);
  if (!near.empty()) message += "; did you mean --" + std::string(near) + "?";
  throw UsageError{message};
}

}  // namespace

std::span<const Option> common_options() { return kCommon; }

Arguments::Arguments(std::span<const std::string> words, std::span<const Option> options) {
  bool only_positional = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!only_positional && word == "--") {
      only_positional = true;
      continue;
    }
    if (only_positional || word == "-" || !word.starts_with('-')) {
      positional_.emplace_back(word);
      continue;
    }
    const std::string_view text = word == "-h"   ? "help"
                                  : word == "-o" ? find(options, "out") ? "out" : "output"
                                                 : word.substr(word.starts_with("--") ? 2 : 1);
    const auto equals = text.find('=');
    const Option& option = known(options, text.substr(0, equals), word.substr(0, word.find('=')));
    const std::string name(option.name);
    if (option.value.empty()) {
      if (equals != text.npos) throw UsageError{"--" + name + " takes no value"};
      values_[name];
    } else if (equals != text.npos) {
      values_[name] = text.substr(equals + 1);
    } else if (i + 1 < words.size()) {
      values_[name] = words[++i];
    } else {
      throw UsageError{"--" + name + " needs a value: " + std::string(option.value)};
    }
  }
}

const std::string& Arguments::positional(std::size_t index, std::string_view what) const {
  if (index < positional_.size()) return positional_[index];
  throw UsageError{std::string(what) + " is missing"};
}

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::string Arguments::value_or(std::string_view name, std::string_view fallback) const {
  return value(name).value_or(std::string(fallback));
}

std::optional<std::int64_t> Arguments::integer(std::string_view name) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  if (const auto number = config::parse_number<std::int64_t>(*text)) return number;
  throw UsageError{"--" + std::string(name) + " must be a whole number, not '" + *text + "'"};
}

std::optional<double> Arguments::number(std::string_view name, std::string_view wanted,
                                        bool (*fits)(double)) const {
  const auto text = value(name);
  if (!text) return std::nullopt;
  const auto number = config::parse_number<double>(*text);
  if (number && fits(*number)) return number;
  throw UsageError{"--" + std::string(name) + " must be " + std::string(wanted) + ", not '" + *text + "'"};
}

std::string Arguments::socket() const {
  const char* environment = std::getenv("DORMOUSE_SOCKET");
  return value_or("socket", environment ? environment : "/run/dormouse/dormouse.sock");
}

std::string Arguments::admin_socket() const {
  const char* environment = std::getenv("DORMOUSE_ADMIN_SOCKET");
  if (environment && *environment && !value("socket")) return environment;
  const std::filesystem::path beside = std::filesystem::path(socket()).parent_path() / "admin.sock";
  std::error_code ignored;
  return std::filesystem::exists(beside, ignored) ? beside.string() : socket();
}

std::string Arguments::config() const { return value_or("config", "/etc/dormouse/dormouse.yaml"); }

}  // namespace dormouse::daemon

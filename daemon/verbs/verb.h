#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::daemon {

/// What `dormouse VERB` ends with.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kUnreachable = 3,
  kDenied = 4,
  kDegraded = 5,
  kConfiguration = 78
};

/// An option of a verb: "--name" is a flag, "--name VALUE" takes a value.
struct Option {
  std::string_view name;   ///< without the dashes
  std::string_view value;  ///< what to call the value in the help; empty for a flag
  std::string_view help;
};

/// What stood behind the verb, checked against its options.
class Arguments {
 public:
  /// Throws UsageError on an unknown option (with the nearest known one), a missing or unexpected value.
  Arguments(std::span<const std::string> words, std::span<const Option> options);

  const std::vector<std::string>& positional() const { return positional_; }
  /// The positional argument `index`. Throws UsageError naming it `what` when it is missing.
  const std::string& positional(std::size_t index, std::string_view what) const;
  bool flag(std::string_view name) const { return values_.contains(name); }
  std::optional<std::string> value(std::string_view name) const;
  std::string value_or(std::string_view name, std::string_view fallback) const;
  /// Throws UsageError when the value is no whole number.
  std::optional<std::int64_t> integer(std::string_view name) const;
  /// Throws UsageError when the value is no number, or none that `fits`: "--name must be WANTED, not …".
  std::optional<double> number(std::string_view name, std::string_view wanted, bool (*fits)(double)) const;
  bool json() const { return flag("json"); }
  /// --socket, else $DORMOUSE_SOCKET, else /run/dormouse/dormouse.sock.
  std::string socket() const;
  /// Where rolling back, forgetting and sleeping are allowed: $DORMOUSE_ADMIN_SOCKET where --socket is not
  /// given, else admin.sock beside socket(), or socket() where there is none.
  std::string admin_socket() const;
  /// --config, else /etc/dormouse/dormouse.yaml.
  std::string config() const;

 private:
  std::vector<std::string> positional_;
  std::map<std::string, std::string, std::less<>> values_;
};

/// The command line is wrong: exit 2 with the message and the verb's usage.
struct UsageError {
  std::string message;
};

inline constexpr std::size_t kAnyWords = SIZE_MAX;

/// One entry of the command line. A verb is one file in daemon/verbs/ that ends in one of these, listed in
/// all_verbs.cpp.
///
/// `run` returns an ExitCode. What it throws is reported by the framework: UsageError 2, Unreachable 3,
/// Failure(denied) 4, Failure(configuration) 78, anything else 1.
struct Verb {
  std::string_view name;  ///< one or two words: "infer", "sleep now"
  std::string_view group;
  std::string_view summary;    ///< one line
  std::string_view arguments;  ///< "MODEL FILE…"
  std::size_t words = 0;       ///< of them, at most; options and their values are not counted
  std::string_view example;
  std::span<const Option> options;  ///< besides --json, --socket, --config and --help, which all have
  int (*run)(const Arguments& arguments);
  std::string (*more_help)() = nullptr;  ///< lines for the help, behind the options
};

/// Every verb, in the order of the help.
std::span<const Verb* const> all_verbs();

/// The options that every verb has.
std::span<const Option> common_options();

/// The whole command line without the program's name: finds the verb, runs it, reports what it throws.
int run_command_line(std::span<const std::string> words);

}  // namespace dormouse::daemon

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "config/error.h"
#include "config/scalars.h"
#include "daemon/build.h"
#include "daemon/client/http_client.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/verb.h"

namespace dormouse::daemon {
namespace {

constexpr std::string_view kAbout =
    "Dormouse runs your model, remembers what it saw, and learns from it in its sleep.";

std::string spelling(const Option& option) {
  return "--" + std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value));
}

std::size_t widest(std::span<const Option> options) {
  std::size_t columns = 0;
  for (const Option& option : options) columns = std::max(columns, width(spelling(option)));
  return columns;
}

void print_options(std::span<const Option> options, std::size_t columns) {
  for (const Option& option : options) {
    const std::string name = spelling(option);
    std::cout << "  " << name << std::string(columns - width(name) + 2, ' ') << option.help << "\n";
  }
}

void print_overview() {
  std::cout << kAbout << "\n\nusage: dormouse VERB [ARGUMENTS] [--json]\n";
  std::string_view group;
  for (const Verb* verb : all_verbs()) {
    if (verb->group != group) std::cout << "\n" << paint(Tone::strong, verb->group) << "\n";
    group = verb->group;
    std::string name(verb->name);
    name.resize(18, ' ');
    std::cout << "  " << name << verb->summary << "\n";
  }
  std::cout << "\n'dormouse VERB --help' says more, with an example; 'dormouse --version' and '--licenses' "
               "what this is made of.\n";
}

std::string usage_of(const Verb& verb) {
  std::string text = "usage: dormouse " + std::string(verb.name);
  if (!verb.arguments.empty()) text += " " + std::string(verb.arguments);
  return text;
}

void print_help(const Verb& verb) {
  std::cout << verb.summary << "\n\n" << usage_of(verb) << "\n\n";
  const std::size_t columns = std::max(widest(verb.options), widest(common_options()));
  print_options(verb.options, columns);
  print_options(common_options(), columns);
  if (verb.more_help) std::cout << "\n" << verb.more_help();
  std::cout << "\nexample:\n  " << verb.example << "\n";
}

/// The verb that `words` begin with, and how many words its name has.
std::pair<const Verb*, std::size_t> find_verb(std::span<const std::string> words) {
  for (const std::size_t count : {std::size_t{2}, std::size_t{1}}) {
    if (words.size() < count) continue;
    const std::string name = count == 2 ? words[0] + " " + words[1] : words[0];
    const auto found = std::ranges::find(all_verbs(), name, &Verb::name);
    if (found != all_verbs().end()) return {*found, count};
  }
  return {nullptr, 0};
}

int unknown_verb(std::span<const std::string> words) {
  std::vector<std::string_view> names;
  bool first_word_known = false;
  for (const Verb* verb : all_verbs()) {
    names.push_back(verb->name.substr(0, verb->name.find(' ')));
    if (!verb->name.starts_with(words[0] + " ")) continue;
    if (!std::exchange(first_word_known, true)) std::cerr << "dormouse: '" << words[0] << "' goes on:\n";
    std::cerr << "  dormouse " << verb->name << "  " << verb->summary << "\n";
  }
  if (first_word_known) return kUsage;
  std::cerr << "dormouse: there is no verb '" << words[0] << "'" << config::did_you_mean(words[0], names)
            << "\n'dormouse' alone lists them.\n";
  return kUsage;
}

int report(const Error& error, bool json) {
  if (json) {
    std::cout << boost::json::serialize(
                     boost::json::object{{"error", error.context}, {"code", word(error.code)}})
              << "\n";
  }
  std::cerr << "dormouse: " << error.context << "\n";
  if (error.code == Errc::denied) return kDenied;
  return error.code == Errc::configuration ? kConfiguration : kFailed;
}

int run_verb(const Verb& verb, std::span<const std::string> words) {
  bool json = false;
  try {
    const Arguments arguments(words, verb.options);
    if (arguments.flag("help")) return print_help(verb), kOk;
    if (const auto& given = arguments.positional(); given.size() > verb.words)
      throw UsageError{"'" + given[verb.words] + "' is one word too many"};
    json = arguments.json();
    return verb.run(arguments);
  } catch (const UsageError& error) {
    std::cerr << "dormouse: " << error.message << "\n" << usage_of(verb) << "\n";
    return kUsage;
  } catch (const Unreachable& error) {
    std::cerr << "dormouse: " << error.what() << "\n";
    return kUnreachable;
  } catch (const Failure& failure) {
    return report(failure.error(), json);
  } catch (const std::exception& bug) {
    return report({Errc::internal, bug.what()}, json);
  }
}

}  // namespace

int run_command_line(std::span<const std::string> words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    const auto [verb, count] = find_verb(words.empty() ? words : words.subspan(1));
    if (verb) {
      print_help(*verb);
    } else {
      print_overview();
    }
    return kOk;
  }
  if (words[0] == "--version") {
    std::cout << build_text();
    return kOk;
  }
  if (words[0] == "--licenses" || words[0] == "--licences") {
    std::cout << licences_text();
    return kOk;
  }
  const auto [verb, count] = find_verb(words);
  return verb ? run_verb(*verb, words.subspan(count)) : unknown_verb(words);
}

}  // namespace dormouse::daemon

#include "config/scalars.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "config/text.h"

namespace dormouse::config {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view word;
  double scale;
};

constexpr Unit kTimes[] = {{"d", 86400e9}, {"h", 3600e9}, {"min", 60e9},
                           {"s", 1e9},     {"ms", 1e6},   {"us", 1e3}};
constexpr Unit kSizes[] = {{"TiB", 0x1p40}, {"GiB", 0x1p30}, {"MiB", 0x1p20}, {"KiB", 0x1p10}, {"TB", 1e12},
                           {"GB", 1e9},     {"MB", 1e6},     {"kB", 1e3},     {"B", 1.0}};

/// A decimal number and one of `units`; the bare number means `bare` units, or nothing when that is 0.
template <std::size_t n>
std::optional<double> parse_measure(std::string_view text, const Unit (&units)[n], double bare) {
  const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = parse_number<double>(text.substr(0, digits));
  if (!number) return std::nullopt;
  const std::string_view word = text.substr(digits);
  if (word.empty()) return bare > 0 || *number == 0 ? std::optional(*number * bare) : std::nullopt;
  for (const Unit& unit : units) {
    if (unit.word == word) return *number * unit.scale;
  }
  return std::nullopt;
}

std::string show(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

/// The largest unit that leaves a whole number.
template <std::size_t n>
std::string show_measure(double value, const Unit (&units)[n]) {
  for (const Unit& unit : units) {
    if (value >= unit.scale && std::fmod(value, unit.scale) == 0)
      return show(value / unit.scale).append(unit.word);
  }
  return show(value / units[n - 1].scale).append(units[n - 1].word);
}

template <class T, class Show>
std::string between(std::string_view what, T low, T high, T lowest, T highest, Show show_one) {
  std::string text(what);
  if (low != lowest && high != highest) return text + " from " + show_one(low) + " to " + show_one(high);
  if (low != lowest) return text + " of at least " + show_one(low);
  if (high != highest) return text + " of at most " + show_one(high);
  return text;
}

std::string_view unquoted(const Node& node) {
  return node.kind == Node::Kind::scalar && !node.quoted ? std::string_view(node.text) : std::string_view{};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

Failure mismatch(const Node& node, std::string_view what) {
  std::string given;
  switch (node.kind) {
    case Node::Kind::null:
      given = "nothing";
      break;
    case Node::Kind::list:
      given = "a list";
      break;
    case Node::Kind::map:
      given = "a section";
      break;
    case Node::Kind::scalar:
      given = "'" + node.text.substr(0, 80) + "'";
      break;
  }
  return complaint(node.location, node.path, "expected " + std::string(what) + ", got " + given);
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (std::string_view candidate : words) {
    const std::size_t distance = edit_distance(word.substr(0, 80), candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& words) {
  const std::string_view near = nearest(word, words);
  return near.empty() ? "" : "; did you mean '" + std::string(near) + "'?";
}

bool read_bool(const Node& node) {
  const std::string_view text = unquoted(node);
  for (std::string_view word : {"true", "on", "yes", "True", "On", "Yes", "TRUE", "ON", "YES"}) {
    if (text == word) return true;
  }
  for (std::string_view word : {"false", "off", "no", "False", "Off", "No", "FALSE", "OFF", "NO"}) {
    if (text == word) return false;
  }
  throw mismatch(node, "on or off");
}

std::int64_t read_integer(const Node& node, std::int64_t low, std::int64_t high) {
  const auto value = parse_number<std::int64_t>(unquoted(node));
  if (value && *value >= low && *value <= high) return *value;
  using Limits = std::numeric_limits<std::int64_t>;
  throw mismatch(node, between("an integer", low, high, Limits::min(), Limits::max(),
                               [](std::int64_t x) { return std::to_string(x); }));
}

double read_number(const Node& node, double low, double high) {
  const auto value = parse_number<double>(unquoted(node));
  if (value && std::isfinite(*value) && *value >= low && *value <= high) return *value;
  using Limits = std::numeric_limits<double>;
  throw mismatch(node, between("a number", low, high, Limits::lowest(), Limits::max(), show));
}

std::string read_string(const Node& node) {
  if (node.kind != Node::Kind::scalar) throw mismatch(node, "text");
  return node.text;
}

std::filesystem::path read_path(const Node& node, bool must_exist) {
  if (node.kind != Node::Kind::scalar || node.text.empty()) throw mismatch(node, "a path");
  const std::filesystem::path path = std::filesystem::path(*node.location.file).parent_path() / node.text;
  std::error_code error;
  if (must_exist && !std::filesystem::exists(path, error)) {
    throw complaint(node.location, node.path, "expected a file, but there is no " + path.string());
  }
  return path;
}

nanoseconds read_duration(const Node& node, nanoseconds low, nanoseconds high) {
  const auto value = parse_measure(unquoted(node), kTimes, 0);
  if (value && *value < 0x1p63) {
    const nanoseconds duration(std::llround(*value));
    if (duration >= low && duration <= high) return duration;
  }
  throw mismatch(
      node, between("a duration such as 10ms, 5min or 1h", low, high, nanoseconds::zero(), nanoseconds::max(),
                    [](nanoseconds x) { return show_measure(static_cast<double>(x.count()), kTimes); }));
}

Bytes read_bytes(const Node& node, Bytes low, Bytes high) {
  const auto value = parse_measure(unquoted(node), kSizes, 1);
  if (value && *value < 0x1p63 && std::floor(*value) == *value) {
    const Bytes bytes{static_cast<std::uint64_t>(*value)};
    if (bytes >= low && bytes <= high) return bytes;
  }
  const Bytes highest{std::numeric_limits<std::uint64_t>::max()};
  throw mismatch(node, between("a size such as 64kB or 512MiB", low, high, Bytes{}, highest,
                               [](Bytes x) { return show_measure(static_cast<double>(x.count), kSizes); }));
}

std::size_t read_word(const Node& node, const std::vector<std::string_view>& words) {
  const auto found =
      std::ranges::find(words, node.kind == Node::Kind::scalar ? node.text : std::string_view{});
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string expected = "one of";
  for (std::string_view word : words) expected.append(word == words.front() ? " " : ", ").append(word);
  throw mismatch(node, expected);
}

}  // namespace dormouse::config

#pragma once

#include <chrono>
#include <concepts>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/scalars.h"
#include "config/yaml.h"

/// How a module says what its options are called and what they may be:
///
///     struct Options { double accept = 0.9; std::optional<int> threads; std::vector<Layer> layers; };
///     void bind_options(config::Binder& binder, Options& options) {
///       binder.optional("accept", options.accept, config::range(0.0, 1.0));
///       binder.optional("threads", options.threads, config::or_word("auto"), config::range(1, 64));
///       binder.optional("layers", options.layers);   // a list of sections: bind(Binder&, Layer&) is found
///       by ADL
///     }
///     auto options = config::read<Options>(config::load_file(path));
namespace dormouse::config {

class Binder;

/// Bounds, both included, of an integer, number, duration or byte size, or of each item of a list.
template <class T>
struct Range {
  T low, high;
};
template <class Low, class High>
constexpr Range<std::common_type_t<Low, High>> range(Low low, High high) {
  return {low, high};
}

/// The words of an enumeration: one_of<Index>({{"auto", Index::automatic}, {"exact", Index::exact}}).
template <class Enum>
struct Words {
  std::vector<std::pair<std::string_view, Enum>> words;
};
template <class Enum>
Words<Enum> one_of(std::vector<std::pair<std::string_view, Enum>> words) {
  return {std::move(words)};
}

/// A std::optional field may say this word instead of a value, and is empty then.
struct OrWord {
  std::string_view word;
};
constexpr OrWord or_word(std::string_view word) { return {word}; }

/// A path that names something that is there.
struct Existing {};
inline constexpr Existing existing{};

/// An options struct, bound by a function beside it that argument-dependent lookup finds.
template <class T>
concept Section = requires(Binder& binder, T& options) {
  bind_options(binder, options);
};

/// Reads one section into the fields of an Options struct. Fields keep their defaults when a key is absent.
/// A wrong value throws complaint() at once, an unknown key throws it in finish().
class Binder {
 public:
  /// Binds a map, or nothing at all; anything else is a complaint. `section` must outlive the binder.
  explicit Binder(const Node& section);

  /// Reads `key` into `field` if it is there, and says whether it was. A `field` may be a bool, integer,
  /// floating-point number, string, path, duration, Bytes, enumeration, Section, Node (read later), or a
  /// std::optional or std::vector of those; `rules` are the words above: range, one_of, or_word (before
  /// range), existing.
  template <class T, class... Rules>
  bool optional(std::string_view key, T& field, const Rules&... rules);

  template <class T, class... Rules>
  void required(std::string_view key, T& field, const Rules&... rules);

  /// For checks between fields: the complaint stands at the value of `key`, or at the section.
  Failure wrong(std::string_view key, std::string_view message) const;

  /// Complains about the first key that nobody asked for, with the nearest one that was.
  void finish() const;

 private:
  const Node* take(std::string_view key);
  Failure missing(std::string_view key) const;

  const Node& section_;
  std::vector<std::string_view> known_;
};

/// Options from a section: defaults, then whatever the section says.
template <Section T>
T read(const Node& section, T options = {}) {
  Binder binder(section);
  bind_options(binder, options);
  binder.finish();
  return options;
}

namespace detail {

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <class... Args, template <class...> class Template>
inline constexpr bool is_a<Template<Args...>, Template> = true;

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

/// What the integer type T holds, as far as read_integer can tell.
template <std::integral T>
constexpr Range<std::int64_t> everything() {
  using Limits = std::numeric_limits<std::int64_t>;
  using Own = std::numeric_limits<T>;
  return {std::is_signed_v<T> ? static_cast<std::int64_t>(Own::min()) : 0,
          std::cmp_less(Own::max(), Limits::max()) ? static_cast<std::int64_t>(Own::max()) : Limits::max()};
}

template <std::same_as<bool> T>
T scalar(const Node& node) {
  return read_bool(node);
}

template <std::integral T, class U>
requires(!std::same_as<T, bool>) T scalar(const Node& node, Range<U> bounds) {
  return static_cast<T>(
      read_integer(node, static_cast<std::int64_t>(bounds.low), static_cast<std::int64_t>(bounds.high)));
}
template <std::integral T>
requires(!std::same_as<T, bool>) T scalar(const Node& node) { return scalar<T>(node, everything<T>()); }

template <std::floating_point T, class U>
T scalar(const Node& node, Range<U> bounds) {
  return static_cast<T>(read_number(node, static_cast<double>(bounds.low), static_cast<double>(bounds.high)));
}
template <std::floating_point T>
T scalar(const Node& node) {
  return scalar<T>(node, Range<T>{std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()});
}

template <class T, class U>
requires is_duration<T> T scalar(const Node& node, Range<U> bounds) {
  return std::chrono::duration_cast<T>(read_duration(node, bounds.low, bounds.high));
}
template <class T>
requires is_duration<T> T scalar(const Node& node) {
  return scalar<T>(node, Range<std::chrono::nanoseconds>{std::chrono::nanoseconds::zero(),
                                                         std::chrono::nanoseconds::max()});
}

template <std::same_as<Bytes> T>
T scalar(const Node& node, Range<Bytes> bounds) {
  return read_bytes(node, bounds.low, bounds.high);
}
template <std::same_as<Bytes> T>
T scalar(const Node& node) {
  return read_bytes(node, {}, {std::numeric_limits<std::uint64_t>::max()});
}

template <std::same_as<std::string> T>
T scalar(const Node& node) {
  return read_string(node);
}

template <std::same_as<std::filesystem::path> T>
T scalar(const Node& node) {
  return read_path(node, false);
}
template <std::same_as<std::filesystem::path> T>
T scalar(const Node& node, Existing) {
  return read_path(node, true);
}

/// A section that is read later, by whoever knows its keys.
template <std::same_as<Node> T>
T scalar(const Node& node) {
  return node;
}

template <class Enum>
Enum scalar(const Node& node, const Words<Enum>& choice) {
  std::vector<std::string_view> words;
  for (const auto& [word, value] : choice.words) words.push_back(word);
  return choice.words[read_word(node, words)].second;
}

template <class T, class... Rules>
void assign(const Node& node, T& field, const Rules&... rules);

template <class T, class... Rules>
void assign_optional(const Node& node, std::optional<T>& field, OrWord none, const Rules&... rules) {
  field.reset();
  if (node.kind == Node::Kind::scalar && node.text == none.word) return;
  try {
    assign(node, field.emplace(), rules...);
  } catch (const Failure& failure) {
    throw Failure(Errc::configuration, failure.error().context + " (or '" + std::string(none.word) + "')");
  }
}
template <class T, class... Rules>
void assign_optional(const Node& node, std::optional<T>& field, const Rules&... rules) {
  assign(node, field.emplace(), rules...);
}

template <class T, class... Rules>
void assign_list(const Node& node, std::vector<T>& field, const Rules&... rules) {
  if (node.kind != Node::Kind::list && node.kind != Node::Kind::null) throw mismatch(node, "a list");
  std::vector<T> items(node.items.size());
  for (std::size_t i = 0; i < items.size(); ++i) assign(node.items[i], items[i], rules...);
  field = std::move(items);
}

template <class T, class... Rules>
void assign(const Node& node, T& field, const Rules&... rules) {
  if constexpr (is_a<T, std::optional>) {
    assign_optional(node, field, rules...);
  } else if constexpr (is_a<T, std::vector>) {
    assign_list(node, field, rules...);
  } else if constexpr (Section<T>) {
    field = read<T>(node, std::move(field));
  } else {
    field = scalar<T>(node, rules...);
  }
}

}  // namespace detail

template <class T, class... Rules>
bool Binder::optional(std::string_view key, T& field, const Rules&... rules) {
  const Node* node = take(key);
  if (node != nullptr) detail::assign(*node, field, rules...);
  return node != nullptr;
}

template <class T, class... Rules>
void Binder::required(std::string_view key, T& field, const Rules&... rules) {
  if (!optional(key, field, rules...)) throw missing(key);
}

}  // namespace dormouse::config

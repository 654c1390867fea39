#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

/// How verbs show things to people, on stdout.
namespace dormouse::daemon {

enum class Tone { plain, strong, faint, good, bad };

/// Whether stdout is a terminal and $NO_COLOR is not set.
bool in_colour();
/// `text` in that tone when stdout is a terminal and $NO_COLOR is not set.
std::string paint(Tone tone, std::string_view text);

/// Columns that UTF-8 text takes, wide characters aside.
std::size_t width(std::string_view text);

/// Columns under headings; columns of numbers are aligned to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

/// Any JSON for reading: "key  value" lines, objects as indented sections, lists of objects as tables. Keys
/// that end in a unit (_seconds, _ms, _bytes) show it.
std::string readable(const boost::json::value& value);

/// What `sleep` of /v1/status says, in lines.
std::string sleep_line(const boost::json::value& sleep);

/// One scalar as people write it: no quotes, at most four significant digits.
std::string cell(const boost::json::value& value);
/// The cell of `object`[`key`]; "–" where it is missing.
std::string cell(const boost::json::value& object, std::string_view key);

}  // namespace dormouse::daemon

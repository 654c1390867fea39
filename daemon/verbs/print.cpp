#include "daemon/verbs/print.h"
#include "config/text.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

bool numeric(std::string_view text) {
  return text.empty() || text == "–" || text.find_first_not_of("0123456789.+-−e% ") == text.npos;
}

/// Shown in one cell: a scalar or a list of scalars.
bool simple(const json::value& value) {
  const json::array* array = value.if_array();
  if (!array) return !value.is_object();
  return std::ranges::none_of(*array, [](const json::value& item) { return item.is_structured(); });
}

bool simple_entries(const json::object& object) {
  return std::ranges::all_of(object, [](const auto& entry) { return simple(entry.value()); });
}

bool objects_only(const json::array& array) {
  return !array.empty() && std::ranges::all_of(array, [](const json::value& item) {
    return item.is_object() && simple_entries(item.get_object());
  });
}

/// "p50_ms" reads "p50", and its value "4.1 ms".
struct Unit {
  std::string_view suffix;
  std::string_view shown;
};
constexpr std::array<Unit, 6> kUnits{{{"_us", " µs"},
                                      {"_ms", " ms"},
                                      {"_seconds", " s"},
                                      {"_bytes", " B"},
                                      {"_celsius", " °C"},
                                      {"_percent", "%"}}};

std::pair<std::string, std::string> shown(std::string_view key, const json::value& value) {
  std::string text = cell(value);
  for (const Unit& unit : kUnits) {
    if (!key.ends_with(unit.suffix) || !value.is_number()) continue;
    return {std::string(key.substr(0, key.size() - unit.suffix.size())), text + std::string(unit.shown)};
  }
  return {std::string(key), text.empty() ? "–" : text};
}

Table table_of(const json::array& rows) {
  std::vector<std::string> keys;
  for (const json::value& row : rows) {
    for (const auto& entry : row.get_object()) {
      const std::string key(entry.key());
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  Table table(keys);
  for (const json::value& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& key : keys) cells.push_back(cell(row, key));
    table.add(std::move(cells));
  }
  return table;
}

void append_indented(std::string& text, std::string_view lines, std::size_t indent) {
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    text.append(indent, ' ').append(lines.substr(0, end)).append("\n");
    lines.remove_prefix(end == lines.npos ? lines.size() : end + 1);
  }
}

void append_readable(std::string& text, const json::value& value, std::size_t indent);

/// Objects of the same kind under names: a table, with the name as its first column.
std::optional<json::array> rows_by_name(const json::object& object) {
  json::array rows;
  for (const auto& entry : object) {
    const json::object* inner = entry.value().if_object();
    if (!inner || !simple_entries(*inner)) return std::nullopt;
    json::object row{{"", entry.key()}};
    row.insert(inner->begin(), inner->end());
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return std::nullopt;
  return rows;
}

void append_object(std::string& text, const json::object& object, std::size_t indent) {
  std::size_t longest = 0;
  for (const auto& entry : object) {
    if (simple(entry.value())) longest = std::max(longest, width(shown(entry.key(), entry.value()).first));
  }
  for (const auto& entry : object) {
    const auto [key, value] = shown(entry.key(), entry.value());
    text.append(indent, ' ').append(paint(Tone::strong, key));
    if (!simple(entry.value())) {
      text += '\n';
      append_readable(text, entry.value(), indent + 2);
    } else if (value.find('\n') != value.npos) {
      text += '\n';
      append_indented(text, value, indent + 2);
    } else {
      text.append(longest - width(key) + 2, ' ').append(value).append("\n");
    }
  }
}

void append_readable(std::string& text, const json::value& value, std::size_t indent) {
  if (const json::object* object = value.if_object()) {
    const auto rows = rows_by_name(*object);
    if (rows && indent > 0) return append_indented(text, table_of(*rows).text(), indent);
    return append_object(text, *object, indent);
  }
  const json::array* array = value.if_array();
  if (array && objects_only(*array)) return append_indented(text, table_of(*array).text(), indent);
  if (array && std::ranges::any_of(*array, [](const json::value& item) { return item.is_structured(); })) {
    for (const json::value& item : *array) append_readable(text, item, indent);
    return;
  }
  text.append(indent, ' ').append(cell(value)).append("\n");
}

}  // namespace

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool in_colour() {
  const char* off = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) != 0 && (off == nullptr || *off == '\0');
}

std::string paint(Tone tone, std::string_view text) {
  constexpr std::array<std::string_view, 5> kCodes{"", "\033[1m", "\033[2m", "\033[32m", "\033[31m"};
  const std::string_view code = kCodes[static_cast<std::size_t>(tone)];
  if (code.empty() || !in_colour()) return std::string(text);
  return std::string(code) + std::string(text) + "\033[0m";
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t column = 0; column < headings_.size(); ++column) {
    std::size_t widest = width(headings_[column]);
    for (const auto& row : rows_) widest = std::max(widest, width(row[column]));
    widths.push_back(widest);
    right.push_back(!rows_.empty() &&
                    std::ranges::all_of(rows_, [&](const auto& row) { return numeric(row[column]); }));
  }
  std::string text;
  const auto append = [&](const std::vector<std::string>& cells, Tone tone) {
    std::string line;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::size_t padding = widths[column] - width(cells[column]);
      if (column > 0) line += "  ";
      line.append(right[column] ? padding : 0, ' ').append(paint(tone, cells[column]));
      if (!right[column] && column + 1 < cells.size()) line.append(padding, ' ');
    }
    text += line + "\n";
  };
  append(headings_, Tone::faint);
  for (const auto& row : rows_) append(row, Tone::plain);
  return text;
}

std::string readable(const json::value& value) {
  std::string text;
  append_readable(text, value, 0);
  return text;
}

std::string sleep_line(const json::value& sleep) {
  if (cell(sleep, "state") != "awake")
    return "sleep    " + cell(sleep, "sleep") + " of " + cell(sleep, "model") + ": " + cell(sleep, "stage") +
           ", " + std::to_string(static_cast<int>(100 * sleep.at("progress").to_number<double>())) + "%\n";
  std::string text;
  if (const json::value* waits = sleep.as_object().if_contains("waits"))
    for (const auto& [model, why] : waits->as_object())
      text += "awake    " + std::string(model) + ": " + cell(why) + "\n";
  return text;
}

std::string cell(const json::value& value) {
  if (const json::string* string = value.if_string()) return std::string(*string);
  if (value.is_null()) return "–";
  if (const bool* flag = value.if_bool()) return *flag ? "yes" : "no";
  if (const double* number = value.if_double()) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "%.4g", *number);
    return text.data();
  }
  if (const json::array* array = value.if_array())
    return config::join(*array, [](const json::value& item) { return cell(item); });
  return json::serialize(value);
}

std::string cell(const json::value& object, std::string_view key) {
  const json::object* entries = object.if_object();
  const json::value* value =
      entries ? entries->if_contains(json::string_view(key.data(), key.size())) : nullptr;
  return value ? cell(*value) : "–";
}

}  // namespace dormouse::daemon

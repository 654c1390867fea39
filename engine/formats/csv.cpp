#include "engine/formats/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "config/text.h"
#include "engine/formats/bytes.h"

namespace dormouse::engine {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlank = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

char separator_of(std::string_view line) {
  for (const char candidate : {'\t', ';', ','}) {
    if (line.find(candidate) != std::string_view::npos) return candidate;
  }
  return ' ';
}

// Cells of one line; `separator` ' ' stands for any run of spaces.
class Cells {
 public:
  Cells(std::string_view line, char separator) : line_(line), separator_(separator) {}

  std::optional<std::string_view> next() {
    if (separator_ == ' ') at_ = std::min(line_.find_first_not_of(' ', at_), line_.size());
    if (at_ > line_.size() || (separator_ == ' ' && at_ == line_.size())) return std::nullopt;
    start_ = at_;
    const std::size_t end = std::min(line_.find(separator_, at_), line_.size());
    at_ = end + 1;
    return trim(line_.substr(start_, end - start_));
  }
  /// Column of the cell last returned, counted from 1.
  std::size_t column() const { return start_ + 1; }

 private:
  std::string_view line_;
  char separator_;
  std::size_t start_ = 0, at_ = 0;
};

std::optional<float> number(std::string_view cell) {
  if (cell.starts_with('+') && !cell.starts_with("+-")) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc{} || end != cell.data() + cell.size()) return std::nullopt;
  const float narrowed = static_cast<float>(value);
  return std::isfinite(narrowed) ? std::optional(narrowed) : std::nullopt;
}

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& name, std::span<const std::string> words,
            std::span<const std::string> only)
      : text_(text), name_(&name), asked_(words), words_(words.size()), only_(only) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  Table parse() {
    while (!text_.empty()) {
      const std::string_view line = take_line();
      const std::string_view content = trim(line);
      if (content.empty() || content.starts_with('#')) continue;
      if (width_ == 0 && start(line)) continue;
      add_row(line);
    }
    if (values_.empty()) throw Failure(Errc::invalid, *name_ + ": no rows of numbers");
    for (const std::string& word : asked_) std::erase(columns_, word);
    if (!only_.empty()) columns_.assign(only_.begin(), only_.end());
    const auto rows = static_cast<std::int64_t>(values_.size() / numbers_);
    return {std::move(columns_),
            Tensor::from<float>(Shape{rows, static_cast<std::int64_t>(numbers_)}, values_),
            std::move(words_)};
  }

 private:
  std::string_view take_line() {
    ++line_;
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }

  // Learns separator and width from the first line; true when that line is a header.
  bool start(std::string_view line) {
    separator_ = separator_of(trim(line));
    bool header = true;
    Cells cells(line, separator_);
    while (const auto cell = cells.next()) {
      ++width_;
      columns_.emplace_back(*cell);
      header = header && !number(*cell);
    }
    if (!header) columns_.clear();
    find_words();
    return header;
  }

  /// Which of the columns asked for each column is, and where its numbers go.
  void find_words() {
    asked_here_.assign(width_, std::nullopt);
    for (std::size_t i = 0; i < asked_.size(); ++i) asked_here_[column_called(asked_[i])] = i;
    slots_.assign(width_, std::nullopt);
    numbers_ = only_.size();
    for (std::size_t i = 0; i < only_.size(); ++i) {
      std::optional<std::size_t>& slot = slots_[column_called(only_[i])];
      if (slot) fail(1, "the column '" + only_[i] + "' is asked for twice");
      slot = i;
    }
    for (std::size_t i = 0; only_.empty() && i < width_; ++i)
      if (!asked_here_[i]) slots_[i] = numbers_++;
  }

  std::size_t column_called(const std::string& name) const {
    const auto found = std::ranges::find(columns_, name);
    if (found == columns_.end()) fail(1, "no column is called '" + name + "'; there are " + listed());
    return static_cast<std::size_t>(found - columns_.begin());
  }

  std::string listed() const { return columns_.empty() ? "no names" : config::join(columns_); }

  void add_row(std::string_view line) {
    std::size_t width = 0;
    const std::size_t first = values_.size();
    values_.resize(first + numbers_);
    Cells cells(line, separator_);
    while (const auto cell = cells.next()) {
      if (++width > width_)
        fail(cells.column(), "more than the " + std::to_string(width_) + " columns before");
      if (const auto asked = asked_here_[width - 1]) {
        words_[*asked].emplace_back(*cell);
        continue;
      }
      const auto slot = slots_[width - 1];
      if (!slot) continue;
      const std::optional<float> value = number(*cell);
      if (!value)
        fail(cells.column(), "expected a finite number, found '" + std::string(cell->substr(0, 40)) + "'");
      values_[first + *slot] = *value;
    }
    if (width < width_) {
      fail(line.size() + 1, std::to_string(width) + " columns, before there were " + std::to_string(width_));
    }
  }

  [[noreturn]] void fail(std::size_t column, std::string_view what) const {
    throw Failure(Errc::invalid, *name_ + ":" + std::to_string(line_) + ":" + std::to_string(column) + ": " +
                                     std::string(what));
  }

  std::string_view text_;
  const std::string* name_;
  std::size_t line_ = 0, width_ = 0;
  char separator_ = ' ';
  std::vector<std::string> columns_;
  std::span<const std::string> asked_;
  std::vector<std::optional<std::size_t>> asked_here_;  // by column
  std::vector<std::vector<std::string>> words_;
  std::span<const std::string> only_;
  std::vector<std::optional<std::size_t>> slots_;  // in a row of numbers, by column
  std::size_t numbers_ = 0;                        // a row
  std::vector<float> values_;
};

bool is_text(char byte) {
  return static_cast<unsigned char>(byte) >= ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& name, std::span<const std::string> words,
                std::span<const std::string> only) {
  return CsvParser(text, name, words, only).parse();
}

Table read_csv(const std::string& path, std::span<const std::string> words,
               std::span<const std::string> only) {
  const std::shared_ptr<Buffer> bytes = map_file(path);
  return parse_csv(as_text({bytes->data(), bytes->size()}), path, words, only);
}

bool is_csv(std::span<const std::byte> bytes) {
  const std::string_view start = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 4096)));
  return !trim(start).empty() && std::ranges::all_of(start, is_text);
}

}  // namespace dormouse::engine

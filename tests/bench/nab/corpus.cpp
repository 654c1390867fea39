#include "tests/bench/nab/corpus.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

#include "config/error.h"

namespace dormouse::bench::nab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTimeLength = sizeof("2014-04-10 07:15:00") - 1;

std::ifstream open(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw Failure(Errc::not_found, "cannot read " + path.string() + ": unpack NAB's data there");
  return file;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "2014-04-10 07:15:00", a fraction of a second ignored.
std::optional<std::chrono::sys_seconds> parse_time(std::string_view text) {
  if (text.size() < kTimeLength) return std::nullopt;
  const auto field = [&](std::size_t at, std::size_t length) {
    return number<unsigned>(text.substr(at, length));
  };
  const auto year = field(0, 4), month = field(5, 2), day = field(8, 2);
  const auto hour = field(11, 2), minute = field(14, 2), second = field(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

std::vector<Row> read_rows(const fs::path& path) {
  std::ifstream file = open(path);
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);  // timestamp,value
  while (std::getline(file, line)) {
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t comma = line.find(',');
    const auto time = parse_time(line);
    const auto value =
        comma == line.npos ? std::nullopt : number<double>(std::string_view(line).substr(comma + 1));
    if (!time || !value)
      throw Failure(Errc::corrupt, path.string() + ":" + std::to_string(rows.size() + 2) +
                                       ": expected a timestamp and a value, found \"" + line + "\"");
    rows.push_back({*time, *value});
  }
  return rows;
}

/// The first row of this time, as the benchmark looks it up.
std::size_t row_at(const Series& series, std::string_view text) {
  const auto time = parse_time(text);
  const auto row = std::ranges::find_if(series.rows, [&](const Row& each) { return each.time == time; });
  if (row == series.rows.end())
    throw Failure(Errc::corrupt, series.name + ": no row has the label's time " + std::string(text));
  return static_cast<std::size_t>(row - series.rows.begin());
}

Series read_series(const fs::path& folder, std::string_view name, const boost::json::array& labels) {
  Series series{
      std::string(name), std::string(name.substr(0, name.find('/'))), read_rows(folder / "data" / name), {}};
  for (const auto& limits : labels) {
    const Window window{row_at(series, limits.at(0).as_string()), row_at(series, limits.at(1).as_string())};
    if (window.last < window.first || (!series.windows.empty() && window.first <= series.windows.back().last))
      throw Failure(Errc::corrupt, series.name + ": its windows are not apart and in order");
    series.windows.push_back(window);
  }
  return series;
}

}  // namespace

std::vector<Series> load_corpus(const fs::path& folder) {
  const fs::path labels = folder / "labels" / "combined_windows.json";
  std::ifstream file = open(labels);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const boost::json::value parsed = boost::json::parse(text);
    std::vector<Series> corpus;
    for (const auto& [name, windows] : parsed.as_object())
      corpus.push_back(read_series(folder, std::string_view(name.data(), name.size()), windows.as_array()));
    return corpus;
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& error) {  // which kinds depends on the version of Boost.JSON
    throw Failure(Errc::corrupt, labels.string() + ": " + error.what());
  }
}

}  // namespace dormouse::bench::nab

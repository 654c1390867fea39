#include "tests/bench/ladder/results.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <numeric>

#include "engine/formats/atomic_file.h"

namespace dormouse::bench {
namespace {

namespace json = boost::json;

json::value optional_number(std::optional<double> number) {
  return number ? json::value(*number) : json::value(nullptr);
}

std::optional<double> number_if(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  return value.to_number<double>();
}

json::object line_of(const Record& result) {
  const Climb& climb = result.climb;
  return {{"rung", result.rung},
          {"row", result.row},
          {"settings", result.settings},
          {"seed", result.seed},
          {"accuracy", json::value_from(climb.accuracy)},
          {"worst_person", climb.worst_person},
          {"lowest_asleep", optional_number(climb.lowest_asleep)},
          {"bytes", climb.bytes},
          {"seconds", climb.seconds},
          {"sleeps", climb.sleeps},
          {"sleep_seconds", climb.sleep_seconds},
          {"sleep_instructions", optional_number(climb.sleep_instructions)}};
}

Record parse(const std::string& text) {
  const json::value value = json::parse(text);
  const auto at = [&](const char* key) -> const json::value& { return value.at(key); };
  const auto word = [&](const char* key) { return std::string(at(key).as_string()); };
  Record result{word("rung"), word("row"), word("settings"), at("seed").to_number<std::uint64_t>(), {}};
  Climb& climb = result.climb;
  climb.accuracy = json::value_to<std::vector<std::vector<double>>>(at("accuracy"));
  if (climb.accuracy.empty() || climb.accuracy.back().empty()) throw std::invalid_argument("no accuracy");
  climb.worst_person = at("worst_person").to_number<double>();
  climb.lowest_asleep = number_if(at("lowest_asleep"));
  climb.bytes = at("bytes").to_number<std::size_t>();
  climb.seconds = at("seconds").to_number<double>();
  climb.sleeps = at("sleeps").to_number<std::size_t>();
  climb.sleep_seconds = at("sleep_seconds").to_number<double>();
  climb.sleep_instructions = number_if(at("sleep_instructions"));
  return result;
}

/// Mean over all tasks but the last of `lost(task)`.
template <class Lost>
std::optional<double> mean_of_earlier(const Climb& climb, Lost lost) {
  const std::size_t tasks = climb.accuracy.size();
  if (tasks < 2) return std::nullopt;
  double sum = 0;
  for (std::size_t task = 0; task + 1 < tasks; ++task) sum += lost(task);
  return sum / static_cast<double>(tasks - 1);
}

}  // namespace

void append(const std::filesystem::path& file, const Record& result) {
  const std::string line = json::serialize(line_of(result)) + "\n";
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written =
      descriptor >= 0 && write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (!written) throw Failure(Errc::io, file.string() + ": " + std::strerror(error));
}

void write_results(const std::filesystem::path& file, const std::vector<Record>& results) {
  std::string lines;
  for (const Record& result : results) lines += json::serialize(line_of(result)) + "\n";
  engine::write_file(file.string(), lines);
}

std::vector<Record> read_results(const std::filesystem::path& file) {
  std::vector<Record> results;
  std::ifstream lines(file);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    try {
      results.push_back(parse(line));
    } catch (const std::exception& error) {
      throw Failure(Errc::corrupt, file.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return results;
}

double average(const Climb& climb) {
  const auto& last = climb.accuracy.back();
  return std::accumulate(last.begin(), last.end(), 0.0) / static_cast<double>(last.size());
}

double worst_task(const Climb& climb) { return std::ranges::min(climb.accuracy.back()); }

std::optional<double> forgetting(const Climb& climb) {
  return mean_of_earlier(climb, [&](std::size_t task) {
    double best = 0;
    for (std::size_t after = task; after + 1 < climb.accuracy.size(); ++after)
      best = std::max(best, climb.accuracy[after][task]);
    return best - climb.accuracy.back()[task];
  });
}

std::optional<double> backward_transfer(const Climb& climb) {
  return mean_of_earlier(
      climb, [&](std::size_t task) { return climb.accuracy.back()[task] - climb.accuracy[task][task]; });
}

}  // namespace dormouse::bench

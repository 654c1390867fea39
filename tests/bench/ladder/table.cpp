#include "tests/bench/ladder/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>

namespace dormouse::bench {
namespace {

struct Summary {
  double mean = 0;
  double deviation = 0;  ///< with n − 1 beneath; 0 for one
  std::size_t count = 0;

  double squared_error() const { return deviation * deviation / static_cast<double>(count); }
};

using Measure = std::function<std::optional<double>(const Climb&)>;

/// Of the climbs that have it; nothing when none has.
std::optional<Summary> summary(std::span<const Climb> climbs, const Measure& measure) {
  std::vector<double> values;
  for (const Climb& climb : climbs)
    if (const auto value = measure(climb)) values.push_back(*value);
  if (values.empty()) return std::nullopt;
  Summary result;
  result.count = values.size();
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  for (const double value : values) result.deviation += std::pow(value - result.mean, 2);
  result.deviation =
      values.size() > 1 ? std::sqrt(result.deviation / static_cast<double>(values.size() - 1)) : 0;
  return result;
}

std::string printed(const char* format, auto... values) {
  char text[64];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string with_deviation(const std::optional<Summary>& summary) {
  return summary ? printed("%.1f ± %.1f", summary->mean, summary->deviation) : "-";
}

std::string mean_only(const std::optional<Summary>& summary, const char* format = "%.1f") {
  return summary ? printed(format, summary->mean) : "-";
}

std::string thousands(std::size_t bytes) {
  return bytes < 10'000 ? printed("%.1f", static_cast<double>(bytes) / 1000)
                        : printed("%.0f", static_cast<double>(bytes) / 1000);
}

std::string reference_of(const Reference& reference) {
  if (reference.source.empty()) return "-";
  const std::string value = reference.deviation > 0
                                ? printed("%.1f ± %.1f", reference.mean, reference.deviation)
                                : printed("%.1f", reference.mean);
  return value + " " + std::string(reference.source);
}

Measure each_sleep(double Climb::*seconds) {
  return [=](const Climb& climb) -> std::optional<double> {
    if (climb.sleeps == 0) return std::nullopt;
    return climb.*seconds / static_cast<double>(climb.sleeps);
  };
}

std::optional<double> giga_instructions(const Climb& climb) {
  if (!climb.sleep_instructions || climb.sleeps == 0) return std::nullopt;
  return *climb.sleep_instructions / static_cast<double>(climb.sleeps) / 1e9;
}

void print_row(const Row& row, std::span<const Climb> climbs) {
  const auto bytes = std::ranges::max(climbs, {}, &Climb::bytes).bytes;
  const std::string cells[] = {std::string(row.name),
                               text(row.way),
                               with_deviation(summary(climbs, average)),
                               reference_of(row.reference),
                               mean_only(summary(climbs, worst_task)),
                               mean_only(summary(climbs, &Climb::worst_person)),
                               with_deviation(summary(climbs, forgetting)),
                               mean_only(summary(climbs, backward_transfer)),
                               mean_only(summary(climbs, &Climb::lowest_asleep)),
                               thousands(bytes),
                               mean_only(summary(climbs, each_sleep(&Climb::sleep_seconds)), "%.2f"),
                               mean_only(summary(climbs, giga_instructions), "%.2f"),
                               mean_only(summary(climbs, &Climb::seconds)),
                               std::to_string(climbs.size())};
  for (const std::string& cell : cells) std::printf("| %s ", cell.c_str());
  std::printf("|\n");
}

std::vector<Climb> climbs_of(const Rung& rung, const Row& row, std::span<const Record> records) {
  std::vector<Climb> climbs;
  for (const Record& record : records)
    if (record.rung == rung.name && record.row == row.name && record.settings == text(row.way))
      climbs.push_back(record.climb);
  return climbs;
}

std::optional<Summary> accuracy_of(const Rung& rung, const Row& row, std::span<const Record> records) {
  return summary(climbs_of(rung, row, records), average);
}

const char* verdict(double value, double bound) { return value >= bound ? "reached" : "missed"; }

/// Dormouse against one rung's bounds and the best of its rivals.
void print_standing(const Rung& rung, const Summary& ours, std::span<const Record> records) {
  const Row* best = nullptr;
  std::optional<Summary> theirs;
  for (const Row& row : rung.rows)
    if (const auto rival = row.rival ? accuracy_of(rung, row, records) : std::nullopt;
        rival && (!theirs || rival->mean > theirs->mean))
      theirs = rival, best = &row;
  std::printf("| %s | %s | %g %s | %g %s |", rung.name.data(), with_deviation(ours).c_str(), rung.target,
              verdict(ours.mean, rung.target), rung.moonshot, verdict(ours.mean, rung.moonshot));
  if (!best) {
    std::printf(" - | - |\n");
    return;
  }
  const double error = std::sqrt(ours.squared_error() + theirs->squared_error());
  std::printf(" %s %s | %s |\n", std::string(best->name).c_str(), with_deviation(theirs).c_str(),
              error > 0 ? printed("%+.1f", (ours.mean - theirs->mean) / error).c_str() : "-");
}

}  // namespace

void print_table(const Rung& rung, std::span<const Record> records) {
  std::printf("\n### %s %s\n\nTarget at least %g, moonshot %g.\n\n", std::string(rung.name).c_str(),
              std::string(rung.title).c_str(), rung.target, rung.moonshot);
  std::printf(
      "| strategy | settings | accuracy %% | reference | worst task | worst person | forgetting | backward "
      "transfer | least "
      "asleep | kB | CPU s a sleep | G instructions a sleep | CPU s in all | seeds |\n|");
  for (int column = 0; column < 14; ++column) std::printf("---|");
  std::printf("\n");
  for (const Row& row : rung.rows) {
    const auto climbs = climbs_of(rung, row, records);
    if (!climbs.empty()) print_row(row, climbs);
  }
}

void print_standings(std::span<const Rung* const> rungs, std::span<const Record> records) {
  std::printf(
      "\n### Dormouse on every rung\n\n| rung | accuracy %% | target | moonshot | best of ER and DER++ in as "
      "many bytes | "
      "ahead by standard errors |\n|---|---|---|---|---|---|\n");
  for (const Rung* rung : rungs)
    for (const Row& row : rung->rows)
      if (row.way.dormouse)
        if (const auto ours = accuracy_of(*rung, row, records)) print_standing(*rung, *ours, records);
}

}  // namespace dormouse::bench

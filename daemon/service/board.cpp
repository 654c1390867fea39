#include "daemon/service/board.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>

#include "daemon/service/sysfs.h"

namespace dormouse::daemon {
namespace {

namespace fs = std::filesystem;

/// The first word of a sysfs attribute; nothing when it cannot be read.
std::optional<std::string> attribute(const fs::path& file) {
  std::ifstream stream(file);
  std::string word;
  if (!(stream >> word)) return std::nullopt;
  return word;
}

template <class Number>
std::optional<Number> number(const fs::path& file) {
  std::ifstream stream(file);
  Number value{};
  if (!(stream >> value)) return std::nullopt;
  return value;
}

}  // namespace

bool Board::on_battery() const {
  bool discharging = false;
  for (const fs::path supply : entries(sys_.native(), "class/power_supply", "")) {
    const auto type = attribute(supply / "type");
    if (!type || attribute(supply / "scope") == "Device") continue;
    if (*type == "Battery")
      discharging = discharging || attribute(supply / "status") == "Discharging";
    else if (attribute(supply / "online") == "1")
      return false;  // mains, USB or wireless: something feeds the board
  }
  return discharging;
}

std::optional<double> Board::temperature() const {
  std::optional<double> hottest;
  for (const fs::path zone : entries(sys_.native(), "class/thermal", "thermal_zone"))
    if (const auto millidegrees = number<double>(zone / "temp"))
      hottest = std::max(hottest.value_or(*millidegrees / 1000), *millidegrees / 1000);
  return hottest;
}

std::optional<std::uint64_t> Board::package_energy() const {
  return number<std::uint64_t>(sys_ / "class/powercap/intel-rapl:0/energy_uj");
}

std::uint64_t Board::package_energy_range() const {
  return number<std::uint64_t>(sys_ / "class/powercap/intel-rapl:0/max_energy_range_uj").value_or(0);
}

EnergyMeter::EnergyMeter(const Board& board, double watts)
    : board_(board), watts_(watts), cpu_start_(thread_cpu_seconds()), last_(board.package_energy()) {}

double EnergyMeter::joules() {
  if (!last_) return (thread_cpu_seconds() - cpu_start_) * watts_;
  if (const auto now = board_.package_energy()) {
    const std::uint64_t drawn =
        *now >= *last_ ? *now - *last_ : *now + board_.package_energy_range() - *last_;
    drawn_ += static_cast<double>(drawn) * 1e-6;
    last_ = now;
  }
  return drawn_;
}

std::string EnergyMeter::source() const {
  if (last_) return "RAPL, the whole package";
  char text[80];
  std::snprintf(text, sizeof text, "estimated: %.1f CPU seconds at %g W", thread_cpu_seconds() - cpu_start_,
                watts_);
  return text;
}

double thread_cpu_seconds() {
  std::timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace dormouse::daemon

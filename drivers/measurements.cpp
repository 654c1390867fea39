#include "drivers/measurements.h"

#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "config/log.h"
#include "engine/formats/atomic_file.h"

namespace dormouse::drivers {
namespace {

constexpr std::string_view kFirstLine = "dormouse measurements 1";
constexpr std::size_t kMost = 4096;
constexpr Measurement kCrashed{.agree = false};

bool lives(int process) { return process != ::getpid() && ::kill(process, 0) == 0; }

}  // namespace

Measurements::Measurements(std::filesystem::path file) : file_(std::move(file)) {
  if (auto known = read())
    entries_ = *std::move(known);
  else if (std::error_code none; std::filesystem::exists(file_, none))
    log(Level::warning, file_.string() + ": holds no measurements, and is ignored; it will be written anew");
  for (auto& [key, entry] : entries_) {
    if (entry.process == 0 || lives(entry.process)) continue;
    entry = {kCrashed};
    log(Level::warning,
        "a process ended while it tried the GPU: what it tried is not done there again; delete " +
            file_.string() + " to try again");
  }
}

std::optional<Measurement> Measurements::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.process != 0) return std::nullopt;
  return found->second.measurement;
}

void Measurements::begin(const std::string& key) {
  const std::lock_guard lock(mutex_);
  entries_[key] = {kCrashed, ::getpid()};
  write();
}

void Measurements::end(const std::string& key, const Measurement& measurement) {
  const std::lock_guard lock(mutex_);
  entries_[key] = {measurement};
  write();
}

void Measurements::abandon(const std::string& key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(key);
  write();
}

/// A line each: key, microseconds on GPU and CPU, whether they agree, process.
std::optional<Measurements::Entries> Measurements::read() const {
  Entries entries;
  std::ifstream file(file_);
  std::string line;
  bool good = std::getline(file, line) && line == kFirstLine;
  while (good && std::getline(file, line)) {
    std::istringstream fields(line);
    std::string key, rest;
    Entry entry;
    Measurement& m = entry.measurement;
    good = static_cast<bool>(fields >> key >> m.gpu_us >> m.cpu_us >> m.agree >> entry.process) &&
           !(fields >> rest) && m.gpu_us >= 0 && m.cpu_us >= 0 && entry.process >= 0;
    if (good) entries[key] = entry;
  }
  return good ? std::optional(std::move(entries)) : std::nullopt;
}

/// What other processes measured meanwhile is kept.
void Measurements::write() const {
  if (file_.empty()) return;
  Entries all = read().value_or(Entries());
  std::erase_if(all, [](const auto& entry) { return entry.second.process == ::getpid(); });
  if (all.size() + entries_.size() > kMost) all.clear();
  for (const auto& [key, entry] : entries_) all[key] = entry;
  std::ostringstream text;
  text << kFirstLine << "\n";
  for (const auto& [key, entry] : all)
    text << key << " " << entry.measurement.gpu_us << " " << entry.measurement.cpu_us << " "
         << entry.measurement.agree << " " << entry.process << "\n";
  try {
    std::filesystem::create_directories(file_.parent_path());
    engine::write_file(file_.string(), text.str());
  } catch (const std::exception& error) {
    log(Level::warning, std::string("measurements are not kept: ") + error.what());
  }
}

}  // namespace dormouse::drivers

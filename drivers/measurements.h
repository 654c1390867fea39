#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace dormouse::drivers {

/// How long a piece of work took on two drivers, transfers and all.
struct Measurement {
  double gpu_us = 0, cpu_us = 0;
  bool agree = true;  ///< in what they computed

  /// By a tenth at least: else it is not worth a second device's memory and power.
  bool pays() const { return agree && gpu_us < 0.9 * cpu_us; }
};

/// Measurements by key (a word), kept in a file from one process to the next. A file that cannot be read or
/// written, or is none of ours, costs its contents and a line in the log. Thread-safe; processes may share
/// the file.
class Measurements {
 public:
  /// `file` empty: kept for this process alone.
  explicit Measurements(std::filesystem::path file);

  std::optional<Measurement> find(const std::string& key) const;
  /// A measurement begins. If it never ends, because the process does, the next one finds that the two do not
  /// agree: what crashes must not crash again at every start.
  void begin(const std::string& key);
  /// It has ended.
  void end(const std::string& key, const Measurement& measurement);
  /// It has ended without a result.
  void abandon(const std::string& key);

 private:
  struct Entry {
    Measurement measurement;
    int process = 0;  ///< that measures it just now; 0: it was measured
  };
  using Entries = std::map<std::string, Entry>;
  /// Nothing where there is no file, or one that is none of ours.
  std::optional<Entries> read() const;
  void write() const;

  std::filesystem::path file_;
  mutable std::mutex mutex_;
  Entries entries_;
};

}  // namespace dormouse::drivers

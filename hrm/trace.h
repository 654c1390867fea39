#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "hrm/replay.h"

namespace dormouse::hrm {

/// What requests met, as JSON lines. The first says what follows:
///
///   {"format": "dormouse-trace", "version": 2}
///
/// and each other line is a request, drawn without regard to what was answered:
///
///   {"signals": {"confidence": 0.93, "margin": 0.9}, "low": {"label": 3, "us": 12.5},
///    "high": {"label": 3, "us": 800}, "truth": 3}
///
/// `signals` are some of kSignals, confidence among them; one that is missing is 0, as "answer" is in
/// version 1. `label` and `truth` are numbers or strings, `us` is the time it took. How many rows of others
/// waited then ("waiting") and what was left of the latency budget ("left_us") may stand there for people:
/// they say nothing of who is right. A request with an "id" may learn its truth later, or another one, from a
/// line {"id": 18204, "truth": 3} anywhere in the file: the last one counts. Of ids that no request has,
/// there is nothing to learn.
struct Trace {
  std::vector<TracedRequest> requests;
  std::size_t truths = 0;  ///< requests whose truth is known; of others right is what the high model says
};

/// Throws Failure(corrupt) with `name`, line and reason for the first line that is not as above.
Trace read_trace(std::istream& lines, const std::string& name);

/// A request that both models answered.
struct RecordedRequest {
  std::uint64_t id = 0;
  Signals signals{};
  std::string low, high;  ///< labels
  double low_us = 0, high_us = 0;
  std::uint64_t waiting = 0;           ///< rows of other requests
  std::optional<double> left_us = {};  ///< of the latency budget, once the low model had answered
};

/// Writes what read_trace() reads, behind what the file holds already. At `limit` bytes the file becomes
/// FILE.1, in place of the one before, and a new one begins: two times the limit is the most they take,
/// besides what is kept of version 1.
///
/// The folder is made. A file of version 1 becomes FILE.v1 or, where that is taken, FILE.v1.1 and so on,
/// which the log says and nothing overwrites; one that is no trace is left alone, and a line that a power cut
/// tore off is taken back. One owner.
class TraceWriter {
 public:
  TraceWriter(std::filesystem::path file, std::uint64_t limit) : path_(std::move(file)), limit_(limit) {}

  /// Throws as open() for what stands in the file already, and changes nothing.
  void check() const;
  /// Begins the file, which else waits for the first line. Throws Failure(io) naming the file and the
  /// system's reason, Failure(conflict) where it is something else.
  void open();
  /// Throws likewise.
  void write(const RecordedRequest& request);
  /// The truth about a request, written or yet to be. Throws likewise.
  void write_truth(std::uint64_t id, const std::string& label);
  const std::filesystem::path& path() const { return path_; }

 private:
  void append(const std::string& line);

  std::filesystem::path path_;
  std::uint64_t limit_;
  std::uint64_t bytes_ = 0;
  std::ofstream file_;
};

}  // namespace dormouse::hrm

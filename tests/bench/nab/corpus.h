#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

/// The Numenta Anomaly Benchmark: Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms", ICMLA
/// 2015; Ahmad and others, "Unsupervised real-time anomaly detection for streaming data", Neurocomputing
/// 2017.
namespace dormouse::bench::nab {

struct Row {
  std::chrono::sys_seconds time;
  double value = 0;
};

/// Rows that people labelled as the time of an anomaly, both ends included.
struct Window {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t width() const { return last - first + 1; }
};

struct Series {
  std::string name;      ///< "realTraffic/speed_6005.csv"
  std::string category;  ///< its folder
  std::vector<Row> rows;
  std::vector<Window> windows;  ///< in order of time, apart
};

/// Reads `folder`/labels/combined_windows.json and every file of `folder`/data that it names, in its order.
/// Throws Failure(not_found / corrupt) naming the file and what is wrong with it.
std::vector<Series> load_corpus(const std::filesystem::path& folder);

}  // namespace dormouse::bench::nab

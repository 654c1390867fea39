#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/router/data.h"
#include "tests/bench/router/device.h"
#include "tests/bench/router/verdict.h"

namespace dormouse::bench {

/// A set with its models, and what they made of its lessons and its requests.
struct Recorded {
  RouterData data;
  Device::Options options;
  std::vector<Exit> lessons, test;
  Macs macs;
  Times times;
  std::string name() const { return data.name; }
};

/// Which cheap answer a gate judges, and what it sees: the low model's without memory's signals, and without
/// paying for them; with them; the answer mixed with memory's.
enum class Cheap { alone, remembering, hybrid };
/// Whether the gate is told which class was answered, of which it knows the historic error.
enum class History { told, untold };

/// What a set is held to: compute in percent of the high model's, points below it; and how.
struct Goal {
  double compute = 0, points = 0;
  double target_error = 0;
  std::size_t audits = 0;
  Cheap cheap = Cheap::alone;  ///< the way that is held to it
};

/// Low, with memory, mixed with memory, high: compute and accuracy, 1,000 calibration splits.
void measure_paths(const Recorded& set, const Goal& goal, Verdicts& verdicts);
/// What so many audits buy.
void measure_cold_start(const Recorded& set, Verdicts& verdicts);
/// Requests as the daemon meets them, with its audits, alarms and tests.
struct Stream {
  std::string name;
  std::vector<Exit> before, after;  ///< drawn from; `after` is a ramp: in its order
  double target_error = 0;
  bool ramp = false;
  double audited = 0.05;  ///< the daemon's usual share
};
/// Medians of 200 streams.
void measure_stream(const Stream& stream, Verdicts& verdicts);
/// How well what is new is told from what is known: one digit left out of training and memory, and other
/// sets.
void measure_left_out(const Recorded& digits, const std::filesystem::path& specs,
                      const std::filesystem::path& work, Verdicts& verdicts);
void measure_across(const Recorded& known, const Recorded& other, Verdicts& verdicts);
/// What the daemon adds to its low model, with 10,000 episodes.
void measure_routing_time(const Recorded& set, const std::filesystem::path& work, Verdicts& verdicts);

/// Exits from a cache file, or by asking; the file is written then.
std::vector<Exit> cached_exits(const std::filesystem::path& file, const Device& device,
                               const learning::Dataset& data);

}  // namespace dormouse::bench

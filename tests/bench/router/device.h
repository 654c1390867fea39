#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "daemon/service/inference.h"
#include "learning/dataset.h"

namespace dormouse::bench {

/// What every path made of one request.
struct Exit {
  std::uint32_t truth = 0;
  std::uint32_t low = 0, hybrid = 0, high = 0;  ///< answers
  hrm::Signals signals{};                       ///< of the low answer
  hrm::Signals hybrid_signals{};                ///< of the mixed one
  float confidence = 0;                         ///< of the low answer
  float novelty = 0;
};

/// Multiplications and additions, in pairs, of one request.
struct Macs {
  double low = 0, memory = 0, high = 0;
};

/// Medians of requests one by one, in microseconds.
struct Times {
  double model = 0;  ///< the low model's session alone
  double low = 0;    ///< as answered: model, heads, memory, signals
  double high = 0;   ///< the planner's
};

/// A model of the daemon with a memory of so many labelled examples, and its planner: loaded and asked as the
/// daemon does, without its sockets.
class Device {
 public:
  struct Options {
    std::filesystem::path low, high;  ///< ONNX, their seeds beside them; high may be empty
    std::filesystem::path state;      ///< a folder of its own
    std::int64_t channels = 1;
    std::size_t memory = 2000;  ///< episodes; from `known`, as many of every class
    hrm::RouterOptions router{};
  };
  Device(const Options& options, const learning::Dataset& known);
  ~Device();

  /// In the order of the clips. `labels`: of the data's classes; one that the model does not know is never
  /// answered.
  std::vector<Exit> exits(const learning::Dataset& data) const;
  Macs macs() const;
  Times times(const learning::Dataset& data, std::size_t requests) const;

 private:
  struct Side;
  engine::Tensor input(const Side& side, const engine::Tensor& clip) const;
  void remember(const learning::Dataset& known, std::size_t count);

  Options options_;
  std::unique_ptr<Side> low_, high_;
};

}  // namespace dormouse::bench

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "learning/strategy.h"
#include "tests/bench/ladder/run.h"

namespace dormouse::bench {

/// A strategy of the library with the numbers that a row runs it under.
struct Way {
  learning::Strategy strategy = learning::Strategy::finetune;
  float rate = 0.03f;
  std::size_t items =
      0;  ///< exemplars as they come: images a byte a pixel, others f32; and a byte for the label
  std::size_t bytes = 0;    ///< instead: a budget for packed exemplars
  bool small = false;       ///< packed images at half resolution and 4 bits a pixel; else a byte a value
  std::size_t replay = 10;  ///< exemplars in a step
  float alpha = 0;          ///< der++
  float beta = 0;
  std::optional<float> lambda = {};
  float damping = 0;      ///< si: ξ
  bool balanced = false;  ///< a class-balanced reservoir
  std::size_t sleep = 0;  ///< steps of class-balanced rehearsal after each task, batches of 64
  float sleep_rate = 0;
  std::size_t lift = 0;  ///< random ReLU features before an analytic head
  bool jointly = false;  ///< all tasks as one
  bool dormouse =
      false;  ///< the one configuration for all rungs (dormouse_learner.h); of the above only `bytes` counts
};

/// "lr=0.03 M=200 …": what tells results of one setting from those of another.
std::string text(const Way& way);

/// An accuracy to compare with.
struct Reference {
  double mean = 0;
  double deviation = 0;
  std::string_view source = {};  ///< empty: none
};

struct Row {
  std::string_view name;
  Way way;
  Reference reference = {};
  bool rival = false;  ///< keeps as many bytes as Dormouse does, and is what it has to beat
};

struct Rung {
  std::string_view name;
  std::string_view title;
  std::string_view data;  ///< folder of the prepared data
  Split split = nullptr;
  std::vector<std::size_t> hidden;
  Schedule schedule;
  double target = 0;
  double moonshot = 0;
  std::vector<Row> rows;
};

/// In the order of the ladder.
std::span<const Rung> rungs();
/// Throws Failure(invalid) that lists what there is.
const Rung& rung_named(std::string_view name);

}  // namespace dormouse::bench

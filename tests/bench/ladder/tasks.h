#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/ladder/examples.h"

namespace dormouse::bench {

/// Some examples as a learner sees them in one task: scaled, their elements in the task's order, their
/// classes as it names them.
class Selection {
 public:
  /// What all selections of a stream share.
  struct Terms {
    Scale scale;
    std::uint32_t classes = 0;  ///< a class is known by its remainder
  };
  /// `examples` are borrowed. `order`: element i of an input is element order[i] of the example; null: as it
  /// is.
  Selection(const Examples& examples, std::vector<std::size_t> rows, std::shared_ptr<const Terms> terms,
            std::shared_ptr<const std::vector<std::size_t>> order = nullptr);

  std::size_t size() const { return rows_.size(); }
  std::uint32_t group(std::size_t i) const { return examples_->groups[rows_[i]]; }
  learning::LabelledLatents at(std::span<const std::size_t> positions) const;
  learning::LabelledLatents range(std::size_t first, std::size_t count) const;

 private:
  void write(std::size_t row, std::span<float> input) const;

  const Examples* examples_;
  std::vector<std::size_t> rows_;
  std::shared_ptr<const Terms> terms_;
  std::shared_ptr<const std::vector<std::size_t>> order_;
};

struct Task {
  Selection train;
  Selection test;
};

/// Tasks in the order they are learnt; one head, and nobody says at test which task an input is of.
struct Stream {
  std::vector<Task> tasks;
  std::size_t classes = 0;
  std::size_t width = 0;
};

/// How a data set becomes a stream. Borrows the data. What varies with the seed says so.
using Split = Stream (*)(const DataSet& data, std::uint64_t seed);

Stream two_classes_a_task(const DataSet& data, std::uint64_t seed);
/// Two digits a task, told apart as even and odd.
Stream parity(const DataSet& data, std::uint64_t seed);
/// Ten tasks of all digits, each under its own order of the pixels, by the seed.
Stream permuted(const DataSet& data, std::uint64_t seed);
/// Three training people a task, in an order by the seed: the first 70 % of each one's windows of each
/// activity train, the rest test, less the window that shares samples with training.
Stream three_people_a_task(const DataSet& data, std::uint64_t seed);
/// One speaker a task, in an order by the seed, on the official split of the recordings.
Stream one_speaker_a_task(const DataSet& data, std::uint64_t seed);

}  // namespace dormouse::bench

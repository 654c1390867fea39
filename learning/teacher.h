#pragma once

#include "engine/session.h"
#include "learning/clip_inputs.h"

namespace dormouse::learning {

/// A classifier that another one is to learn from.
struct TeacherModel {
  engine::Graph graph;  ///< input → logits, or their softmax, which is left off then
  engine::InputNormaliser normaliser;
  std::vector<std::string> labels;  ///< of its outputs; empty: those of the data, in their order
};

/// The same at work: frozen, asked about the very clips that the student sees. Thread-safe.
class Teacher {
 public:
  /// `channels` of the clips; `data` and `drivers` are borrowed. Throws Failure(invalid) naming the label of
  /// the data that it does not know, or when it answers with something else than a row of scores.
  Teacher(const TeacherModel& model, const Dataset& data, std::int64_t channels,
          std::span<const engine::Driver* const> drivers);

  /// f32 [clips, labels of the data].
  Tensor logits(std::span<const Tensor> clips) const;

 private:
  engine::Session session_;
  ClipInputs inputs_;
  std::vector<std::size_t> columns_;  ///< of its answer, by label of the data
};

}  // namespace dormouse::learning

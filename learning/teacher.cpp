#include "learning/teacher.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "config/text.h"
#include "engine/op.h"

namespace dormouse::learning {
namespace {

using engine::Graph;

/// From the input to the scores before softmax.
Graph logits_graph(const Graph& graph) {
  if (graph.inputs().size() != 1)
    throw Failure(Errc::unsupported, "the teacher has " + std::to_string(graph.inputs().size()) +
                                         " inputs; it takes a model with one");
  engine::ValueId answer = graph.outputs().at(0);
  const engine::Node* last = graph.producer(answer);
  if (last && last->op->name == "Softmax") answer = last->inputs[0];
  const engine::ValueInfo& value = graph.value(answer);
  if (value.dtype != engine::DType::f32 || !value.shape_known || value.shape.rank() != 2 ||
      value.shape[1] < 1)
    throw Failure(Errc::invalid, "the teacher's first output '" + value.name + "' is no row of scores: " +
                                     std::string(word(value.dtype)) + " " + to_string(value.shape));
  return engine::extract(graph, graph.inputs(), std::array{answer});
}

std::vector<std::size_t> columns_of(const TeacherModel& model, const Graph& logits, const Dataset& data) {
  const auto width = static_cast<std::size_t>(logits.value(logits.outputs()[0]).shape[1]);
  const std::size_t known = model.labels.empty() ? data.labels.size() : model.labels.size();
  if (width != known)
    throw Failure(Errc::invalid, "the teacher answers with " + std::to_string(width) + " scores for " +
                                     std::to_string(known) + " labels");
  std::vector<std::size_t> columns(data.labels.size());
  std::iota(columns.begin(), columns.end(), 0);
  if (model.labels.empty()) return columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto found = std::ranges::find(model.labels, data.labels[i]);
    if (found == model.labels.end())
      throw Failure(Errc::invalid, "the teacher does not know the label '" + data.labels[i] + "'; it knows " +
                                       config::join(model.labels));
    columns[i] = static_cast<std::size_t>(found - model.labels.begin());
  }
  return columns;
}

}  // namespace

Teacher::Teacher(const TeacherModel& model, const Dataset& data, std::int64_t channels,
                 std::span<const engine::Driver* const> drivers)
    : session_(logits_graph(model.graph), drivers),
      inputs_(data, model.graph.value(model.graph.inputs()[0]).shape, channels, model.normaliser),
      columns_(columns_of(model, session_.graph(), data)) {}

Tensor Teacher::logits(std::span<const Tensor> clips) const {
  const Tensor answers = session_.run(std::array{inputs_.of(clips)})[0];
  const auto width = static_cast<std::size_t>(answers.shape()[1]);
  Tensor result(engine::DType::f32, {std::ssize(clips), std::ssize(columns_)});
  const auto from = answers.values<float>();
  auto to = result.mutable_values<float>().begin();
  for (std::size_t row = 0; row < clips.size(); ++row)
    for (const std::size_t column : columns_) *to++ = from[row * width + column];
  return result;
}

}  // namespace dormouse::learning

#include "daemon/verbs/evaluation.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "daemon/service/class_labels.h"
#include "daemon/verbs/infer_local.h"
#include "daemon/verbs/print.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "learning/calibration.h"
#include "learning/clip_inputs.h"
#include "learning/seed.h"

namespace dormouse::daemon {
namespace {

using engine::Tensor;
using learning::ClassIndex;
using learning::Confusion;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMostColumns = 20;  // classes beyond which a confusion matrix is no more to be read

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f", 100 * share);
  return text;
}

bool are_probabilities(const Tensor& scores) {
  const auto values = scores.values<float>();
  const auto width = static_cast<std::size_t>(scores.shape()[1]);
  for (std::size_t first = 0; first + width <= values.size(); first += width) {
    const auto row = values.subspan(first, width);
    const float sum = std::accumulate(row.begin(), row.end(), 0.0f);
    if (std::ranges::any_of(row, [](float value) { return value < 0; }) || std::abs(sum - 1) > 1e-3f)
      return false;
  }
  return true;
}

float temperature_beside(const std::filesystem::path& model) {
  const auto seed = learning::seed_beside(model);
  return seed.empty() ? 1.0f : learning::read_seed(seed).temperature;
}

/// The classes of the data as positions among `labels`.
std::vector<ClassIndex> classes_among(const std::vector<std::string>& labels, const learning::Dataset& data) {
  std::vector<ClassIndex> own;
  for (const std::string& label : data.labels) {
    const auto found = std::ranges::find(labels, label);
    if (found == labels.end())
      throw Failure(Errc::invalid, "the model does not know the label '" + label + "' of the data");
    own.push_back(static_cast<ClassIndex>(found - labels.begin()));
  }
  std::vector<ClassIndex> classes;
  for (const ClassIndex index : data.classes) classes.push_back(own[index]);
  return classes;
}

/// The model's first output for all examples, f32 [N, classes].
Tensor scores_of(const engine::Graph& graph, const learning::Dataset& data,
                 const engine::InputNormaliser& normaliser, std::size_t classes,
                 std::span<const engine::Driver* const> drivers) {
  if (graph.inputs().size() != 1)
    throw Failure(Errc::unsupported, "models with one input are evaluated; this one has " +
                                         std::to_string(graph.inputs().size()));
  const engine::Session session(engine::extract(graph, graph.inputs(), std::array{graph.outputs().at(0)}),
                                drivers);
  const learning::ClipInputs inputs(data, graph.value(graph.inputs()[0]).shape, data.clips.front().shape()[1],
                                    normaliser);
  Tensor all(engine::DType::f32, {std::ssize(data.clips), static_cast<std::int64_t>(classes)});
  std::vector<std::size_t> rows(data.size());
  std::iota(rows.begin(), rows.end(), 0);
  auto to = all.mutable_values<float>().begin();
  for (std::size_t first = 0; first < rows.size(); first += kBatch) {
    const auto some = std::span(rows).subspan(first, std::min(kBatch, rows.size() - first));
    const Tensor scores = session.run(std::array{inputs.batch(some)})[0].as(engine::DType::f32);
    if (scores.shape() != engine::Shape{std::ssize(some), static_cast<std::int64_t>(classes)})
      throw Failure(Errc::invalid, "the model's first output is " + to_string(scores.shape()) +
                                       "; there are " + std::to_string(classes) + " classes");
    to = std::ranges::copy(scores.values<float>(), to).out;
  }
  return all;
}

std::string figures(const Evaluation& e) {
  std::string text = percent(e.confusion.accuracy()) + "% of " + std::to_string(e.confusion.total()) +
                     ", macro F1 " + percent(e.confusion.macro_f1()) + "%";
  char more[64] = "";
  if (e.auroc && e.calibration_error)
    std::snprintf(more, sizeof more, ", AUROC %.4f, calibration error %.4f", *e.auroc, *e.calibration_error);
  return text + more + "\n";
}

std::string by_class(const Evaluation& e) {
  Table table({"label", "examples", "right", "recall %", "precision %", "F1 %"});
  for (std::size_t c = 0; c < e.labels.size(); ++c) {
    std::size_t examples = 0;
    for (std::size_t n = 0; n < e.labels.size(); ++n) examples += e.confusion.count(c, n);
    table.add({e.labels[c], std::to_string(examples), std::to_string(e.confusion.count(c, c)),
               percent(e.confusion.recall(c)), percent(e.confusion.precision(c)),
               percent(e.confusion.f1(c))});
  }
  return table.text();
}

std::string matrix(const Evaluation& e) {
  if (e.labels.size() > kMostColumns) return "";
  std::vector<std::string> headings{"is \\ taken for"};
  headings.insert(headings.end(), e.labels.begin(), e.labels.end());
  Table table(std::move(headings));
  for (std::size_t truth = 0; truth < e.labels.size(); ++truth) {
    std::vector<std::string> cells{e.labels[truth]};
    for (std::size_t named = 0; named < e.labels.size(); ++named)
      cells.push_back(std::to_string(e.confusion.count(truth, named)));
    table.add(std::move(cells));
  }
  return "\n" + table.text();
}

}  // namespace

Evaluation evaluate_here(const std::string& model, const learning::Dataset& data,
                         std::span<const engine::Driver* const> drivers) {
  const engine::Graph graph = engine::read_onnx(model);
  std::vector<std::string> labels = class_labels(graph, model).names;
  if (labels.empty()) labels = data.labels;
  const std::vector<ClassIndex> truth = classes_among(labels, data);
  const Tensor scores = scores_of(graph, data, normaliser_beside(model), labels.size(), drivers);
  const Tensor p =
      are_probabilities(scores) ? scores : learning::probabilities(scores, temperature_beside(model));
  Evaluation result{std::move(labels), Confusion(static_cast<std::size_t>(p.shape()[1]))};
  const std::vector<ClassIndex> named = learning::predictions(p);
  for (std::size_t i = 0; i < truth.size(); ++i) result.confusion.add(truth[i], named[i]);
  if (const double area = learning::macro_auroc(p, truth); !std::isnan(area)) result.auroc = area;
  result.calibration_error = learning::calibration_error(p, truth);
  return result;
}

boost::json::object to_json(const Evaluation& e) {
  boost::json::object labels;
  boost::json::array confusion;
  for (std::size_t truth = 0; truth < e.labels.size(); ++truth) {
    labels[e.labels[truth]] = e.confusion.recall(truth);
    boost::json::array row;
    for (std::size_t named = 0; named < e.labels.size(); ++named)
      row.push_back(boost::json::value(e.confusion.count(truth, named)));
    confusion.push_back(std::move(row));
  }
  boost::json::object result{{"clips", e.confusion.total()},
                             {"accuracy", e.confusion.accuracy()},
                             {"macro_f1", e.confusion.macro_f1()},
                             {"labels", std::move(labels)},
                             {"confusion", std::move(confusion)}};
  if (e.auroc) result["auroc"] = *e.auroc;
  if (e.calibration_error) result["calibration_error"] = *e.calibration_error;
  return result;
}

std::string to_text(const Evaluation& evaluation) {
  return by_class(evaluation) + matrix(evaluation) + "\n" + figures(evaluation);
}

}  // namespace dormouse::daemon

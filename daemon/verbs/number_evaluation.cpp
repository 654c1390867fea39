#include "daemon/verbs/number_evaluation.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <iostream>
#include <numeric>

#include "daemon/client/tensor_message.h"
#include "daemon/verbs/print.h"
#include "engine/formats/bytes.h"
#include "engine/formats/csv.h"
#include "engine/session.h"
#include "engine/window.h"
#include "learning/clip_inputs.h"
#include "learning/number_data.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using learning::NumberErrors;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kShownRows = 8;  // of a forecast

/// JSON has no NaN: what is not known is null.
json::value number(double value) { return std::isfinite(value) ? json::value(value) : json::value(nullptr); }

std::string digits(double value) { return std::isfinite(value) ? cell(json::value(value)) : "–"; }

std::string by_target(const NumberEvaluation& e) {
  Table table({"target", "MAE", "RMSE", "R²"});
  for (std::size_t i = 0; i < e.model.targets.size(); ++i)
    table.add(
        {e.model.targets[i], digits(e.errors.mae(i)), digits(e.errors.rmse(i)), digits(e.errors.r2(i))});
  return table.text() + "\n";
}

std::string by_row(const NumberErrors& errors) {
  const std::size_t horizon = errors.horizon(), shown = std::min(horizon, kShownRows);
  if (horizon == 1) return "";
  Table table({"rows ahead", "MAE", "RMSE"});  // in deviations
  for (std::size_t i = 1; i <= shown; ++i) {
    const std::size_t row = i * horizon / shown - 1;
    table.add({std::to_string(row + 1), digits(errors.mae_at(row)), digits(std::sqrt(errors.mse_at(row)))});
  }
  return table.text() + "\n";
}

/// The numbers in a file, of a table those of the columns that the model names, as its input.
engine::Tensor input_of(const std::string& file, const learning::NumberModel& model,
                        const engine::Shape& input) {
  const auto bytes = engine::map_file(file);
  const bool table = !model.columns.empty() && engine::is_csv({bytes->data(), bytes->size()});
  engine::Tensor rows =
      (table ? engine::read_csv(file, {}, model.columns).rows : read_input_file(file)).as(engine::DType::f32);
  if (rows.shape().rank() == 1) rows = rows.reshaped({rows.shape()[0], 1});
  const std::int64_t elements = input.elements(1, input.rank()), channels = input.rank() == 3 ? input[1] : 1;
  const engine::Shape& shape = rows.shape();
  const auto misfit = [&](const std::string& what) {
    return Failure(Errc::invalid, file + ": is " + to_string(shape) + "; the model takes " + what);
  };
  if (model.horizon > 0) {
    if (shape.rank() != 2 || shape[1] != channels || shape[0] * channels < elements)
      throw misfit("windows of " + std::to_string(elements / channels) + " rows of " +
                   std::to_string(channels) + " channels");
    rows = rows.rows(shape[0] - elements / channels, elements / channels);
  } else if (shape.rank() == 2 && shape[1] == elements) {  // a row an example
    engine::Shape batch = input;
    batch[0] = shape[0];
    return rows.reshaped(batch);
  } else if (shape.rank() != 2 || rows.elements() != elements) {
    throw misfit("rows of " + std::to_string(elements) + " numbers, or one window of as many");
  }
  return engine::window_input(channels == shape[1] ? rows : rows.reshaped({elements / channels, channels}),
                              engine::window_shape(input, channels), {});
}

}  // namespace

int infer_numbers(const Arguments& arguments, const engine::Session& session,
                  const learning::NumberModel& model) {
  const engine::Shape& input = session.graph().value(session.graph().inputs().at(0)).shape;
  std::vector<std::string> headings{"file", model.horizon > 0 ? "rows ahead" : "example"};
  headings.insert(headings.end(), model.targets.begin(), model.targets.end());
  Table table(headings);
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    const std::string& file = arguments.positional()[i];
    const engine::Tensor answers = session.run(std::array{input_of(file, model, input)})[0];
    const auto values = answers.values<float>();
    json::array rows;
    for (std::size_t at = 0; at < values.size(); at += model.targets.size()) {
      std::vector<std::string> cells{file, std::to_string(rows.size() + 1)};
      json::object row;
      for (std::size_t k = 0; k < model.targets.size(); ++k) {
        row[model.targets[k]] = number(double{values[at + k]});
        cells.push_back(digits(double{values[at + k]}));
      }
      rows.push_back(std::move(row));
      table.add(std::move(cells));
    }
    if (arguments.json())
      std::cout << json::serialize(json::object{{"file", file}, {"rows", std::move(rows)}}) << "\n";
  }
  if (!arguments.json()) std::cout << table.text();
  return kOk;
}

NumberEvaluation evaluate_numbers(const engine::Graph& graph, const std::string& file, std::int64_t stride,
                                  std::span<const engine::Driver* const> drivers) {
  if (graph.inputs().size() != 1)
    throw Failure(Errc::unsupported, "models with one input are evaluated; this one has " +
                                         std::to_string(graph.inputs().size()));
  const learning::NumberModel model = learning::number_model(graph).value();
  const engine::Shape& input = graph.value(graph.inputs().at(0)).shape;
  const learning::Dataset data = learning::read_for(model, input, file, "", stride);
  const engine::Session session(engine::extract(graph, graph.inputs(), std::array{graph.outputs().at(0)}),
                                drivers);
  const std::int64_t channels = input.rank() == 3 ? input[1] : 1;
  const learning::ClipInputs inputs(data, input, channels, {});
  std::vector<std::size_t> rows(data.size());
  std::iota(rows.begin(), rows.end(), 0);
  NumberEvaluation result{model, NumberErrors(model.deviation, static_cast<std::size_t>(model.rows()))};
  for (std::size_t first = 0; first < rows.size(); first += kBatch) {
    const auto some = std::span(rows).subspan(first, std::min(kBatch, rows.size() - first));
    const engine::Tensor answers = session.run(std::array{inputs.batch(some)})[0];
    const engine::Tensor truths = learning::target_rows(data, some, nullptr);
    if (answers.shape() != truths.shape())
      throw Failure(Errc::invalid, "the model answers with " + to_string(answers.shape()) + ", and " + file +
                                       " has " + to_string(truths.shape()));
    result.errors.add(answers.values<float>(), truths.values<float>());
  }
  return result;
}

json::object to_json(const NumberEvaluation& e) {
  json::object targets;
  for (std::size_t i = 0; i < e.model.targets.size(); ++i)
    targets[e.model.targets[i]] = {
        {"mae", e.errors.mae(i)}, {"rmse", e.errors.rmse(i)}, {"r2", number(e.errors.r2(i))}};
  json::object result{{"examples", e.errors.examples()},
                      {"mae", e.errors.mae()},
                      {"mse", e.errors.mse()},
                      {"r2", number(e.errors.r2())},
                      {"targets", std::move(targets)}};
  if (e.errors.horizon() == 1) return result;
  json::array rows;
  for (std::size_t row = 0; row < e.errors.horizon(); ++row)
    rows.push_back({{"mae", e.errors.mae_at(row)}, {"mse", e.errors.mse_at(row)}});
  result["rows_ahead"] = std::move(rows);
  return result;
}

std::string figures(const NumberErrors& errors) {
  return "MAE " + digits(errors.mae()) + " and RMSE " + digits(std::sqrt(errors.mse())) +
         (errors.targets() == 1 && errors.horizon() == 1 ? " of the target's deviation"
                                                         : " of the targets' deviations") +
         ", R² " + digits(errors.r2());
}

std::string to_text(const NumberEvaluation& e) {
  return by_target(e) + by_row(e.errors) + figures(e.errors) + ", on " + std::to_string(e.errors.examples()) +
         (e.model.horizon > 0 ? " windows\n" : " examples\n");
}

}  // namespace dormouse::daemon

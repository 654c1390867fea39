#include "learning/targets.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "engine/op.h"

namespace dormouse::learning {
namespace {

namespace json = boost::json;
using engine::Graph;

constexpr const char* kTargets = "dormouse.targets";
constexpr const char* kHorizon = "dormouse.horizon";
constexpr const char* kColumns = "dormouse.columns";

const std::string* entry(const Graph& graph, std::string_view key) {
  const auto found = std::ranges::find(graph.metadata, key, &std::pair<std::string, std::string>::first);
  return found == graph.metadata.end() ? nullptr : &found->second;
}

NumberModel read(const Graph& graph, const std::string& targets) {
  NumberModel model;
  const json::value list = json::parse(targets);
  for (const json::value& target : list.as_array()) {
    model.targets.push_back(json::value_to<std::string>(target.at("name")));
    model.mean.push_back(target.at("mean").to_number<float>());
    model.deviation.push_back(target.at("deviation").to_number<float>());
    if (!std::isfinite(model.mean.back()) || !(model.deviation.back() > 0))
      throw std::invalid_argument("a target without a scale");
  }
  if (const std::string* horizon = entry(graph, kHorizon))
    model.horizon = json::parse(*horizon).to_number<std::int64_t>();
  if (const std::string* columns = entry(graph, kColumns))
    model.columns = json::value_to<std::vector<std::string>>(json::parse(*columns));
  if (model.targets.empty() || model.horizon < 0) throw std::invalid_argument("no targets");
  return model;
}

/// Weights [in, out] or [out, in] and bias, each output o times factor(o), then the bias by shift(o).
void rescale(Graph& graph, const NumberModel& scale, bool to_units) {
  const auto head = number_head(graph);
  if (!head || head->bias == engine::kAbsent)
    throw Failure(
        Errc::unsupported,
        "the model's answers '" + graph.value(graph.outputs().at(0)).name +
            "' are made by no linear layer with a bias, which could turn them into the targets' units");
  Tensor weight = graph.value(head->weight).constant->clone(),
         bias = graph.value(head->bias).constant->clone();
  const auto w = weight.mutable_values<float>(), b = bias.mutable_values<float>();
  const std::size_t outputs = b.size(), inputs = w.size() / outputs, targets = scale.targets.size();
  for (std::size_t o = 0; o < outputs; ++o) {
    const float mean = scale.mean[o % targets], deviation = scale.deviation[o % targets];
    const float factor = to_units ? deviation : 1 / deviation;
    for (std::size_t i = 0; i < inputs; ++i) w[head->transposed ? o * inputs + i : i * outputs + o] *= factor;
    b[o] = to_units ? b[o] * deviation + mean : (b[o] - mean) / deviation;
  }
  graph.set_constant(head->weight, std::move(weight));
  graph.set_constant(head->bias, std::move(bias));
}

}  // namespace

std::optional<NumberModel> number_model(const Graph& graph) {
  const std::string* const targets = entry(graph, kTargets);
  if (!targets) return std::nullopt;
  try {
    return read(graph, *targets);
  } catch (const std::exception& failure) {
    throw Failure(Errc::corrupt,
                  std::string("the model's metadata ") + kTargets + " cannot be read: " + failure.what());
  }
}

std::vector<std::pair<std::string, std::string>> metadata_of(const NumberModel& model) {
  json::array targets;
  for (std::size_t i = 0; i < model.targets.size(); ++i)
    targets.push_back(
        {{"name", model.targets[i]}, {"mean", model.mean[i]}, {"deviation", model.deviation[i]}});
  std::vector<std::pair<std::string, std::string>> entries{{kTargets, json::serialize(targets)}};
  if (model.horizon > 0) entries.emplace_back(kHorizon, std::to_string(model.horizon));
  if (!model.columns.empty())
    entries.emplace_back(kColumns, json::serialize(json::value_from(model.columns)));
  return entries;
}

NumberModel measure_targets(const Dataset& data, const Rows& rows) {
  const std::size_t width = data.target_names.size();
  std::vector<double> first(width), sum(width), squares(width);
  double count = 0;
  std::map<std::size_t, std::int64_t> seen;  // rows of each series
  for (const std::size_t row : rows) {
    const auto values = data.targets[row].values<float>();
    std::size_t from = 0;
    if (!data.moments.empty()) {
      const Moment& moment = data.moments[row];
      std::int64_t& until = seen[moment.series];
      from = static_cast<std::size_t>(std::max<std::int64_t>(0, until - moment.first)) * width;
      until = std::max(until, moment.last);
    }
    for (std::size_t i = from; i < values.size(); ++i) {
      const std::size_t target = i % width;
      if (count == 0 && i < from + width) first[target] = double{values[i]};
      const double apart = double{values[i]} - first[target];
      sum[target] += apart;
      squares[target] += apart * apart;
    }
    count += static_cast<double>(values.size() - std::min(from, values.size())) / static_cast<double>(width);
  }
  NumberModel scale{.targets = data.target_names, .mean = {}, .deviation = {}};
  for (std::size_t target = 0; target < width; ++target) {
    const double mean = sum[target] / count, variance = squares[target] / count - mean * mean;
    const double size = std::abs(first[target]) + std::abs(mean);
    if (!(variance > 1e-14 * size * size))
      throw Failure(Errc::invalid,
                    "the target '" + data.target_names[target] + "' is always " +
                        std::to_string(first[target]) +
                        " in the training examples: there is nothing to learn about it; leave it out");
    scale.mean.push_back(static_cast<float>(first[target] + mean));
    scale.deviation.push_back(static_cast<float>(std::sqrt(variance)));
  }
  return scale;
}

Tensor target_rows(const Dataset& data, std::span<const std::size_t> rows, const NumberModel* scale) {
  const auto width = static_cast<std::size_t>(data.targets.front().elements());
  Tensor result(engine::DType::f32, {std::ssize(rows), static_cast<std::int64_t>(width)});
  auto to = result.mutable_values<float>().begin();
  for (const std::size_t row : rows) {
    const auto values = data.targets[row].values<float>();
    if (!scale) {
      to = std::ranges::copy(values, to).out;
      continue;
    }
    const std::size_t targets = scale->targets.size();
    for (std::size_t i = 0; i < width; ++i)
      *to++ = (values[i] - scale->mean[i % targets]) / scale->deviation[i % targets];
  }
  return result;
}

std::optional<LinearLayer> number_head(const Graph& graph) {
  const engine::ValueId answer = graph.outputs().at(0);
  const engine::Node* const last = graph.producer(answer);
  return linear_layer_to(graph, last && last->op->name == "Reshape" ? last->inputs[0] : answer);
}

void answer_in_units(Graph& graph, const NumberModel& scale) { rescale(graph, scale, true); }
void answer_in_deviations(Graph& graph, const NumberModel& scale) { rescale(graph, scale, false); }

}  // namespace dormouse::learning

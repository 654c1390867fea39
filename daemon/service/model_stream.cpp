#include "daemon/service/model_stream.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "config/log.h"
#include "daemon/run_on.h"
#include "daemon/service/class_labels.h"
#include "daemon/service/describe.h"
#include "engine/formats/all_formats.h"
#include "learning/calibration.h"
#include "learning/named_tensors.h"
#include "learning/seed.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr const char *kFormat = "dormouse-stream-1", *kState = "state.", *kRows = "rows";
constexpr std::size_t kFollowed = 4096;  // answers kept for a slow listener: a sample each

[[noreturn]] void misfit(const KeptStreamOptions& options, std::string_view key, const std::string& what) {
  throw complaint(options.said, key, "stream " + options.name + " (" + options.model.string() + "): " + what);
}

}  // namespace

std::shared_ptr<const StreamModel> load_stream_model(const KeptStreamOptions& options,
                                                     std::span<const engine::Driver* const> drivers) {
  const std::string file = options.model.string();
  try {
    const engine::Graph graph = engine::load_graph(file);
    return std::make_shared<const StreamModel>(
        StreamModel{learning::StreamRunner(graph, drivers), class_labels(graph, file).names});
  } catch (const Failure& failure) {
    if (failure.error().code == Errc::configuration) misfit(options, "model", failure.error().context);
    throw unusable(options.said, "model", "stream " + options.name, failure);
  }
}

namespace {

learning::Seed read_seed(const KeptStreamOptions& options) {
  try {
    return learning::read_seed(options.seed);
  } catch (const Failure& failure) {
    throw unusable(options.said, "seed", "stream " + options.name, failure);
  }
}

}  // namespace

StreamAnswers::StreamAnswers(const KeptStreamOptions& options, const StreamModel& model)
    : labels(options.labels.empty() ? model.labels : options.labels) {
  if (!labels.empty() && labels.size() != model.runner.answers())
    misfit(options, "labels",
           "labels name " + std::to_string(labels.size()) + " classes, the model's answer has " +
               std::to_string(model.runner.answers()) + " values");
  if (options.seed.empty()) {
    if (const auto beside = learning::seed_beside(options.model); !labels.empty() && !beside.empty())
      log(Level::warning,
          "stream " + options.name + ": " + beside.string() +
              " lies beside its model and is not named (seed: FILE): samples are not normalised "
              "as in training");
    return;
  }
  const learning::Seed seed = read_seed(options);
  normaliser = seed.normaliser;
  temperature = seed.temperature;
  if (!normaliser.empty() && std::cmp_not_equal(normaliser.mean.size(), model.runner.channels()))
    misfit(options, "seed",
           "the seed " + options.seed.string() + " is of " + std::to_string(normaliser.mean.size()) +
               " channels, the model takes " + std::to_string(model.runner.channels()));
}

ModelStream::ModelStream(Service& service, const KeptStreamOptions& options,
                         std::shared_ptr<const StreamModel> model)
    : KeptStream(service, options, {.queue = kFollowed}),
      file_name_(options.model.filename().string()),
      model_(std::move(model)),
      answers_(options, *model_),
      state_(model_->runner.start()) {
  if (const auto before = saved()) restore(*before);
}

void ModelStream::restore(const engine::NamedTensors& saved) {
  const std::string from = file().string();
  learning::check_seal(saved, from);
  if (learning::entry(saved, "format") != kFormat)
    throw Failure(Errc::conflict, from +
                                      ": is not the state of a model's stream; rename the stream, or "
                                      "delete it to begin anew");
  if (learning::entry(saved, "model") != model_->runner.digest()) {
    log(Level::warning, "stream " + name() + ": its saved state is of another model than " + file_name_ +
                            " is now; it begins anew");
    return;
  }
  learning::StreamRunner::State state;
  for (const std::string& part : model_->runner.names())
    state.push_back(learning::part(saved.tensors, kState + part, engine::DType::f32, from).clone());
  const auto rows = learning::part(saved.tensors, kRows, engine::DType::i64, from).values<std::int64_t>();
  if (!model_->runner.fits(state) || rows.size() != 1 || rows[0] < 0)
    throw Failure(Errc::corrupt, from + ": a state that cannot be; delete it to begin anew");
  state_ = std::move(state);
  rows_ = static_cast<std::uint64_t>(rows[0]);
  saved_rows_ = rows_;
}

engine::NamedTensors ModelStream::state() const {
  engine::NamedTensors kept;
  for (std::size_t i = 0; i < state_.size(); ++i)
    kept.tensors.emplace(kState + model_->runner.names()[i], state_[i]);
  kept.tensors.emplace(kRows, engine::row_of({static_cast<std::int64_t>(rows_)}));
  kept.metadata = {{"format", kFormat}, {"model", model_->runner.digest()}};
  learning::seal(kept);
  return kept;
}

ModelStream::Answered ModelStream::answer(engine::Tensor rows) {
  if (!answers_.normaliser.empty()) {
    rows = rows.clone();
    answers_.normaliser.apply(rows.mutable_values<float>());
  }
  const auto values = rows.values<float>();
  const auto width = static_cast<std::size_t>(channels());
  Answered answered;
  try {
    for (std::size_t i = 0; i < values.size(); i += width)
      answered.values.push_back(model_->runner.step(state_, values.subspan(i, width)));
  } catch (const Failure& failure) {
    answered.refused = failure.error();
  }
  return answered;
}

json::object ModelStream::describe(std::uint64_t row, const std::vector<float>& values) const {
  json::object object{{"stream", name()}, {"row", row}};
  if (answers_.labels.empty()) {
    object["values"] = json::value_from(values);
    return object;
  }
  const engine::Shape shape{1, static_cast<std::int64_t>(values.size())};
  const engine::Tensor logits = engine::Tensor::from<float>(shape, values);
  const engine::Tensor probabilities = learning::probabilities(logits, answers_.temperature);
  const std::size_t likeliest = learning::predictions(logits)[0];
  object["label"] = answers_.labels[likeliest];
  object["confidence"] = rounded(probabilities.values<float>()[likeliest]);
  json::array all;
  for (const float probability : probabilities.values<float>()) all.push_back(rounded(probability));
  object["probabilities"] = std::move(all);
  return object;
}

asio::awaitable<std::vector<json::object>> ModelStream::take(engine::Tensor rows, bool wanted) {
  const auto foreground = service_.scheduler().foreground();
  auto work = [this, rows] { return answer(rows); };
  const Answered answered = co_await run_on(service_.compute(), std::move(work));
  std::vector<json::object> answers;
  const std::uint64_t first = rows_;
  rows_ += answered.values.size();
  dirty_ = dirty_ || rows_ != first;
  const bool followed = events().subscribers() > 0;
  for (std::size_t i = 0; (wanted || followed) && i < answered.values.size(); ++i) {
    json::object one = describe(first + i, answered.values[i]);
    if (followed) events().publish(json::serialize(one));
    if (wanted) answers.push_back(std::move(one));
  }
  if (answered.refused)
    throw Failure(answered.refused->code,
                  "stream '" + name() + "': row " + std::to_string(rows_) +
                      " was not taken, those before it were: " + answered.refused->context);
  co_return answers;
}

asio::awaitable<std::uint64_t> ModelStream::reset() {
  {
    co_await turns_.wait();
    const Turn turn(*this);
    state_ = model_->runner.start();
    rows_ = 0;
    dirty_ = true;
  }
  co_return co_await save();
}

json::object ModelStream::status() const {
  json::object status = KeptStream::status();
  status["saved"] = saved_rows_;
  status["model"] = file_name_;
  status["channels"] = channels();
  status["state_bytes"] = model_->runner.state_bytes();
  if (!answers_.labels.empty()) status["labels"] = json::value_from(answers_.labels);
  return status;
}

}  // namespace dormouse::daemon

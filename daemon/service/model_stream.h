#pragma once

#include "daemon/service/kept_stream.h"
#include "learning/stream_runner.h"

namespace dormouse::daemon {

/// A model that takes a sample at a time, shared by all streams that name its file.
struct StreamModel {
  learning::StreamRunner runner;
  std::vector<std::string> labels;  ///< as the file says; may be empty
};

/// Reads what `dormouse export --stream` wrote. Throws Failure(configuration) naming the stream, the file and
/// what does not fit.
std::shared_ptr<const StreamModel> load_stream_model(const KeptStreamOptions& options,
                                                     std::span<const engine::Driver* const> drivers);

/// What a stream's options make of its model's answers.
struct StreamAnswers {
  /// Reads the seed. Throws Failure(configuration) when labels or seed are of another model.
  StreamAnswers(const KeptStreamOptions& options, const StreamModel& model);

  std::vector<std::string> labels;  ///< empty: answers are values
  engine::InputNormaliser normaliser;
  float temperature = 1;
};

/// A stream that is answered sample by sample: label and probabilities where the model has labels, else the
/// values of its answer. What is kept is the model's state after the last sample.
class ModelStream final : public KeptStream {
 public:
  /// Takes up what was saved of this model; of another one, it begins anew and says so in the log. Throws
  /// Failure(corrupt / conflict) for a saved state that is damaged or none of a model.
  ModelStream(Service& service, const KeptStreamOptions& options, std::shared_ptr<const StreamModel> model);
  ~ModelStream() override { save_at_end(); }

  std::int64_t channels() const override { return model_->runner.channels(); }
  boost::asio::awaitable<std::uint64_t> reset() override;
  boost::json::object status() const override;

 private:
  struct Answered {
    std::vector<std::vector<float>> values;  ///< a row each
    std::optional<Error> refused;            ///< why the row behind them was
  };
  boost::asio::awaitable<std::vector<boost::json::object>> take(engine::Tensor rows, bool wanted) override;
  engine::NamedTensors state() const override;
  void restore(const engine::NamedTensors& saved);
  Answered answer(engine::Tensor rows);
  boost::json::object describe(std::uint64_t row, const std::vector<float>& values) const;

  std::string file_name_;
  std::shared_ptr<const StreamModel> model_;
  StreamAnswers answers_;
  learning::StreamRunner::State state_;  ///< of whoever has the turn
};

}  // namespace dormouse::daemon

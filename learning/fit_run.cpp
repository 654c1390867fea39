#include "learning/fit_run.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <utility>

#include "learning/checkpoint.h"
#include "learning/prefetch.h"

namespace dormouse::learning {
namespace {

class Run {
 public:
  Run(Fit& fit, const FitData& data, const FitRunOptions& options, FitProgress& progress)
      : fit_(fit), data_(data), options_(options), progress_(progress) {}

  void resume() {
    if (options_.checkpoint.empty() || !std::filesystem::exists(options_.checkpoint)) return;
    progress_ = read_checkpoint(options_.checkpoint, options_.task, fit_);
  }

  Parameters finish() {
    while (progress_.epoch < options_.epochs && !stopped()) epoch();
    return options_.patience > 0 && !progress_.best.empty() ? progress_.best : fit_.averaged();
  }

 private:
  bool stopped() const {
    return options_.patience > 0 && progress_.epoch - progress_.best_epoch > options_.patience;
  }

  double rate() const {
    const auto per_epoch = static_cast<std::int64_t>(data_.batches * data_.segments);
    return options_.rate * rate_factor(options_.schedule,
                                       {fit_.updates(), per_epoch * options_.epochs, progress_.epoch},
                                       progress_.plateau);
  }

  void epoch() {
    const auto make = [this, made = data_.epoch(static_cast<std::size_t>(progress_.epoch))](std::size_t i) {
      const engine::SendsAhead* const sender = sender_;
      return sender ? sent(*sender, made(i)) : made(i);
    };
    Prefetch<Batch> batches(make, static_cast<std::size_t>(progress_.batch), data_.batches,
                            options_.prefetch);
    double last_rate = 0;
    while (!batches.done()) {
      Batch batch = batches.next();
      for (std::size_t segment = 1; segment < data_.segments; ++segment) {
        fit(batch, rate());
        std::ranges::copy(fit_.carried(), batch.more.begin());
      }
      last_rate = rate();
      update(batch, last_rate);
    }
    end_epoch(last_rate);
  }

  float fit(const Batch& batch, double rate) {
    try {
      return fit_.update(batch, static_cast<float>(rate));
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::internal) throw;
      throw Failure(Errc::internal, "epoch " + std::to_string(progress_.epoch + 1) + ", batch " +
                                        std::to_string(progress_.batch + 1) + ", " + failure.error().context);
    }
  }

  /// The last by a batch.
  void update(const Batch& batch, double rate) {
    const float loss = fit(batch, rate);
    if (!std::exchange(knows_sender_, true)) sender_ = fit_.sender(batch);
    const auto rows = static_cast<double>(batch.targets.shape()[0]);
    progress_.loss_sum += static_cast<double>(loss) * rows;
    progress_.rows += rows;
    ++progress_.batch;
    if (options_.on_update) options_.on_update(progress_, loss);
    const bool due = options_.checkpoint_every > 0 &&
                     fit_.updates() % options_.checkpoint_every < static_cast<std::int64_t>(data_.segments);
    if (due && progress_.batch < static_cast<std::int64_t>(data_.batches)) save();
  }

  void end_epoch(double rate) {
    EpochRecord record = data_.validate(fit_);
    record.loss = progress_.rows > 0 ? progress_.loss_sum / progress_.rows : 0;
    record.rate = rate;
    ++progress_.epoch;
    progress_.batch = 0;
    progress_.loss_sum = progress_.rows = 0;
    progress_.epochs.push_back(record);
    observe(progress_.plateau, options_.schedule, record.validation_loss);
    if (record.validation_loss < progress_.best_loss) {
      progress_.best_loss = record.validation_loss;
      progress_.best_epoch = progress_.epoch;
      if (options_.patience > 0) progress_.best = fit_.averaged();
    }
    save();
    if (options_.on_epoch) options_.on_epoch(progress_);
  }

  void save() const {
    if (!options_.checkpoint.empty()) write_checkpoint(options_.checkpoint, options_.task, fit_, progress_);
  }

  Fit& fit_;
  const FitData& data_;
  const FitRunOptions& options_;
  FitProgress& progress_;
  bool knows_sender_ = false;
  std::atomic<const engine::SendsAhead*> sender_ = nullptr;  ///< read by the threads that make batches
};

}  // namespace

Parameters run_fit(Fit& fit, const FitData& data, const FitRunOptions& options, FitProgress& progress,
                   bool resume) {
  Run run(fit, data, options, progress);
  if (resume) run.resume();
  return run.finish();
}

}  // namespace dormouse::learning

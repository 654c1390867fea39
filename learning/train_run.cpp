#include "learning/train_run.h"

namespace dormouse::learning {

FitRunOptions fit_run_options(const TrainOptions& options, const TrainRun& run, const TrainReport& report,
                              std::size_t batches, std::string task) {
  FitRunOptions how{.epochs = options.epochs,
                    .rate = options.rate,
                    .schedule = options.schedule,
                    .patience = options.patience,
                    .checkpoint = run.checkpoint,
                    .checkpoint_every = options.checkpoint_every,
                    .task = std::move(task)};
  how.on_update = [&, all = static_cast<std::int64_t>(batches)](const FitProgress& progress, float loss) {
    if (run.on_update) run.on_update({progress.epoch + 1, options.epochs, progress.batch, all, loss});
  };
  how.on_epoch = [&, all = static_cast<std::int64_t>(batches)](const FitProgress& progress) {
    const EpochRecord& record = progress.epochs.back();
    if (report) report({progress.epoch, options.epochs, 0, all, static_cast<float>(record.loss), record});
  };
  return how;
}

}  // namespace dormouse::learning

#include "daemon/verbs/train_progress.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdio>

namespace dormouse::daemon {
namespace {

using learning::TrainProgress;

constexpr TrainDisplay::Seconds kRedraw{0.1};
constexpr std::int64_t kBar = 24;  // characters

template <class... T>
std::string format(const char* pattern, T... values) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  return whole >= 3600 ? format("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60)
                       : format("%lld:%02lld", whole / 60, whole % 60);
}

std::string json_line(const TrainProgress& progress, double seconds, bool numbers) {
  const double quality = progress.record.accuracy;
  return boost::json::serialize(
             boost::json::object{{"epoch", progress.epoch},
                                 {"epochs", progress.epochs},
                                 {"loss", progress.record.loss},
                                 {"validation_loss", progress.record.validation_loss},
                                 {numbers ? "validation_r2" : "validation_accuracy",
                                  std::isfinite(quality) ? boost::json::value(quality) : nullptr},
                                 {"rate", progress.record.rate},
                                 {"seconds", seconds}}) +
         "\n";
}

}  // namespace

std::string TrainDisplay::update(const TrainProgress& progress, Seconds elapsed) {
  ++updates_;
  const bool last = progress.batch == progress.batches;
  if (mode_ != Mode::bar || (elapsed - drawn_ < kRedraw && !last)) return "";
  drawn_ = elapsed;
  const auto filled =
      static_cast<std::size_t>(kBar * progress.batch / std::max<std::int64_t>(1, progress.batches));
  const double each = elapsed.count() / static_cast<double>(updates_);
  const std::int64_t left =
      (progress.epochs - progress.epoch) * progress.batches + progress.batches - progress.batch;
  return format("\repoch %lld/%lld [%s%s] %lld/%lld  loss %.4f  %.0f examples/s  %s left \x1b[K",
                static_cast<long long>(progress.epoch), static_cast<long long>(progress.epochs),
                std::string(filled, '=').c_str(), std::string(kBar - filled, ' ').c_str(),
                static_cast<long long>(progress.batch), static_cast<long long>(progress.batches),
                static_cast<double>(progress.loss), static_cast<double>(batch_) / std::max(each, 1e-9),
                duration(each * static_cast<double>(left)).c_str());
}

std::string TrainDisplay::epoch(const TrainProgress& progress, Seconds elapsed) {
  if (mode_ == Mode::json) return json_line(progress, elapsed.count(), numbers_);
  return std::string(mode_ == Mode::bar ? "\r\x1b[K" : "") +
         format(numbers_ ? "epoch %lld/%lld  loss %.4f  validation %.4f, R² %.4f\n"
                         : "epoch %lld/%lld  loss %.4f  validation %.4f, %.1f%%\n",
                static_cast<long long>(progress.epoch), static_cast<long long>(progress.epochs),
                progress.record.loss, progress.record.validation_loss,
                (numbers_ ? 1 : 100) * progress.record.accuracy);
}

}  // namespace dormouse::daemon

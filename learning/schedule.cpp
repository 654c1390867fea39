#include "learning/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dormouse::learning {
namespace {

constexpr double kStart = 1.0 / 25, kEnd = kStart * 1e-4;  // of one_cycle
constexpr double kBetter = 1e-4;                           // a plateau: relative gain that counts

/// From `from` at 0 to `to` at 1.
double half_cosine(double from, double to, double at) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * std::clamp(at, 0.0, 1.0)));
}

double one_cycle(const ScheduleOptions& options, double update, double updates) {
  const double top = std::max(1.0, options.peak * updates - 1), last = std::max(top + 1, updates - 1);
  return update <= top ? half_cosine(kStart, 1, update / top)
                       : half_cosine(1, kEnd, (update - top) / (last - top));
}

}  // namespace

void bind_options(config::Binder& binder, ScheduleOptions& options) {
  binder.optional("kind", options.kind,
                  config::one_of<ScheduleKind>({{"constant", ScheduleKind::constant},
                                                {"step", ScheduleKind::step},
                                                {"cosine", ScheduleKind::cosine},
                                                {"one_cycle", ScheduleKind::one_cycle},
                                                {"plateau", ScheduleKind::plateau}}));
  binder.optional("warm_up", options.warm_up, config::range(0, 1 << 30));
  binder.optional("every", options.every, config::range(1, 10000));
  binder.optional("factor", options.factor, config::range(1e-6, 1.0));
  binder.optional("patience", options.patience, config::range(0, 10000));
  binder.optional("peak", options.peak, config::range(0.01, 0.99));
}

void observe(Plateau& plateau, const ScheduleOptions& options, double loss) {
  const bool better = plateau.epochs == 0 || loss < plateau.best - kBetter * std::abs(plateau.best);
  ++plateau.epochs;
  if (better) {
    plateau.best = loss;
    plateau.waited = 0;
  } else if (++plateau.waited > options.patience) {
    ++plateau.falls;
    plateau.waited = 0;
  }
}

double rate_factor(const ScheduleOptions& options, const ScheduleMoment& moment, const Plateau& plateau) {
  const auto update = static_cast<double>(moment.update), updates = static_cast<double>(moment.updates);
  if (options.kind == ScheduleKind::one_cycle) return one_cycle(options, update, updates);
  double factor = 1;
  if (options.kind == ScheduleKind::step)
    factor = std::pow(options.factor, static_cast<double>(moment.epoch / options.every));
  if (options.kind == ScheduleKind::cosine) factor = half_cosine(1, 0, update / updates);
  if (options.kind == ScheduleKind::plateau)
    factor = std::pow(options.factor, static_cast<double>(plateau.falls));
  if (moment.update < options.warm_up) factor *= (update + 1) / static_cast<double>(options.warm_up);
  return factor;
}

}  // namespace dormouse::learning

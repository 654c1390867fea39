#pragma once

#include <cstdint>

#include "config/binder.h"

namespace dormouse::learning {

enum class ScheduleKind { constant, step, cosine, one_cycle, plateau };

/// How the learning rate changes while training goes on.
struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::cosine;
  std::int64_t warm_up = 0;   ///< updates in which the rate rises evenly to its first value
  std::int64_t every = 10;    ///< step: epochs between falls
  double factor = 0.1;        ///< step and plateau: what the rate is multiplied by
  std::int64_t patience = 5;  ///< plateau: epochs without a better loss before it falls
  double peak = 0.3;          ///< one_cycle: share of the updates in which the rate rises
};

/// Keys as the fields are called; `kind` by its word.
void bind_options(config::Binder& binder, ScheduleOptions& options);

/// What a plateau has to remember.
struct Plateau {
  double best = 0;  ///< of the losses so far; only with `epochs` > 0
  std::int64_t waited = 0;
  std::int64_t falls = 0;
  std::int64_t epochs = 0;

  friend bool operator==(const Plateau&, const Plateau&) = default;
};

/// Told of the validation loss of every epoch.
void observe(Plateau& plateau, const ScheduleOptions& options, double loss);

struct ScheduleMoment {
  std::int64_t update = 0;   ///< from 0
  std::int64_t updates = 1;  ///< in all
  std::int64_t epoch = 0;    ///< from 0
};

/// What the base rate is multiplied by. constant: 1. step: factor^⌊epoch / every⌋. cosine: falls from 1 to 0
/// by half a cosine (Loshchilov & Hutter 2017). one_cycle: rises from 1/25 to 1 over `peak` of the updates
/// and falls to 1e-4 / 25, both by half a cosine (Smith & Topin 2018). plateau: factor^falls. In the first
/// `warm_up` updates of all but one_cycle times (update + 1) / warm_up.
double rate_factor(const ScheduleOptions& options, const ScheduleMoment& moment, const Plateau& plateau);

}  // namespace dormouse::learning

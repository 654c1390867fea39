#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hrm/certificate.h"
#include "hrm/gate.h"

namespace dormouse::hrm {

/// What both models made of one request.
struct TracedRequest {
  Signals signals{};
  bool low_right = false;
  bool high_right = false;
  double low_us = 0;
  double high_us = 0;
  bool refuted = false;  ///< an audit finds the low answer wrong: !low_right, or where it is not the high one
};

/// How one way to route fares.
struct Outcome {
  double accepted = 0;  ///< share answered by the low model
  double error = 0;     ///< refuted of what it accepted; 0 where that is nothing
  double accuracy = 0;  ///< of all answers
  double compute = 0;   ///< mean time, of that of the high model alone
};

struct ReplayOptions {
  Promise promise;
  std::size_t lessons = 0;  ///< first requests, from which the gate learns; 0: a quarter
  std::size_t audits = 1000;
  std::size_t splits = 1000;
  std::uint64_t seed = 1;
};

/// A score's thresholds as certified from random audits, judged on all other requests of the test part.
struct CertifiedOutcome {
  Outcome mean;               ///< over the splits
  std::size_t certified = 0;  ///< splits with a threshold
  std::size_t violated = 0;   ///< splits whose accepted requests err more than promised; audits with luck
                              ///< leave the errors to these, so that it may be more than δ of them
  std::size_t broken =
      0;  ///< as many draws of audits, with replacement from the whole test part, for which all that
          ///< would be accepted of it errs more than promised: what is promised to happen in
          ///< δ of them at most, as here the part is the world, and its error known
};

/// Ways to route the same requests, and what each costs.
struct Replay {
  std::size_t learnt = 0, tested = 0;  ///< requests
  Outcome always_low, always_high;
  Outcome oracle;                     ///< low where it is right, or where neither is
  CertifiedOutcome gate, confidence;  ///< by Gate's score; by the low model's confidence alone
  Outcome random;                     ///< as often low as `gate`, by lot
  std::vector<Outcome> gate_curve, confidence_curve;  ///< by falling threshold, without certification
};

/// Of so many traced requests, those that are left when the gate has learnt: there must be fewer audits.
std::size_t tested_of(std::size_t requests, const ReplayOptions& options);

/// Replays a trace, deterministically: a gate learns from the first requests in order of time, which also
/// fix 50 thresholds at equal shares of its scores. The rest is split `splits` times at random into audits
/// and requests to answer. Throws Failure(invalid) where the rest is not more than the audits, or the promise
/// is out of range.
Replay replay(std::span<const TracedRequest> trace, const ReplayOptions& options);

}  // namespace dormouse::hrm

#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "learning/guard.h"
#include "learning/privacy.h"

namespace dormouse::learning {

enum class Stage { select, rehearse, fit, dream_check, consolidate, tidy, commit, done };
std::string_view word(Stage stage);

/// What a private night cost.
struct PrivacyReport {
  PrivacyOptions options;
  PrivacyLoss before;     ///< spent when the night began
  double rate = 0;        ///< of sampling
  std::size_t steps = 0;  ///< that looked at taught latents

  PrivacyLoss tonight() const { return {rate, options.noise, steps}; }
  PrivacyLoss total() const { return PrivacyLoss(before) += tonight(); }
};

/// The kernel head that a night fitted, and what it is worth beside the network.
struct KernelReport {
  std::size_t examples = 0;
  float network_weight = 0, kernel_weight = 0;  ///< in the pool; a kernel head of weight 0 is dropped
  double network_right = 0, kernel_right = 0,
         right = 0;  ///< of the held-out examples: each alone, and the pool
};

/// What a night did and why.
struct SleepReport {
  std::string id;
  std::string model;
  std::string strategy;
  std::uint64_t seed = 0;
  std::vector<std::string> labels;
  std::size_t slow_classes_before = 0;
  std::vector<std::pair<std::size_t, float>> loss;  ///< (step, mean loss since the point before)
  std::size_t steps = 0;
  std::size_t replayed = 0;       ///< seed latents available to rehearse
  std::size_t taught = 0;         ///< labelled episodes available to rehearse
  std::size_t self_labelled = 0;  ///< unlabelled ones rehearsed under the model's own answer
  std::size_t heldout = 0;
  float rate = 0;  ///< step size after scaling by the latents' curvature
  float ewc_lambda = 0;
  std::optional<double> right_without_ewc;  ///< of the held-out, by the λ = 0 control
  float temperature_before = 1;
  float temperature_after = 1;
  std::optional<KernelReport> kernel = {};
  Verdict verdict;       ///< the candidate against slow weights before and the waking answer
  bool stopped = false;  ///< asked to stop, or out of budget before it converged
  double seconds = 0;    ///< of work, yields not counted
  std::vector<std::pair<Stage, double>> stage_seconds;
  /// Of rehearsal, in which driver ("reference": portable kernels; "other": between graphs, or in closed
  /// form).
  std::map<std::string, double> driver_seconds;
  std::optional<PrivacyReport> privacy;
  std::vector<std::string> notes;
};

boost::json::object to_json(const SleepReport& report);
/// A table for people.
std::string to_text(const SleepReport& report);

}  // namespace dormouse::learning

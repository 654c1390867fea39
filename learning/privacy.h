#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::learning {

/// Differential privacy asked of the nights of a model, all of them together.
struct PrivacyOptions {
  double epsilon = 8;   ///< the budget, at …
  double delta = 1e-5;  ///< … this chance that it does not hold
  double clip = 1.0;    ///< largest L2 norm of one example's gradient
  double noise = 1.1;   ///< σ: deviation of the noise on a sum of gradients, in units of `clip`

  friend bool operator==(const PrivacyOptions&, const PrivacyOptions&) = default;
};

/// The orders at which Rényi divergence is accounted: 2 to 64 and a few larger ones, for tiny losses.
std::span<const int> privacy_orders();

/// Rényi divergence of `order` (integer ≥ 2) of one step of the Gaussian mechanism with noise multiplier
/// `noise` > 0 on a Poisson sample that holds each record with probability `rate` in [0, 1]. Neighbours
/// differ by one record added or removed. Mironov, Talwar and Zhang 2019, §3.3, in log space:
///   1/(α−1) · ln Σ_k C(α,k) (1−q)^(α−k) q^k exp((k²−k) / 2σ²).
double subsampled_gaussian_rdp(double rate, double noise, int order);

/// What was spent so far: the Rényi divergence by order, which adds up over steps and nights.
class PrivacyLoss {
 public:
  PrivacyLoss();
  PrivacyLoss(double rate, double noise, std::size_t steps);

  PrivacyLoss& operator+=(const PrivacyLoss& more);
  /// Its ε at this δ in (0, 1): the least over the orders of
  ///   rdp + ln((α−1)/α) − (ln δ + ln α)/(α−1)   (Canonne, Kamath and Steinke 2020, proposition 12),
  /// at least 0, and 0 where nothing was spent.
  double epsilon(double delta) const;
  std::span<const double> by_order() const { return by_order_; }

  /// JSON, by order. parse() throws Failure(corrupt); an order that the text lacks counts as spent without
  /// limit.
  std::string text() const;
  static PrivacyLoss parse(std::string_view text);

 private:
  std::vector<double> by_order_;  ///< of privacy_orders()
};

/// The chance of an example to be in a sample of about `batch` of so many.
double sampling_rate(std::size_t examples, std::size_t batch);

/// How many steps of this rate and noise still fit behind `spent`, at most `most`.
std::size_t affordable_steps(const PrivacyLoss& spent, const PrivacyOptions& options, double rate,
                             std::size_t most);
/// Throws Failure(conflict), in words for the user, when not even one does.
void require_budget(const PrivacyLoss& spent, const PrivacyOptions& options, double rate);

}  // namespace dormouse::learning

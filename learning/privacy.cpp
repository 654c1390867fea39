#include "learning/privacy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>

#include <boost/json.hpp>

#include "config/error.h"
#include "learning/binomial.h"

namespace dormouse::learning {
namespace {

namespace json = boost::json;

constexpr int kEvery = 64;
constexpr std::array kLarger{80, 96, 128, 192, 256, 384, 512};

std::vector<int> make_orders() {
  std::vector<int> orders;
  for (int order = 2; order <= kEvery; ++order) orders.push_back(order);
  orders.insert(orders.end(), kLarger.begin(), kLarger.end());
  return orders;
}

/// ln Σ exp(terms), without overflow.
double log_sum_exp(std::span<const double> terms) {
  const double largest = std::ranges::max(terms);
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

}  // namespace

std::span<const int> privacy_orders() {
  static const std::vector<int> orders = make_orders();
  return orders;
}

double subsampled_gaussian_rdp(double rate, double noise, int order) {
  ensure(rate >= 0 && rate <= 1 && noise > 0 && order >= 2, "a sampling rate, a noise and an order");
  const double per_square = 1 / (2 * noise * noise);
  if (rate == 0) return 0;
  if (rate == 1) return order * per_square;
  std::vector<double> terms;
  for (int k = 0; k <= order; ++k)
    terms.push_back(log_binomial(order, k) + (order - k) * std::log1p(-rate) + k * std::log(rate) +
                    double(k) * (k - 1) * per_square);
  // The sum is at least 1; rounding must not give privacy back.
  return std::max(0.0, log_sum_exp(terms)) / (order - 1);
}

PrivacyLoss::PrivacyLoss() : by_order_(privacy_orders().size()) {}

PrivacyLoss::PrivacyLoss(double rate, double noise, std::size_t steps) {
  for (const int order : privacy_orders())
    by_order_.push_back(
        steps == 0 ? 0.0 : static_cast<double>(steps) * subsampled_gaussian_rdp(rate, noise, order));
}

PrivacyLoss& PrivacyLoss::operator+=(const PrivacyLoss& more) {
  std::ranges::transform(by_order_, more.by_order_, by_order_.begin(), std::plus<>());
  return *this;
}

double PrivacyLoss::epsilon(double delta) const {
  ensure(delta > 0 && delta < 1, "a delta between 0 and 1");
  if (std::ranges::all_of(by_order_, [](double spent) { return spent == 0; })) return 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < by_order_.size(); ++i) {
    const double order = privacy_orders()[i];
    least = std::min(
        least, by_order_[i] + std::log1p(-1 / order) - (std::log(delta) + std::log(order)) / (order - 1));
  }
  return std::max(0.0, least);
}

std::string PrivacyLoss::text() const {
  json::object orders;
  for (std::size_t i = 0; i < by_order_.size(); ++i)
    orders[std::to_string(privacy_orders()[i])] =
        std::isfinite(by_order_[i]) ? json::value(by_order_[i]) : json::value(nullptr);
  return json::serialize(orders);
}

PrivacyLoss PrivacyLoss::parse(std::string_view text) {
  boost::system::error_code wrong;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), wrong);
  if (wrong || !value.is_object())
    throw Failure(Errc::corrupt,
                  "the record of the spent privacy is not a JSON object; restore it from a "
                  "backup of the state");
  PrivacyLoss loss;
  std::ranges::fill(loss.by_order_, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < loss.by_order_.size(); ++i) {
    const json::value* spent = value.as_object().if_contains(std::to_string(privacy_orders()[i]));
    if (!spent || spent->is_null()) continue;
    const double number = spent->to_number<double>(wrong);
    if (wrong || !(number >= 0))
      throw Failure(Errc::corrupt,
                    "the record of the spent privacy holds what is no loss; restore it from a "
                    "backup of the state");
    loss.by_order_[i] = number;
  }
  return loss;
}

double sampling_rate(std::size_t examples, std::size_t batch) {
  return examples <= batch ? 1.0 : static_cast<double>(batch) / static_cast<double>(examples);
}

std::size_t affordable_steps(const PrivacyLoss& spent, const PrivacyOptions& options, double rate,
                             std::size_t most) {
  const auto fits = [&](std::size_t steps) {
    PrivacyLoss after = PrivacyLoss(rate, options.noise, steps);
    return (after += spent).epsilon(options.delta) <= options.epsilon;
  };
  std::size_t least = 0, beyond = most + 1;  // fits(least), or nothing does; !fits(beyond)
  while (beyond - least > 1) {
    const std::size_t middle = least + (beyond - least) / 2;
    (fits(middle) ? least : beyond) = middle;
  }
  return least;
}

void require_budget(const PrivacyLoss& spent, const PrivacyOptions& options, double rate) {
  if (affordable_steps(spent, options, rate, 1) > 0) return;
  char text[256];
  std::snprintf(text, sizeof text,
                "the privacy budget is spent: epsilon %.3g of %.3g at delta %.1g, and another step would "
                "exceed it; raise privacy.dp.epsilon, or let the model stay as it is",
                spent.epsilon(options.delta), options.epsilon, options.delta);
  throw Failure(Errc::conflict, text);
}

}  // namespace dormouse::learning

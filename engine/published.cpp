#include "engine/published.h"

#include <algorithm>
#include <cmath>

namespace dormouse::engine {
namespace {

std::size_t argmax(std::span<const float> values) {
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

/// softmax(logits / temperature), evaluated class by class.
class Softmax {
 public:
  Softmax(std::span<const float> logits, float temperature)
      : logits_(logits), inverse_temperature_(1.0f / temperature), peak_(argmax(logits)) {
    float sum = 0;
    for (const float logit : logits) sum += unscaled(logit);
    scale_ = 1.0f / sum;
  }
  std::size_t predicted() const { return peak_; }
  float operator[](std::size_t i) const { return scale_ * unscaled(logits_[i]); }
  Opinion opinion(float weight) const { return {peak_, scale_, weight}; }

 private:
  float unscaled(float logit) const { return std::exp((logit - logits_[peak_]) * inverse_temperature_); }

  std::span<const float> logits_;
  float inverse_temperature_;
  std::size_t peak_;
  float scale_ = 1;
};

/// The slow head's share of the answer, in [0, 1].
float slow_share(const Arbiter& arbiter, std::size_t slow, std::size_t fast) {
  if (slow == fast || fast >= arbiter.slow.size() || fast >= arbiter.fast.size()) return 0.5f;
  const float sum = arbiter.slow[fast] + arbiter.fast[fast];
  return sum > 0 ? arbiter.slow[fast] / sum : 0.5f;
}

void check_arguments(const PublishedModel& model, std::span<const float> logits,
                     std::span<const float> latent) {
  if (logits.size() != model.slow_classes || logits.empty())
    throw Failure(Errc::invalid, model.name + ": " + std::to_string(logits.size()) + " logits for " +
                                     std::to_string(model.slow_classes) + " classes");
  if (model.fast && latent.size() != model.fast->latent_size())
    throw Failure(Errc::invalid, model.name + ": a latent of " + std::to_string(latent.size()) +
                                     " elements, expected " + std::to_string(model.fast->latent_size()));
  if (model.kernel && latent.size() != model.kernel->head->latent_size())
    throw Failure(Errc::invalid, model.name + ": a latent of " + std::to_string(latent.size()) +
                                     " elements, its kernel head has " +
                                     std::to_string(model.kernel->head->latent_size()));
  if (!all_finite(logits) || ((model.fast || model.kernel) && !all_finite(latent)))
    throw Failure(Errc::invalid,
                  model.name + ": its answer is not finite; look at the input for NaN or huge values");
}

/// What a head says in a pool.
Opinion opinion_at(float weight, std::span<const float> scores) {
  return Softmax(scores, 1 / std::max(weight, 1e-6f)).opinion(weight);
}

std::vector<float> pool(const KernelSeat& seat, std::span<const float> logits, std::span<const float> latent,
                        Answer& answer) {
  std::vector<float> pooled(logits.size());
  seat.head->scores(latent, pooled);
  answer.pool = {opinion_at(seat.network, logits), opinion_at(seat.kernel, pooled)};
  for (std::size_t c = 0; c < logits.size(); ++c)
    pooled[c] = seat.network * logits[c] + seat.kernel * pooled[c];
  return pooled;
}

/// [x, 1] · matrix; the last row is the bias.
void affine(const Tensor& matrix, std::span<const float> x, std::span<float> out) {
  const auto width = static_cast<std::size_t>(matrix.shape()[1]);
  const float* row = matrix.values<float>().data();
  std::copy_n(row + x.size() * width, width, out.begin());
  for (const float value : x) {
    for (std::size_t c = 0; c < width; ++c) out[c] += value * row[c];
    row += width;
  }
}

}  // namespace

void lift_latent(const Tensor& lift, std::span<const float> latent, std::span<float> out) {
  affine(lift, latent, out);
  for (float& feature : out) feature = std::max(feature, 0.0f);
}

void LinearHead::logits(std::span<const float> latent, std::span<float> out) const {
  if (!lift) return affine(weights, latent, out);
  std::vector<float> features(static_cast<std::size_t>(lift->shape()[1]));
  lift_latent(*lift, latent, features);
  affine(weights, features, out);
}

Tensor KernelSeat::pool(const Tensor& logits, const Tensor& latents) const {
  Tensor pooled = head->scores(latents);
  ensure(pooled.shape() == logits.shape(), "the network's logits for the same latents");
  const auto network_logits = logits.values<float>();
  const auto out = pooled.mutable_values<float>();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = network * network_logits[i] + kernel * out[i];
  return pooled;
}

void InputNormaliser::apply(std::span<float> samples) const {
  const std::size_t channels = mean.size();
  if (channels == 0) return;
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = (samples[i] - mean[i % channels]) / deviation[i % channels];
}

Answer arbitrate(const PublishedModel& model, std::span<const float> logits, std::span<const float> latent) {
  check_arguments(model, logits, latent);
  Answer answer;
  answer.probabilities.resize(model.labels.size());
  std::vector<float> pooled;
  if (model.kernel) {
    pooled = pool(*model.kernel, logits, latent, answer);
    logits = pooled;
  }
  const Softmax slow(logits, model.slow_temperature);
  float share = 1;
  if (model.fast) {
    const std::span<float> mixed = std::span(answer.probabilities).first(model.fast->classes());
    model.fast->logits(latent, mixed);
    const Softmax fast(mixed, model.fast->temperature);
    share = slow_share(model.arbiter, slow.predicted(), fast.predicted());
    answer.fast = fast.opinion(1 - share);
    answer.agreed = slow.predicted() == fast.predicted();
    // In place: the peak is read by every class, so it is replaced last.
    const std::size_t peak = fast.predicted();
    const float at_peak = (1 - share) * fast[peak];
    for (std::size_t c = 0; c < mixed.size(); ++c)
      if (c != peak) mixed[c] = (1 - share) * fast[c];
    mixed[peak] = at_peak;
  }
  answer.slow = slow.opinion(share);
  for (std::size_t c = 0; c < logits.size(); ++c) answer.probabilities[c] += share * slow[c];
  answer.predicted = argmax(answer.probabilities);
  answer.confidence = answer.probabilities[answer.predicted];
  return answer;
}

}  // namespace dormouse::engine

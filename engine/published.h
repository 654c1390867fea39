#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/kernel_head.h"
#include "engine/session.h"

namespace dormouse::engine {

/// A linear classifier on the latent, or on relu([latent, 1]·lift) where there is a lift: logits = [x, 1] ·
/// weights, probabilities = softmax(logits / temperature).
struct LinearHead {
  Tensor weights;  ///< f32 [x + 1, C]; the last row is the bias
  float temperature = 1.0f;
  std::shared_ptr<const Tensor> lift = nullptr;  ///< f32 [D + 1, x]; null: x is the latent

  std::size_t classes() const { return static_cast<std::size_t>(weights.shape()[1]); }
  std::size_t latent_size() const {
    return static_cast<std::size_t>((lift ? *lift : weights).shape()[0]) - 1;
  }
  /// Writes classes() logits.
  void logits(std::span<const float> latent, std::span<float> out) const;
};

/// relu([latent, 1]·lift): writes lift.shape()[1] features.
void lift_latent(const Tensor& lift, std::span<const float> latent, std::span<float> out);

/// A kernel head seated beside the network's last layer: together they are the slow head. Their answer is
/// softmax(network · logits + kernel · scores), calibrated as it is (a logarithmic opinion pool, see
/// learning/committee.h).
struct KernelSeat {
  std::shared_ptr<const KernelHead> head;  ///< as many classes as the network
  float network = 1;
  float kernel = 0;

  /// The pool's logits f32 [N, C], of the network's and the latents [N, D].
  Tensor pool(const Tensor& logits, const Tensor& latents) const;
};

/// How much each head is believed where the two disagree, by the class that the fast head names.
///
/// slow[b] and fast[b] estimate, from held-out examples on which the heads disagree while the fast head says
/// b, how often each of them is right. Both rates are conditioned on the same event, so they compete fairly:
/// a slow head that is confidently wrong on a class it was never shown loses to a fast head that was, while a
/// fast head that cries "new" too often loses on its own record. Conditioning on the *predicted* class
/// (precision) matters because that is all that is known when answering; learning/arbiter.h measures the
/// rates and smooths them.
struct Arbiter {
  std::vector<float> slow;  ///< by fast-predicted class
  std::vector<float> fast;
};

/// Per-channel statistics of the training inputs: streams are normalised by them.
struct InputNormaliser {
  std::vector<float> mean;
  std::vector<float> deviation;

  bool empty() const { return mean.empty(); }
  /// Normalises interleaved samples [time, channels] in place; channels = mean.size(). They may end within a
  /// frame: of a flat input every element may be a channel.
  void apply(std::span<float> samples) const;
};

/// What one request needs of a model, immutable: held by shared_ptr<const PublishedModel> while the request
/// runs, so that learning can publish the next one at any moment.
struct PublishedModel {
  std::string name;
  std::int64_t version = 0;
  std::shared_ptr<const Session> session;  ///< input → {logits [N, slow_classes], latent [N, D]}
  std::vector<std::string> labels;         ///< every class known, slow ones first
  std::size_t slow_classes = 0;            ///< the slow head covers labels[0, slow_classes)
  float slow_temperature = 1.0f;
  std::optional<KernelSeat> kernel;  ///< then the slow head is a pool, and slow_temperature is 1
  std::optional<LinearHead> fast;    ///< covers every label
  Arbiter arbiter;
  InputNormaliser normaliser;
};

/// What one head says.
struct Opinion {
  std::size_t predicted = 0;
  float confidence = 0;  ///< calibrated probability of `predicted`
  float weight = 0;      ///< share of the answer it was given
};

/// The calibrated answer of a model to one input.
struct Answer {
  std::vector<float> probabilities;  ///< by label; sums to 1
  std::size_t predicted = 0;
  float confidence = 0;
  Opinion slow;
  std::optional<Opinion> fast;
  /// Where the slow head is a pool, what network and kernel head say in it, each at its weight there.
  std::optional<std::array<Opinion, 2>> pool;
  bool agreed = true;  ///< one head only counts as agreement
};

/// Mixes the calibrated softmax of both heads. Where they agree each has half the weight; where they disagree
/// the weights are the arbiter's rates for the class the fast head names (half each when it has none).
/// Classes unknown to the slow head draw from the fast head alone. O(D·C), and what a kernel head costs.
/// `logits` are the network's.
///
/// Throws Failure(invalid) when `logits` or `latent` have the wrong length or are not finite.
Answer arbitrate(const PublishedModel& model, std::span<const float> logits, std::span<const float> latent);

}  // namespace dormouse::engine

#include "memory/working.h"

namespace dormouse::memory {

SampleRing::SampleRing(std::size_t channels, std::size_t capacity_rows)
    : channels_(channels), capacity_(capacity_rows), rows_(channels * capacity_rows) {
  ensure(channels > 0 && capacity_rows > 0, "a ring holds something");
}

std::size_t SampleRing::push(std::span<const float> rows) {
  ensure(rows.size() % channels_ == 0, "samples come in whole rows");
  const std::size_t offered = rows.size() / channels_;
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  const auto used = static_cast<std::size_t>(written - read_.load(std::memory_order_acquire));
  const std::size_t taken = std::min(offered, capacity_ - used);
  const auto start = static_cast<std::size_t>(written % capacity_);
  const std::size_t before_wrap = std::min(taken, capacity_ - start) * channels_;
  std::copy_n(rows.data(), before_wrap, rows_.data() + start * channels_);
  std::copy_n(rows.data() + before_wrap, taken * channels_ - before_wrap, rows_.data());
  written_.store(written + taken, std::memory_order_release);
  if (taken < offered) dropped_.fetch_add(offered - taken, std::memory_order_relaxed);
  return taken;
}

std::size_t SampleRing::available() const {
  return static_cast<std::size_t>(written_.load(std::memory_order_acquire) -
                                  read_.load(std::memory_order_relaxed));
}

bool SampleRing::peek(std::span<float> out) const {
  ensure(out.size() % channels_ == 0, "windows are whole rows");
  const std::size_t wanted = out.size() / channels_;
  if (wanted > available()) return false;
  const auto start = static_cast<std::size_t>(read_.load(std::memory_order_relaxed) % capacity_);
  const std::size_t before_wrap = std::min(wanted, capacity_ - start) * channels_;
  std::copy_n(rows_.data() + start * channels_, before_wrap, out.data());
  std::copy_n(rows_.data(), out.size() - before_wrap, out.data() + before_wrap);
  return true;
}

void SampleRing::consume(std::size_t rows) {
  ensure(rows <= available(), "no more is consumed than is there");
  read_.store(read_.load(std::memory_order_relaxed) + rows, std::memory_order_release);
}

Episode to_episode(const Inference& inference, float importance) {
  Episode episode;
  episode.id = inference.id;
  episode.model = inference.model;
  episode.time = inference.time;
  episode.version = inference.version;
  episode.embedding_version = inference.embedding_version;
  episode.latent = quantise(inference.latent);
  episode.prediction = inference.prediction;
  episode.confidence = inference.confidence;
  episode.novelty = inference.novelty;
  episode.route = inference.route;
  episode.importance = importance;
  episode.last_used = inference.time;
  return episode;
}

}  // namespace dormouse::memory

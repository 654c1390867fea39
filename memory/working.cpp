#include "memory/working.h"

#include "config/wipe.h"

namespace dormouse::memory {

SampleRing::SampleRing(std::size_t channels, std::size_t capacity_rows, std::pmr::memory_resource* memory)
    : channels_(channels), capacity_(capacity_rows), rows_(channels * capacity_rows, memory) {
  ensure(channels > 0 && capacity_rows > 0, "a ring holds something");
}

SampleRing::~SampleRing() { dormouse::wipe(std::span(rows_)); }

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
  const std::uint64_t read = read_.load(std::memory_order_relaxed);
  const auto start = static_cast<std::size_t>(read % capacity_);
  const std::size_t before_wrap = std::min(rows, capacity_ - start) * channels_;
  dormouse::wipe(std::span(rows_).subspan(start * channels_, before_wrap));
  dormouse::wipe(std::span(rows_).first(rows * channels_ - before_wrap));
  read_.store(read + rows, std::memory_order_release);
}

void wipe(Inference& inference) {
  dormouse::wipe(std::span(inference.latent));
  dormouse::wipe(std::span(inference.probabilities));
  dormouse::wipe(std::span(inference.input.values));
}

void RecentInferences::put(Inference inference) {
  let_go_of_input(items_.replaced_by(inference.id));
  if (inference.input.bytes() > room_) {
    dormouse::wipe(std::span(inference.input.values));
    inference.input = {};
  }
  const Inference& kept = items_.put(inference);
  wipe(inference);
  if (kept.input.empty()) return;
  with_input_.push_back(kept.id);
  held_ += kept.input.bytes();
  while (held_ > room_ || with_input_.size() > items_.capacity()) {
    let_go_of_input(with_input_.front());
    with_input_.pop_front();
  }
}

void RecentInferences::let_go_of_input(EpisodeId id) {
  Inference* old = items_.find(id);
  if (old == nullptr) return;
  held_ -= old->input.bytes();
  dormouse::wipe(std::span(old->input.values));
  old->input = {};
}

void RecentInferences::erase(EpisodeId id) {
  if (const Inference* old = items_.find(id)) held_ -= old->input.bytes();
  items_.erase(id);
}

Episode to_episode(const Inference& inference, LatentFormat format) {
  Episode episode;
  episode.id = inference.id;
  episode.model = inference.model;
  episode.stream = inference.stream;
  episode.time = inference.time;
  episode.version = inference.version;
  episode.embedding_version = inference.embedding_version;
  episode.latent = encode(inference.latent, format);
  episode.prediction = inference.prediction;
  episode.confidence = inference.confidence;
  episode.novelty = inference.novelty;
  episode.route = inference.route;
  episode.importance = surprise(inference.confidence, inference.novelty);
  episode.last_used = inference.time;
  episode.clip = inference.input;
  return episode;
}

}  // namespace dormouse::memory

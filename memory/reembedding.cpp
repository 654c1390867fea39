#include "memory/reembedding.h"

namespace dormouse::memory {

bool Reembedding::advance(std::size_t n, const Embed& embed) {
  const std::vector<KeptInput> piece = store_.outdated(model_, version_, last_, n);
  if (piece.empty()) {
    retired_ += store_.retire_outdated(model_, version_);
    return false;
  }
  std::vector<Clip> clips;
  for (const KeptInput& kept : piece) clips.push_back(kept.clip);
  const auto latents = embed(clips);
  ensure(latents.size() == piece.size(), "one latent an input");
  std::vector<NewLatent> made;
  for (std::size_t i = 0; i < piece.size(); ++i)
    made.push_back({piece[i].id, encode(latents[i], store_.options().latents)});
  store_.replace_latents(made, version_);
  last_ = piece.back().id;
  embedded_ += piece.size();
  return true;
}

}  // namespace dormouse::memory

#include "daemon/service/reembedding.h"

#include <array>

namespace dormouse::daemon {
namespace {

constexpr std::size_t kPiece = 16;  // inputs: a few milliseconds of a small model

}  // namespace

bool Reembedding::advance() {
  std::vector<memory::KeptInput> piece;
  memory::LatentFormat format{};
  with_store_([&](memory::Store& store) {
    format = store.options().latents;
    store.flush();  // outdated() sees what is on disk
    piece = store.outdated(model_, embedding_, kPiece);
  });
  if (piece.empty()) return false;
  std::vector<memory::NewLatent> made;
  const engine::Shape& expected = trunk_->graph().value(trunk_->graph().inputs().front()).shape;
  for (const memory::KeptInput& kept : piece) {
    const engine::Shape shape(kept.clip.shape);
    if (!engine::compatible(shape, expected)) continue;  // another file of the model may have taken others
    const auto input = engine::Tensor::from<float>(shape, std::span(kept.clip.values));
    const engine::Tensor latent = trunk_->run(std::array{input}).at(0);
    made.push_back({kept.id, memory::encode(latent.values<float>(), format)});
  }
  if (made.empty()) return false;
  with_store_([&](memory::Store& store) { store.set_aside(made, embedding_); });
  embedded_ += made.size();
  return true;
}

}  // namespace dormouse::daemon

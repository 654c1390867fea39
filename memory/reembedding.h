#pragma once

#include <functional>
#include <string>
#include <vector>

#include "memory/store.h"

namespace dormouse::memory {

/// Gives a model's episodes the latents of a new trunk, in pieces, from the inputs that were kept.
///
/// Each piece is one transaction, and the rows themselves say how far it came: after a power cut another
/// Reembedding to the same version goes on where this one stopped. When no input is left to embed, the other
/// episodes of older embeddings are retired: they stay, labels and all, and compare with nothing.
///
/// Borrows the store; lives on its thread. The caller makes the new trunk's version known with
/// Store::set_embedding_version and rebuilds index, fast weights and concepts when it is done.
class Reembedding {
 public:
  /// The latents of some inputs, in order. May throw: the piece is then not done.
  using Embed = std::function<std::vector<std::vector<float>>(const std::vector<Clip>&)>;

  Reembedding(Store& store, std::string model, std::int64_t version)
      : store_(store), model_(std::move(model)), version_(version) {}

  /// Embeds up to `n` more episodes; false when there was nothing left to do.
  bool advance(std::size_t n, const Embed& embed);

  std::size_t embedded() const { return embedded_; }  ///< by this object
  std::size_t retired() const { return retired_; }

 private:
  Store& store_;
  std::string model_;
  std::int64_t version_;
  EpisodeId last_ = 0;
  std::size_t embedded_ = 0;
  std::size_t retired_ = 0;
};

}  // namespace dormouse::memory

#pragma once

#include <functional>
#include <memory>

#include "engine/session.h"
#include "memory/store.h"

namespace dormouse::daemon {

/// Makes the latents that another trunk gives to the inputs memory keeps, labelled episodes first, then the
/// newest. They are set aside: nothing that is searched or learnt from changes before
/// Store::end_sleep() or activate() exchanges all of them at once. After a power cut another Reembedding to
/// the same embedding goes on where this one stopped.
class Reembedding {
 public:
  /// Runs a piece of work with the store to itself: on its thread.
  using WithStore = std::function<void(const std::function<void(memory::Store&)>&)>;

  /// `trunk`: input → latent. One embedding stands for one trunk, for ever.
  Reembedding(WithStore with_store, std::string model, std::int64_t embedding,
              std::unique_ptr<const engine::Session> trunk)
      : with_store_(std::move(with_store)),
        model_(std::move(model)),
        embedding_(embedding),
        trunk_(std::move(trunk)) {}

  /// Embeds a few more on the calling thread; false when there was nothing left to do. Inputs of another
  /// shape, which come last, as those of another file are older, are left.
  bool advance();
  std::size_t embedded() const { return embedded_; }  ///< by this object

 private:
  WithStore with_store_;
  std::string model_;
  std::int64_t embedding_;
  std::unique_ptr<const engine::Session> trunk_;
  std::size_t embedded_ = 0;
};

}  // namespace dormouse::daemon

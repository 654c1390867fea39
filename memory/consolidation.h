#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "memory/store.h"

namespace dormouse::memory {

/// A latent that a model was shipped with: it shapes concepts, and memory does not hold it.
struct ShippedLatent {
  std::string_view label;
  std::span<const float> latent;
};

/// Distils a model's episodes anew and writes what came of it, in one transaction: concepts from the shipped
/// latents, the labelled episodes of the store's embedding for this model, and what survives in earlier
/// concepts; links from what was lived and corrected since the last time; and which episodes are redundant.
///
/// `width`: that of the model's latents; episodes of another are passed over.
void consolidate(Store& store, const std::string& model, std::size_t width,
                 std::span<const ShippedLatent> shipped, const SemanticOptions& options);

}  // namespace dormouse::memory

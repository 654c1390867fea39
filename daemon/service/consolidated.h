#pragma once

#include <span>
#include <string>
#include <vector>

#include "learning/statistics.h"
#include "memory/store.h"

/// What the fast head keeps of labelled episodes that memory let go: their statistics by class, in the store.
///
/// Discriminants and ridge regression need no more of an example than what it adds to these, so seed,
/// consolidated statistics and the labels since make the same weights as all labels did. Held-out examples
/// leave nothing: they only measure. An entry is of one embedding; those of another are passed over, and
/// replaced when memory next lets something go. All on the storage thread.
namespace dormouse::daemon {

/// What is to be stored with letting these episodes of any model go: see Store::distil_with.
std::vector<memory::Entry> consolidated_with(const memory::Store& store,
                                             std::span<const memory::Episode> let_go);

/// Of latents of this width, by class; as many classes as labels.
learning::Statistics consolidated(const memory::Store& store, const std::string& model,
                                  std::span<const std::string> labels, std::size_t width);

/// What is to be stored with forgetting this: a class whose statistics may hold something of it loses them,
/// since nothing can be told apart in them. By id or time that is told by the first and the last that went
/// in.
std::vector<memory::Entry> consolidated_without(const memory::Store& store,
                                                const memory::Selection& selection,
                                                std::span<const std::string> labels);

}  // namespace dormouse::daemon

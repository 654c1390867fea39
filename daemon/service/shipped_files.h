#pragma once

#include <string>

#include "memory/store.h"

namespace dormouse::daemon {

/// Which embedding stands for a model's file as it was shipped: 0 for the first that this model had, −1 for
/// the next, and so on; the same one whenever it comes back. `file`: ModelParts::file. On disk when it
/// returns.
std::int64_t shipped_embedding(memory::Store& store, const std::string& model, const std::string& file);

}  // namespace dormouse::daemon

#pragma once

#include <string>

#include "daemon/service/model_parts.h"
#include "memory/store.h"

namespace dormouse::daemon {

/// A model's file since it is the one in service.
struct FileInService {
  /// Of it as shipped: 0 for the first that this model had, −1 for the next, and so on; the same one whenever
  /// it comes back.
  std::int64_t embedding = 0;
  std::int64_t active = 0;      ///< the version that it was left with, 0 as shipped
  memory::EpisodeId since = 0;  ///< what was answered before was another file's
  bool replaced = false;        ///< it was another one until now
  bool same_inputs = true;      ///< which normalised as this one does
};
/// Notes that this file is in service, and how the one before it was left. On disk when it returns.
FileInService file_in_service(memory::Store& store, const ModelParts& parts);

}  // namespace dormouse::daemon

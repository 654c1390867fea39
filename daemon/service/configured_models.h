#pragma once

#include <memory>
#include <vector>

#include "daemon/service/model_parts.h"

namespace dormouse::daemon {

/// All models of the configuration, in its order, checked against each other and against what is asked of
/// them. Throws Failure(configuration), with the place where a file says so, for what another start would not
/// mend.
std::vector<std::shared_ptr<const ModelParts>> load_models(const Options& options,
                                                           const drivers::DriverTable& drivers);

/// Whether a request may hold any number of rows, each of which is answered by itself.
bool divisible(const ModelParts& parts);

}  // namespace dormouse::daemon

#pragma once

#include <span>
#include <string>

#include "learning/fit_run.h"

namespace dormouse::daemon {

/// The epochs of a training run as one SVG file that needs nothing else: the loss on training and validation
/// rows above, the validation accuracy, or what `quality` calls it, below.
std::string training_curve(std::span<const learning::EpochRecord> epochs, const std::string& title,
                           const std::string& quality = "validation accuracy");

}  // namespace dormouse::daemon

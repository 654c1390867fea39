#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/service/night_work.h"
#include "learning/sleep.h"
#include "memory/store.h"

namespace dormouse::daemon {

/// What the night of these inputs may do under privacy.dp, with what the model's nights before it spent;
/// nothing when that is off. Throws Failure(conflict) when the budget is spent or the night's strategy cannot
/// be private, corrupt when the record of what was spent cannot be read.
std::optional<learning::NightPrivacy> night_privacy(const memory::Store& store, const NightJob& job,
                                                    const learning::SleepInputs& inputs);

/// What the model's nights spent so far, for the transaction that ends the last of them. A night that a power
/// cut ended for good is not in it: what it computed was never answered with, and its journal is gone.
std::vector<memory::Entry> privacy_entries(const std::string& model,
                                           const std::optional<learning::PrivacyLoss>& total);

}  // namespace dormouse::daemon

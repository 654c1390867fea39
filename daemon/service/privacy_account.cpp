#include "daemon/service/privacy_account.h"

#include "learning/night.h"

namespace dormouse::daemon {
namespace {

std::string key_of(const std::string& model) { return "privacy/" + model; }

}  // namespace

std::optional<learning::NightPrivacy> night_privacy(const memory::Store& store, const NightJob& job,
                                                    const learning::SleepInputs& inputs) {
  if (!job.privacy) return std::nullopt;
  const learning::SleepOptions& cycle = job.options.cycle;
  learning::require_private(cycle.strategy);
  learning::NightPrivacy privacy{*job.privacy, {}};
  if (const auto spent = store.get(key_of(inputs.model)))
    privacy.spent = learning::PrivacyLoss::parse(*spent);
  if (inputs.taught.size() > 0)
    learning::require_budget(privacy.spent, privacy.options,
                             learning::sampling_rate(inputs.taught.size(), cycle.batch));
  return privacy;
}

std::vector<memory::Entry> privacy_entries(const std::string& model,
                                           const std::optional<learning::PrivacyLoss>& total) {
  if (!total) return {};
  return {{key_of(model), total->text()}};
}

}  // namespace dormouse::daemon

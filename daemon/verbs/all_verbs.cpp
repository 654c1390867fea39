#include "daemon/verbs/all_verbs.h"

#include <array>

namespace dormouse::daemon {

// Explicit, since a linker drops what registers itself from a static library. In the order of the help.
std::span<const Verb* const> all_verbs() {
  static constexpr std::array verbs{
      &serve_verb,          &check_verb,        &inspect_verb,   &quantize_verb,   &export_verb,
      &bench_verb,          &status_verb,       &infer_verb,     &stream_verb,     &teach_verb,
      &review_verb,         &recall_verb,       &forget_verb,    &why_verb,        &model_versions_verb,
      &model_rollback_verb, &router_reset_verb, &sleep_now_verb, &sleep_stop_verb, &sleep_status_verb,
      &sleep_report_verb,   &new_verb,          &train_verb,     &seed_verb,       &eval_verb,
      &route_eval_verb};
  return verbs;
}

}  // namespace dormouse::daemon

#pragma once

#include "daemon/verbs/verb.h"

namespace dormouse::daemon {

extern const Verb serve_verb;
extern const Verb bench_verb;
extern const Verb check_verb;
extern const Verb status_verb;
extern const Verb infer_verb;
extern const Verb inspect_verb;
extern const Verb quantize_verb;
extern const Verb export_verb;
extern const Verb stream_verb;
extern const Verb teach_verb;
extern const Verb review_verb;
extern const Verb recall_verb;
extern const Verb forget_verb;
extern const Verb why_verb;
extern const Verb model_versions_verb;
extern const Verb model_rollback_verb;
extern const Verb router_reset_verb;
extern const Verb sleep_now_verb;
extern const Verb sleep_stop_verb;
extern const Verb sleep_status_verb;
extern const Verb sleep_report_verb;
extern const Verb new_verb;
extern const Verb train_verb;
extern const Verb seed_verb;
extern const Verb eval_verb;
extern const Verb route_eval_verb;

}  // namespace dormouse::daemon

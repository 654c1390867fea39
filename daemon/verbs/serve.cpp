#include "daemon/daemon.h"
#include "daemon/verbs/all_verbs.h"

namespace dormouse::daemon {
namespace {

int run(const Arguments& arguments) { return run_daemon(arguments.config()); }

}  // namespace

extern const Verb serve_verb{.name = "serve",
                             .group = "run",
                             .summary = "run the daemon until it is told to stop (SIGTERM)",
                             .arguments = "--config FILE",
                             .example = "dormouse serve --config /etc/dormouse/dormouse.yaml",
                             .options = {},
                             .run = run};

}  // namespace dormouse::daemon

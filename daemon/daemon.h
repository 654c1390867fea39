#pragma once

#include <filesystem>

namespace dormouse::daemon {

/// Runs the daemon until SIGTERM or SIGINT: `dormouse serve`. Returns an exit code. Throws Failure when it
/// cannot start.
///
/// SIGHUP reads the configuration again: what is valid and can change without a restart (hrm, sleep) takes
/// effect, an invalid file changes nothing and is reported.
int run_daemon(const std::filesystem::path& config);

}  // namespace dormouse::daemon

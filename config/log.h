#pragma once

#include <string>
#include <string_view>

namespace dormouse {

enum class Level { error, warning, info, debug };

/// Writes one event as one line to stderr, in one write(2), so lines of several threads never mix.
/// `$DORMOUSE_LOG` (error, warning, info, debug), read once, sets the last level that is written; info
/// without it.
void log(Level level, std::string_view event);

/// The line `log` writes: control characters escaped, and, for systemd's journal, the priority in front.
std::string log_line(Level level, std::string_view event, bool journal);

}  // namespace dormouse

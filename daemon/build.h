#pragma once

#include <string>
#include <string_view>

/// What this program is made of.
namespace dormouse::daemon {

/// The version with the commit, as the package is called; see script/lib/version. The build writes it anew at
/// each commit, in a file that has nothing else.
extern const std::string_view kStamp;

/// What `dormouse --version` says: stamp, compiler, processor, drivers.
std::string build_text();

/// What `dormouse --licenses` says: libraries linked into this program, their licences, where their texts
/// are.
std::string licences_text();

}  // namespace dormouse::daemon

#include "daemon/build.h"

#include "drivers/all_drivers.h"

#ifdef __clang__
#define DORMOUSE_COMPILER __VERSION__
#else
#define DORMOUSE_COMPILER "g++ " __VERSION__
#endif

namespace dormouse::daemon {
namespace {

#if defined(__x86_64__)
constexpr std::string_view kProcessor = "x86_64";
#elif defined(__aarch64__)
constexpr std::string_view kProcessor = "aarch64";
#else
constexpr std::string_view kProcessor = "another processor";
#endif

}  // namespace

std::string build_text() {
  std::string text = "dormouse " + std::string(kStamp) + "\nbuilt by " DORMOUSE_COMPILER " for " +
                     std::string(kProcessor) + "\ndrivers:";
  for (const std::string_view driver : drivers::built_in()) text += " " + std::string(driver);
  return text + "\n";
}

std::string licences_text() {
  return R"(Dormouse's owners have not stated a licence yet. Linked into this program are:

  Boost          BSL-1.0
  XNNPACK        BSD-3-Clause
  pthreadpool    BSD-2-Clause
  cpuinfo        BSD-2-Clause
  FXdiv          MIT
  FP16           MIT
  hnswlib        Apache-2.0
  SQLite         public domain
  libsodium      ISC
  yaml-cpp       MIT
  protozero      BSD-2-Clause, Apache-2.0
  zlib           Zlib
  libstdc++      GPL-3.0-or-later with GCC-exception-3.1
  libgcc         GPL-3.0-or-later with GCC-exception-3.1
  glibc          LGPL-2.1-or-later; in the package it is the system's own

Their texts: /usr/share/doc/dormouse/copyright, or the file 'copyright' of the tarball.
)";
}

}  // namespace dormouse::daemon

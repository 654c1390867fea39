#include "daemon/low_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/log.h"

namespace dormouse::daemon {

void lower_priority() {
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  if (::setpriority(PRIO_PROCESS, thread, 19) != 0)
    log(Level::debug, "background work runs at normal priority");
}

}  // namespace dormouse::daemon

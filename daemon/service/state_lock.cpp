#include "daemon/service/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "config/error.h"

namespace dormouse::daemon {

StateLock::StateLock(const std::filesystem::path& state) {
  const std::string file = state / "lock";
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0)
    throw Failure(Errc::io, file + ": " + std::strerror(errno) +
                                "; set 'state' in the configuration to a folder this user may write");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(descriptor_);
  if (error == EWOULDBLOCK)
    throw Failure(Errc::conflict, state.string() + ": another daemon uses this state folder");
  throw Failure(Errc::io, file + ": " + std::strerror(error));
}

StateLock::~StateLock() { ::close(descriptor_); }

}  // namespace dormouse::daemon

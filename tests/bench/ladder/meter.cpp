#include "tests/bench/ladder/meter.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace dormouse::bench {
namespace {

double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

int open_counter() {
  perf_event_attr what{};
  what.type = PERF_TYPE_HARDWARE;
  what.size = sizeof(what);
  what.config = PERF_COUNT_HW_INSTRUCTIONS;
  what.disabled = 1;
  what.exclude_kernel = 1;
  what.exclude_hv = 1;
  what.inherit = 1;
  return static_cast<int>(syscall(SYS_perf_event_open, &what, 0, -1, -1, 0));
}

}  // namespace

Meter::Meter() : counter_(open_counter()) {}

Meter::~Meter() {
  if (counter_ >= 0) close(counter_);
}

void Meter::start() {
  if (counter_ >= 0) ioctl(counter_, PERF_EVENT_IOC_ENABLE, 0);
  started_ = cpu_now();
}

void Meter::stop() {
  cpu_seconds_ += cpu_now() - started_;
  if (counter_ >= 0) ioctl(counter_, PERF_EVENT_IOC_DISABLE, 0);
}

std::optional<double> Meter::instructions() const {
  std::uint64_t count = 0;
  if (counter_ < 0 || read(counter_, &count, sizeof(count)) != static_cast<ssize_t>(sizeof(count)))
    return std::nullopt;
  return static_cast<double>(count);
}

}  // namespace dormouse::bench

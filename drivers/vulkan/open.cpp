#include "drivers/vulkan/open.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>

#include "config/log.h"
#include "drivers/vulkan/driver.h"
#include "engine/op.h"

namespace dormouse::drivers::vulkan {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{
    30};  // a driver may compile for its own sake when it is first opened

/// Adds two numbers; throws when that is not their sum.
void try_out(const VulkanDriver::Options& options) {
  const VulkanDriver driver(options);
  engine::Graph graph;
  const engine::ValueId a = graph.add_input("a", engine::DType::f32, {1}),
                        b = graph.add_input("b", engine::DType::f32, {1});
  graph.set_outputs(graph.add_node(*engine::find_op("", "Add"), {a, b}));
  const engine::Partition partition{&graph, {0}, graph.inputs(), graph.outputs()};
  const auto workspace = driver.open_workspace();
  const auto program = driver.compile(partition, *workspace, false);
  const engine::Shape one{1};
  float left = 2, right = 3, sum = 0;
  const auto view = [&](float& value) {
    return engine::View{engine::DType::f32, &one, reinterpret_cast<std::byte*>(&value)};
  };
  program->run(std::array{view(left), view(right)}, std::array{view(sum)});
  if (sum != 5) throw Failure(Errc::unavailable, driver.device_name() + " does not add");
}

/// In the child: what is wrong goes into the pipe.
[[noreturn]] void report(int pipe, const VulkanDriver::Options& options) {
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (int descriptor = 0; descriptor < 3; ++descriptor) ::dup2(nowhere, descriptor);
  int status = 0;
  try {
    try_out(options);
  } catch (const std::exception& error) {
    const std::string_view what = error.what();
    status = ::write(pipe, what.data(), what.size()) < 0 ? 2 : 1;
  }
  ::_exit(status);
}

/// All that comes out of `descriptor` until its end; nothing when that does not come in time.
std::optional<std::string> read_in_time(int descriptor) {
  const auto deadline = Clock::now() + kPatience;
  std::string text;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd wait{descriptor, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(left.count())) <= 0) continue;
    char buffer[512];
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count == 0) return text;
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) return text;
  }
}

/// Whether memory may be written and run, as drivers want that compile for the CPU.
bool may_write_code() {
  constexpr std::size_t kPage = 4096;
  void* const page =
      ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  ::munmap(page, kPage);
  return true;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return 0;  // somebody else has waited for it
  return status;
}

/// What is wrong with the device, or nothing.
std::optional<std::string> trouble(const VulkanDriver::Options& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe to try it through";
  const pid_t child = ::fork();
  if (child == 0) report(ends[1], options);
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return "no process to try it in";
  }
  const std::optional<std::string> said = read_in_time(ends[0]);
  ::close(ends[0]);
  if (!said) ::kill(child, SIGKILL);
  const int status = wait_for(child);
  if (!said) return "its driver hangs";
  if (WIFSIGNALED(status))
    return "its driver crashes (signal " + std::to_string(WTERMSIG(status)) + ")" +
           (may_write_code() ? ""
                             : ", maybe because it may not write code here: for a service of systemd see "
                               "MemoryDenyWriteExecute= in gpu.conf");
  if (WEXITSTATUS(status) != 0) return said->empty() ? "its driver ends the process" : *said;
  return std::nullopt;
}

}  // namespace

const bool kBuiltIn = true;

Result<Opened> open_driver(const OpenOptions& given) {
  const VulkanDriver::Options options{
      .device = given.device, .cache = given.cache, .tiles = given.tiles, .tuning = given.tuning};
  std::optional<std::string> wrong = trouble(options);
  if (!wrong) {
    try {
      const auto* const driver = new VulkanDriver(options);
      log(Level::info, "vulkan: computing on " + driver->device_name());
      return Opened{driver, driver->device_name(), driver->device_identity()};
    } catch (const Failure& failure) {
      wrong = failure.what();
    }
  }
  return Error(Errc::unavailable, *wrong);
}

}  // namespace dormouse::drivers::vulkan

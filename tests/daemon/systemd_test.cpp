#include "daemon/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "daemon/http/listener.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

using Catch::Matchers::StartsWith;

/// The other end of sd_notify.
class NotifySocket {
 public:
  explicit NotifySocket(std::string name) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  ~NotifySocket() { ::close(descriptor_); }
  std::string heard() {
    char text[512];
    const auto size = ::recv(descriptor_, text, sizeof(text), MSG_DONTWAIT);
    return size < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  int descriptor_;
};

TEST_CASE("systemd hears every state, by path and by abstract name", "[systemd]") {
  const TemporaryFolder folder;
  for (const std::string& name : {folder.file("notify"), "@dormouse-test-" + std::to_string(::getpid())}) {
    INFO(name);
    NotifySocket socket(name);
    const Supervisor supervisor(name);
    supervisor.ready();
    CHECK(socket.heard() == "READY=1");
    supervisor.status("awake\nREADY=1");
    CHECK(socket.heard() == "STATUS=awake");
    supervisor.reloading();
    CHECK_THAT(socket.heard(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    supervisor.alive();
    CHECK(socket.heard() == "WATCHDOG=1");
    supervisor.extend_timeout(std::chrono::seconds(2));
    CHECK(socket.heard() == "EXTEND_TIMEOUT_USEC=2000000");
    supervisor.stopping();
    CHECK(socket.heard() == "STOPPING=1");
    CHECK(socket.heard() == "nothing");
  }
}

TEST_CASE("without systemd nothing happens", "[systemd]") {
  for (const char* name : {"", "relative", "/nowhere/at/all"}) Supervisor(name).ready();
  const Supervisor too_long("/" + std::string(300, 'x'));
  too_long.ready();
  SUCCEED();
}

TEST_CASE("the watchdog is ours only when its pid is", "[systemd]") {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::unsetenv("WATCHDOG_PID");
  CHECK(Supervisor::from_environment().watchdog() == std::chrono::seconds(30));
  ::setenv("WATCHDOG_PID", "1", 1);
  CHECK_FALSE(Supervisor::from_environment().watchdog());
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  CHECK(Supervisor::from_environment().watchdog());
  ::setenv("WATCHDOG_USEC", "soon", 1);
  CHECK_FALSE(Supervisor::from_environment().watchdog());
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

TEST_CASE("inherited sockets are ours only when the pid is, and are named", "[systemd]") {
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_FDNAMES", "user:admin", 1);
  ::setenv("LISTEN_PID", "1", 1);
  CHECK(inherited_sockets().empty());
  CHECK(std::getenv("LISTEN_FDS") == nullptr);
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_FDNAMES", "user:admin", 1);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  const auto sockets = inherited_sockets();
  REQUIRE(sockets.size() == 2);
  CHECK(sockets[0].descriptor == 3);
  CHECK(sockets[0].name == "user");
  CHECK(sockets[1].descriptor == 4);
  CHECK(sockets[1].name == "admin");
  CHECK(inherited_sockets().empty());
}

TEST_CASE("only a listening stream socket is adopted", "[systemd]") {
  const TemporaryFolder folder;
  const Listening bound = listen_unix(folder.file("s"));
  const Listening adopted = adopt(bound.descriptor);
  CHECK_FALSE(adopted.tcp);
  CHECK(adopted.path.empty());
  const Listening loopback = listen_loopback(0);
  CHECK(adopt(loopback.descriptor).tcp);
  const int plain = ::socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_THROWS(adopt(plain));
  const int file = ::open("/dev/null", O_RDONLY);
  CHECK_THROWS(adopt(file));
  for (const int descriptor : {bound.descriptor, loopback.descriptor, plain, file}) ::close(descriptor);
}

}  // namespace
}  // namespace dormouse::daemon

#include "daemon/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "config/log.h"
#include "daemon/http/server.h"
#include "daemon/routes/routes.h"
#include "daemon/service/indexing.h"
#include "daemon/systemd.h"
#include "drivers/table.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kDrain = 5s;

drivers::DriverTable drivers_for(const Options& options) {
  return drivers::open_table({.threads = options.process.threads_per_inference,
                              .packed = options.state / "cache" / "packed",
                              .measured = options.state / "cache" / "measured",
                              .device = options.process.device},
                             driver_choices(options));
}

/// The process: members in start order, stopped in reverse.
class Daemon {
 public:
  explicit Daemon(const std::filesystem::path& config)
      : config_(config),
        options_(read_options(config)),
        supervisor_(Supervisor::from_environment()),
        latency_{metrics_.histogram("inference_seconds", "From request to answer inside the daemon",
                                    {{"state", "awake"}}),
                 metrics_.histogram("inference_seconds", "From request to answer inside the daemon",
                                    {{"state", "asleep"}})},
        service_(options_, io_, drivers_for(options_), clock_),
        streams_(service_),
        nights_(service_),
        indexing_(service_),
        routes_(make_routes()),
        server_(io_, routes_, {}, [this](const Exchange& exchange) { observe(exchange); }),
        timer_(io_),
        signals_(io_, SIGTERM, SIGINT, SIGHUP) {
    open_sockets();
  }

  int run() {
    spawn(get_ready());
    spawn(obey_signals());
    const std::exception_ptr bug = run_to_the_end();
    service_.close();
    log(Level::info, "stopped");
    if (bug) std::rethrow_exception(bug);
    return 0;
  }

 private:
  /// An exception that nobody was there to catch is a bug: it stops the daemon in the same order as a signal,
  /// so that no coroutine outlives what it uses.
  std::exception_ptr run_to_the_end() {
    std::exception_ptr bug;
    for (;;) {
      try {
        io_.run();
        return bug;
      } catch (const std::exception& exception) {
        log(Level::error, std::string("a bug stops the daemon: ") + exception.what());
        if (!std::exchange(bug, std::current_exception())) spawn(stop());
      }
    }
  }

  Router make_routes() {
    Router router;
    add_inference_routes(router, service_, nights_, latency_);
    add_learning_routes(router, service_, streams_);
    add_sleep_routes(router, service_, nights_);
    add_memory_routes(router, service_);
    add_recall_routes(router, service_, streams_);
    add_review_routes(router, service_);
    add_forget_routes(router, service_, streams_, nights_);
    add_stream_routes(router, streams_);
    add_status_routes(router, service_, streams_, nights_, metrics_, latency_);
    return router;
  }

  /// systemd's sockets where there are some, our own otherwise.
  void open_sockets() {
    bool inherited = false;
    for (const InheritedSocket& socket : inherited_sockets()) {
      server_.listen(adopt(socket.descriptor), socket.name.starts_with("admin") ? Role::admin : Role::user);
      inherited = true;
    }
    if (!inherited) {
      server_.listen(listen_unix(options_.process.socket.string()), Role::user);
      server_.listen(listen_unix(options_.process.admin_socket.string()), Role::admin);
    }
    if (options_.process.tcp)
      server_.listen(listen_loopback(*options_.process.tcp), Role::user,
                     read_token(options_.process.token_file));
  }

  void observe(const Exchange& exchange) {
    if (!exchange.bug.empty()) log(Level::error, "a bug answered 500: " + std::string(exchange.bug));
    if (exchange.status >= 500) errors_.add();
    requests_.add();
    if (exchange.route && exchange.route->role == Role::admin)
      log(Level::info, "admin: " + std::string(word(exchange.route->method)) + " " + exchange.route->pattern +
                           " by uid " + std::to_string(exchange.peer.uid) + ": " +
                           std::to_string(exchange.status));
  }

  void spawn(asio::awaitable<void> task) {
    asio::co_spawn(io_, std::move(task), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }

  /// A night that was cut off goes on first, so that whoever waits until all is ready finds it running.
  asio::awaitable<void> get_ready() {
    co_await nights_.resume();
    spawn(housekeeping());
    supervisor_.ready();
    supervisor_.status("awake");
    const auto taken = std::chrono::steady_clock::now() - began_;
    log(Level::info,
        "ready on " + options_.process.socket.string() + " after " +
            std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(taken).count()) + " ms");
  }

  asio::awaitable<void> housekeeping() {
    for (int beat = 0; !stopping_; ++beat) {
      timer_.expires_after(250ms);
      boost::system::error_code cancelled;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
      if (cancelled) co_return;
      service_.tick();
      spawn(service_.routing().audit());
      if (beat % 4 == 0) spawn(nights_.consider());
      if (beat % 4 == 2) spawn(indexing_.consider());
      if (beat % 4 == 3) spawn(streams_.save_when_due());
      if (supervisor_.watchdog()) supervisor_.alive();
    }
  }

  asio::awaitable<void> obey_signals() {
    while (true) {
      boost::system::error_code cancelled;
      const int signal = co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
      if (cancelled) co_return;
      if (signal != SIGHUP) break;
      reload();
    }
    co_await stop();
  }

  void reload() {
    supervisor_.reloading();
    try {
      const Options fresh = read_options(config_);
      service_.reconfigure(fresh.hrm, fresh.sleep);
      log(Level::info, "configuration reloaded: hrm and sleep; the rest takes effect at the next start");
    } catch (const Failure& failure) {
      log(Level::error, "configuration not reloaded, the running one stays: " + failure.error().context);
    }
    supervisor_.ready();
  }

  asio::awaitable<void> stop() {
    if (std::exchange(stopping_, true)) co_return;
    supervisor_.stopping();
    log(Level::info, "stopping: requests in flight are answered first");
    nights_.stop();
    indexing_.stop();
    streams_.close();
    service_.routing().stop();
    service_.planning().stop();
    service_.events().close();
    co_await server_.stop(kDrain);
    timer_.cancel();
    signals_.cancel();
  }

  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::filesystem::path config_;
  Options options_;
  Supervisor supervisor_;
  SystemClock clock_;
  Metrics metrics_;
  Counter& requests_ = metrics_.counter("requests_total", "Requests answered");
  Counter& errors_ = metrics_.counter("request_errors_total", "Requests answered with a 5xx status");
  LatencyByState latency_;
  asio::io_context io_{1};
  Service service_;
  Streams streams_;
  Nights nights_;
  Indexing indexing_;
  Router routes_;
  Server server_;
  asio::steady_timer timer_;
  asio::signal_set signals_;
  bool stopping_ = false;
};

}  // namespace

int run_daemon(const std::filesystem::path& config) { return Daemon(config).run(); }

}  // namespace dormouse::daemon

#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <future>
#include <thread>

#include "config/clock.h"
#include "daemon/client/http_client.h"
#include "daemon/http/server.h"
#include "daemon/routes/routes.h"
#include "drivers/all_drivers.h"
#include "tests/daemon/fake_board.h"
#include "tests/daemon/small_model.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {

/// One model of SmallModel's world in `folder`, answering by its fast and slow heads alone.
inline Options small_options(const TemporaryFolder& folder) {
  Options options;
  options.state = folder.file("state");
  options.process.threads = 2;
  ModelOptions model;
  model.name = "colours";
  model.path = folder.file("colours.onnx");
  model.seed = folder.file("colours.seed.safetensors");
  options.models.push_back(model);
  options.hrm.router.accept = 0;
  options.sleep.cycle.steps = 200;
  return options;
}

/// The daemon's insides on an io thread of their own, with its routes on a socket, on the FakeBoard of
/// `folder`.
class RunningService {
 public:
  RunningService(const Options& options, const TemporaryFolder& folder,
                 drivers::DriverTable drivers = drivers::all_drivers())
      : latency_{metrics_.histogram("a", "awake"), metrics_.histogram("b", "asleep")},
        service_(options, io_, std::move(drivers), clock_),
        streams_(service_),
        nights_(service_, FakeBoard(folder).board(), std::chrono::milliseconds(0)),
        router_(make_router()),
        server_(io_, router_, {}),
        client_(folder.file("user.sock")),
        admin_(folder.file("admin.sock")) {
    server_.listen(listen_unix(folder.file("user.sock")), Role::user);
    server_.listen(listen_unix(folder.file("admin.sock")), Role::admin);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningService() {
    on_io([this] {
      nights_.stop();
      streams_.close();
      service_.routing().stop();
      service_.planning().stop();
      service_.events().close();
    });
    boost::asio::co_spawn(io_, server_.stop(std::chrono::milliseconds(0)), boost::asio::use_future).get();
    work_.reset();
    thread_.join();
    service_.close();
  }

  Service& service() { return service_; }
  Streams& streams() { return streams_; }
  Nights& nights() { return nights_; }

  template <class T>
  T wait(boost::asio::awaitable<T> task) {
    return begin(std::move(task)).get();
  }
  template <class T>
  std::future<T> begin(boost::asio::awaitable<T> task) {
    return boost::asio::co_spawn(io_, std::move(task), boost::asio::use_future);
  }
  template <class Work>
  std::invoke_result_t<Work> on_io(Work work) {
    return on(io_.get_executor(), std::move(work));
  }
  template <class Work>
  std::invoke_result_t<Work> on_storage(Work work) {
    return on(service_.storage().get_executor(), std::move(work));
  }

  /// A batch's answers, nothing of which is remembered.
  Answered ask(engine::Tensor inputs, const std::string& model = "colours") {
    return wait(service_.infer(model, {std::move(inputs)}, false));
  }
  /// The probabilities of every row, to be compared bit by bit.
  std::vector<float> probabilities(engine::Tensor inputs, const std::string& model = "colours") {
    const auto tensor = ask(std::move(inputs), model).result.probabilities();
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
  }
  TaughtAnswer teach(engine::Tensor input, const std::string& label, const std::string& model = "colours") {
    return wait(service_.teach(model, ask(std::move(input), model).ids.at(0), label));
  }
  /// Starts a night, waits for its end and returns what the record says.
  memory::SleepRecord sleep(NightRequest request) {
    const std::int64_t id = wait(nights_.start(std::move(request)));
    while (on_io([this] { return nights_.asleep(); })) std::this_thread::yield();
    return on_storage([&] { return *service_.store().sleep(id); });
  }

  /// Lets time pass while nobody looks at the clock.
  void advance(std::chrono::nanoseconds by) {
    on_io([&] { on_storage([&] { clock_.advance(by); }); });
  }

  Reply get(const std::string& target) { return client_.send({.method = "GET", .target = target}); }
  Reply post(const std::string& target, const std::string& body) {
    return client_.send({.method = "POST", .target = target, .body = body});
  }
  Reply admin(const std::string& target, const std::string& body) {
    return admin_.send({.method = "POST", .target = target, .body = body});
  }

 private:
  template <class Executor, class Work>
  static std::invoke_result_t<Work> on(const Executor& executor, Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto result = task.get_future();
    boost::asio::post(executor, [&task] { task(); });
    return result.get();
  }
  Router make_router() {
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

  ManualClock clock_;
  Metrics metrics_;
  LatencyByState latency_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  Service service_;
  Streams streams_;
  Nights nights_;
  Router router_;
  Server server_;
  HttpClient client_;
  HttpClient admin_;
  std::thread thread_;
};

/// A device with one small model, which may be switched off and on, with other options.
struct Device {
  explicit Device(std::uint64_t seed) : model(seed), options(small_options(folder)) {
    model.write(folder.file(""), "colours");
  }
  void start() {
    running.reset();
    running.emplace(options, folder, table);
  }
  void teach(const std::string& colour, std::size_t count) {
    for (std::uint64_t i = 0; i < count; ++i) running->teach(model.example(colour, i), colour);
  }
  memory::SleepRecord sleep(bool trial = false) {
    return running->sleep({"colours", learning::Strategy::replay_ewc, trial, {}});
  }
  std::vector<float> probes(std::size_t each) { return running->probabilities(model.probes(each)); }

  TemporaryFolder folder;
  SmallModel model;
  Options options;
  drivers::DriverTable table = drivers::all_drivers();
  std::optional<RunningService> running;
};

inline boost::json::value parsed(const Reply& reply) { return boost::json::parse(reply.body); }

}  // namespace dormouse::daemon

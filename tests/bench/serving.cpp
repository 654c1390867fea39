// What serving costs: time to ready, the socket's share of a round trip, resident memory after the demo's
// work.
//
//   bench_serving --dormouse BINARY --model FILE.onnx --seed FILE.seed.safetensors --clips FOLDER
//                 --work FOLDER [--pairs 2000] [--starts 20]
//
// The clips folder holds teach/LABEL/ and test/LABEL/. Exits with 1 when a bound is missed.

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <thread>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/oip/codec.h"
#include "daemon/service/inference.h"
#include "drivers/all_drivers.h"
#include "learning/dataset.h"
#include "tests/bench/daemon_process.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using engine::Tensor;

constexpr double kReadyBound = 100;      // ms
constexpr double kRoundTripBound = 150;  // µs
constexpr double kResidentBound = 40;    // MiB
constexpr std::size_t kWarmUp = 50;      // pairs

bool judge(bool passed, const char* what, double value, double bound, const char* unit) {
  std::printf("%s  %s: %.1f %s (under %g)\n", passed ? "PASS" : "FAIL", what, value, unit, bound);
  return passed;
}

/// The daemon's model and its memory in this process.
class InProcess {
 public:
  InProcess(const daemon::ModelOptions& model, const fs::path& folder)
      : parts_(daemon::load_model(model, drivers::all_drivers())),
        store_({folder / "dormouse.db", {}, ""}, clock_),
        versions_(folder / "versions", files_),
        learner_(parts_, {}, store_, &versions_, {}) {}

  Tensor input(const Tensor& clip) const {
    return engine::window_input(clip, *parts_->window, parts_->normaliser);
  }
  const std::string& input_name() const { return parts_->inputs.front().name; }
  daemon::InferenceResult infer(const Tensor& input) const {
    return daemon::infer({.served = learner_.served(), .planner = {}, .router = {}, .inputs = {input}});
  }
  void session_alone(const Tensor& input) const { learner_.served().model->session->run(std::array{input}); }

 private:
  std::shared_ptr<const daemon::ModelParts> parts_;
  SystemClock clock_;
  learning::Files files_;
  memory::Store store_;
  learning::VersionStore versions_;
  daemon::Learner learner_;
};

bool measure_start(const Options& options, const DaemonProcess::Model& model) {
  Samples starts;
  for (int i = 0; i < static_cast<int>(options.number("starts", 20)); ++i)
    starts.add(DaemonProcess(options.text("dormouse"), fs::path(options.text("work")) / "start", model)
                   .time_to_ready());
  std::printf("time to ready        %s\n", starts.text().c_str());
  const double median = starts.median() / 1000;
  return judge(median < kReadyBound, "time to ready, median", median, kReadyBound, "ms");
}

/// One answer over the socket and one in this process, in turn, on the same recordings.
bool measure_round_trip(const Options& options, const DaemonProcess& process, const std::string& name,
                        const InProcess& local, const learning::Dataset& clips) {
  daemon::HttpClient client(process.socket());
  std::vector<Tensor> inputs;
  std::vector<daemon::TensorMessage> messages;
  for (const Tensor& clip : clips.clips) {
    inputs.push_back(local.input(clip));
    json::object body{{"parameters", {{"binary_data_output", true}}}};
    messages.push_back(daemon::pack(std::move(body), local.input_name(), inputs.back()));
  }
  const std::string target = "/v2/models/" + name + "/infer";
  Samples socket, here, session;
  const auto pairs = static_cast<std::size_t>(options.number("pairs", 2000));
  for (std::size_t i = 0; i < pairs + kWarmUp; ++i) {
    if (i == kWarmUp) socket = here = session = {};
    const std::size_t clip = i % inputs.size();
    socket.time([&] { daemon::ask_text(client, messages[clip].call(target)); });
    here.time([&] { local.infer(inputs[clip]); });
    session.time([&] { local.session_alone(inputs[clip]); });
  }
  std::printf("socket round trip    %s\n", socket.text().c_str());
  std::printf("same in process      %s\n", here.text().c_str());
  std::printf("session alone        %s\n", session.text().c_str());
  std::printf("difference of p95    %9.1f µs\n", socket.quantile(0.95) - here.quantile(0.95));
  const double more = socket.median() - here.median();
  return judge(more < kRoundTripBound, "round trip less in process, p50", more, kRoundTripBound, "µs");
}

void teach_and_sleep(const DaemonProcess& process, const std::string& name, const InProcess& local,
                     const learning::Dataset& lessons) {
  daemon::HttpClient client(process.socket());
  for (std::size_t i = 0; i < lessons.size(); ++i) {
    json::object body{{"label", lessons.labels[lessons.classes[i]]}};
    const auto message = daemon::pack(std::move(body), local.input_name(), local.input(lessons.clips[i]));
    daemon::ask_text(client, message.call("/v1/models/" + name + "/feedback"));
  }
  daemon::HttpClient admin(process.admin_socket());
  const json::value started = daemon::ask(admin, daemon::post("/v1/sleep", "{}"));
  const std::string target = "/v1/sleeps/" + json::serialize(started.at("sleep"));
  while (daemon::ask(admin, daemon::get(target)).at("state") == "running")
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

int run(const Options& options) {
  const fs::path work = options.text("work");
  daemon::ModelOptions shipped;
  shipped.name = "words";
  shipped.path = options.text("model");
  shipped.seed = options.text("seed");
  const DaemonProcess::Model model{shipped.name, shipped.path, shipped.seed};
  bool within = measure_start(options, model);
  const fs::path local_folder = work / "in-process";
  fs::remove_all(local_folder);
  fs::create_directories(local_folder);
  const InProcess local(shipped, local_folder);
  const auto clips = learning::read_dataset(fs::path(options.text("clips")) / "test");
  const DaemonProcess process(options.text("dormouse"), work / "daemon", model);
  within = measure_round_trip(options, process, model.name, local, clips) && within;
  teach_and_sleep(process, model.name, local,
                  learning::read_dataset(fs::path(options.text("clips")) / "teach"));
  std::printf("resident memory      %9.1f MiB, at most %.1f MiB so far\n", process.memory("VmRSS"),
              process.memory("VmHWM"));
  const double resident = process.memory("VmRSS");
  return judge(resident < kResidentBound, "resident memory after teaching and sleep", resident,
               kResidentBound, "MiB") &&
                 within
             ? 0
             : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }

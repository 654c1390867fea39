// What a night costs, and what requests feel of it.
//
//   bench_sleep --dormouse BINARY --model FILE.onnx --seed FILE.seed.safetensors --clips FOLDER --work FOLDER
//               [--episodes 1000] [--rate 200] [--rounds 20]
//
// The daemon is a process of its own; this one is its clients. It is taught --episodes recordings (those of
// the clips folder, teach/LABEL/, again and again with fresh noise). Then, in turn: a second of requests at
// --rate a second while it is awake, and a night under the same load. Exits with 1 when a bound is missed.

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <thread>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/oip/codec.h"
#include "daemon/service/model_parts.h"
#include "drivers/all_drivers.h"
#include "learning/dataset.h"
#include "learning/random.h"
#include "tests/bench/daemon_process.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using engine::Tensor;
using namespace std::chrono_literals;

constexpr double kCpuBound = 2;       // seconds of one core
constexpr double kMemoryBound = 64;   // MiB
constexpr double kSlowerBound = 1.2;  // p95 asleep over p95 awake
constexpr double kAckBound = 2000;    // µs more than fdatasync, p95
constexpr float kNoise = 0.05f;       // of a normalised input

bool judge(bool passed, const char* what, double value, double bound, const char* unit) {
  std::printf("%s  %s: %.3f %s (at most %g)\n", passed ? "PASS" : "FAIL", what, value, unit, bound);
  return passed;
}

/// The daemon's clients and what they send.
class Clients {
 public:
  Clients(const Options& options, const DaemonProcess& process, const daemon::ModelParts& parts)
      : user_(process.socket()), admin_(process.admin_socket()) {
    lessons_ = learning::read_dataset(fs::path(options.text("clips")) / "teach");
    for (const Tensor& clip : lessons_.clips) inputs_.push_back(daemon::clip_input(parts, clip));
    input_name_ = parts.inputs.front().name;
    for (const Tensor& input : inputs_)
      questions_.push_back(
          daemon::pack({{"parameters", {{"binary_data_output", true}, {"dormouse_remember", false}}}},
                       input_name_, input));
  }

  /// Teaches one more recording and says how long the label took to be acknowledged.
  std::chrono::nanoseconds teach() {
    const std::size_t which = taught_++ % inputs_.size();
    Tensor noisy = inputs_[which].clone();
    for (float& x : noisy.mutable_values<float>()) x += kNoise * static_cast<float>(random_.normal());
    const auto question = daemon::pack({}, input_name_, noisy);
    const json::value answer = daemon::ask(user_, question.call("/v2/models/words/infer"));
    const json::value& id = answer.at("parameters").at("dormouse_episode_id");
    const std::string body =
        json::serialize(json::object{{"episode", id}, {"label", lessons_.labels[lessons_.classes[which]]}});
    const auto start = std::chrono::steady_clock::now();
    daemon::ask_text(user_, daemon::post("/v1/models/words/feedback", body));
    return std::chrono::steady_clock::now() - start;
  }

  std::int64_t fall_asleep(bool trial) {
    const std::string body = json::serialize(json::object{{"trial", trial}});
    return daemon::ask(admin_, daemon::post("/v1/sleep", body)).at("sleep").to_number<std::int64_t>();
  }
  json::value night(std::int64_t id) {
    return daemon::ask(admin_, daemon::get("/v1/sleeps/" + std::to_string(id)));
  }
  bool asleep(std::int64_t id) { return night(id).at("state") == "running"; }

  /// Requests at `rate` a second until `enough`, timed from when each was due: one that has to wait for the
  /// one before it counts with its wait.
  template <class Enough>
  void load(double rate, Samples& samples, Enough enough) {
    const auto period =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(1 / rate));
    auto due = std::chrono::steady_clock::now();
    for (std::size_t i = 0; !enough(); ++i, due += period) {
      std::this_thread::sleep_until(due);
      daemon::ask_text(user_, questions_[i % questions_.size()].call("/v2/models/words/infer"));
      samples.add(std::chrono::steady_clock::now() - due);
    }
  }

 private:
  daemon::HttpClient user_, admin_;
  learning::Dataset lessons_;
  std::vector<Tensor> inputs_;
  std::vector<daemon::TensorMessage> questions_;
  std::string input_name_;
  std::size_t taught_ = 0;
  learning::Random random_{1};
};

/// What the disk needs for 4 KiB on its own.
class Disk {
 public:
  explicit Disk(const fs::path& file)
      : descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)) {}
  ~Disk() { ::close(descriptor_); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  void sync_a_page() {
    const std::vector<char> page(4096, 'x');
    if (::write(descriptor_, page.data(), page.size()) != std::ssize(page) || ::fdatasync(descriptor_) != 0)
      throw Failure(Errc::io, "the disk refuses");
  }

 private:
  int descriptor_;
};

bool measure_feedback(const Options& options, Clients& clients) {
  Samples label, disk;
  Disk file(fs::path(options.text("work")) / "page");
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.number("episodes", 1000)); ++i) {
    label.add(clients.teach());
    disk.time([&] { file.sync_a_page(); });
  }
  std::printf("a label acknowledged  %s\n", label.text().c_str());
  std::printf("fdatasync of a page   %s\n", disk.text().c_str());
  const double more = label.quantile(0.95) - disk.quantile(0.95);
  return judge(more <= kAckBound, "a label less fdatasync, p95", more, kAckBound, "µs");
}

/// One night with nothing else to do.
bool measure_cost(Clients& clients, const DaemonProcess& process) {
  process.forget_peak();
  const double before = process.memory("VmRSS"), cpu = process.cpu_seconds();
  const std::int64_t id = clients.fall_asleep(true);
  while (clients.asleep(id)) std::this_thread::sleep_for(20ms);
  const double used = process.cpu_seconds() - cpu, grown = process.memory("VmHWM") - before;
  const json::value report = clients.night(id).at("report");
  std::printf("the night             %s steps on %s + %s latents, %.3f s of work\n",
              json::serialize(report.at("steps")).c_str(), json::serialize(report.at("replayed")).c_str(),
              json::serialize(report.at("taught")).c_str(), report.at("seconds").to_number<double>());
  const bool fast = judge(used <= kCpuBound, "CPU of the whole daemon for a night", used, kCpuBound, "s");
  return judge(grown <= kMemoryBound, "peak memory of a night", grown, kMemoryBound, "MiB") && fast;
}

bool measure_foreground(const Options& options, Clients& clients) {
  Samples awake, asleep;
  const double rate = options.number("rate", 200);
  for (int round = 0; round < static_cast<int>(options.number("rounds", 20)); ++round) {
    const auto end = std::chrono::steady_clock::now() + 1s;
    clients.load(rate, awake, [&] { return std::chrono::steady_clock::now() >= end; });
    const std::int64_t id = clients.fall_asleep(true);
    std::atomic<bool> over{false};
    // Another connection asks whether it is over, so that the load is the same as awake.
    std::jthread watch([&] {
      while (clients.asleep(id)) std::this_thread::sleep_for(20ms);
      over = true;
    });
    clients.load(rate, asleep, [&] { return over.load(); });
  }
  std::printf("a request awake       %s\n", awake.text().c_str());
  std::printf("a request asleep      %s\n", asleep.text().c_str());
  const double slower = asleep.quantile(0.95) / awake.quantile(0.95);
  return judge(slower <= kSlowerBound, "a request asleep over awake, p95", slower, kSlowerBound, "times");
}

int run(const Options& options) {
  daemon::ModelOptions shipped;
  shipped.name = "words";
  shipped.path = options.text("model");
  shipped.seed = options.text("seed");
  const auto parts = daemon::load_model(shipped, drivers::all_drivers());
  const DaemonProcess process(options.text("dormouse"), fs::path(options.text("work")) / "daemon",
                              {shipped.name, shipped.path, shipped.seed});
  Clients clients(options, process, *parts);
  bool within = measure_feedback(options, clients);
  within = measure_cost(clients, process) && within;
  within = measure_foreground(options, clients) && within;
  return within ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }

// The hard case: a model whose trunk was trained on half the classes is taught the other half through a
// running daemon, and sleeps once. Frozen trunk, adapters above it, and a trunk that moves, beside training
// on everything at once.
//
//   bench_hardcase --dormouse BINARY --spec SPEC.yaml --work FOLDER --seeds 1,2 [--inputs 200] [--rank 16]
//                  (--images FOLDER | --windows FOLDER --known A,B,C --taught D,E,F)
//
// Accuracy is as served. Bytes are what is kept to learn from: latents, raw inputs and the weights of the
// version. Exits with 1 when no way comes within two points of joint training.

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <cmath>
#include <cstdio>
#include <thread>

#include "daemon/client/ask.h"
#include "daemon/client/tensor_message.h"
#include "daemon/service/model_parts.h"
#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "learning/train.h"
#include "tests/bench/daemon_process.h"
#include "tests/bench/hardcase_data.h"
#include "tests/bench/options.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using engine::Tensor;
using learning::Dataset;
using namespace std::chrono_literals;

constexpr double kBelowJoint = 2;   // points
constexpr std::size_t kAsked = 32;  // clips a request
constexpr const char* kMemory = "{working: {inputs: 64MiB}, episodic: {keep_inputs: 256MiB}}";

/// Percent of the known, the taught and all test clips that are right; what it took.
struct Row {
  double known = 0, taught = 0, all = 0;
  double kilobytes = 0;
  double seconds = 0;  ///< of the night's work, re-embedding included
  bool accepted = true;
};
constexpr std::array kCells{&Row::all, &Row::known, &Row::taught, &Row::kilobytes, &Row::seconds};

class Tally {
 public:
  explicit Tally(std::size_t known) : known_(known) {}
  void add(std::size_t label, bool right) {
    ++seen_[label >= known_];
    right_[label >= known_] += right;
  }
  void into(Row& row) const {
    const auto percent = [](std::size_t right, std::size_t seen) {
      return seen == 0 ? 0 : 100.0 * double(right) / double(seen);
    };
    row.known = percent(right_[0], seen_[0]);
    row.taught = percent(right_[1], seen_[1]);
    row.all = percent(right_[0] + right_[1], seen_[0] + seen_[1]);
  }

 private:
  std::size_t known_;
  std::array<std::size_t, 2> seen_{}, right_{};
};

void report(const learning::TrainProgress& progress) {
  std::fprintf(stderr, "\repoch %ld of %ld, loss %.4f ", long{progress.epoch}, long{progress.epochs},
               double{progress.loss});
}

/// Everything at once, every class as often as the one with most clips.
Dataset joined(const HardCase& data) {
  Dataset all;
  all.labels = data.test.labels;
  const auto add = [&](const Dataset& part, std::size_t times) {
    const auto first = std::ranges::find(all.labels, part.labels.front()) - all.labels.begin();
    for (std::size_t i = 0; i < part.size() * times; ++i) {
      all.clips.push_back(part.clips[i % part.size()]);
      all.classes.push_back(part.classes[i % part.size()] + static_cast<learning::ClassIndex>(first));
    }
  };
  const double base = double(data.base.size()) / double(data.base.labels.size());
  const double taught = double(data.teach.size()) / double(data.teach.labels.size());
  add(data.base, 1);
  add(data.teach, static_cast<std::size_t>(std::max(1.0, std::round(base / taught))));
  return all;
}

Row joint(const learning::ModelSpec& spec, const HardCase& data) {
  const auto trained = learning::train_model(spec, joined(data), drivers::all_drivers(), report);
  const engine::Session session(trained.graph, drivers::all_drivers());
  const auto window =
      engine::window_shape(trained.graph.value(trained.graph.inputs()[0]).shape, spec.channels);
  Tally tally(data.base.labels.size());
  for (std::size_t i = 0; i < data.test.size(); ++i) {
    const Tensor input = engine::window_input(data.test.clips[i], window, trained.seed.normaliser);
    const auto logits = session.run(std::span(&input, 1)).front();
    const auto values = logits.values<float>();
    const auto named = std::ranges::max_element(values) - values.begin();
    tally.add(data.test.classes[i], std::size_t(named) == data.test.classes[i]);
  }
  Row row;
  tally.into(row);
  return row;
}

/// A device: the daemon as a process, and its clients.
class Device {
 public:
  Device(const Options& options, const fs::path& folder, const daemon::ModelOptions& model,
         const std::string& more)
      : parts_(daemon::load_model(model, drivers::all_drivers())),
        folder_(emptied(folder)),
        process_(options.text("dormouse"), folder_, {"model", model.path, model.seed, more}, kMemory),
        admin_(process_.admin_socket()) {}

  void teach(const Dataset& clips) {
    daemon::HttpClient user(process_.socket());
    for (std::size_t i = 0; i < clips.size(); ++i) {
      const auto answer = infer(user, std::span(&clips.clips[i], 1), true);
      const std::string body =
          json::serialize(json::object{{"episode", answer.at("parameters").at("dormouse_episode_id")},
                                       {"label", clips.labels[clips.classes[i]]}});
      daemon::ask_text(user, daemon::post("/v1/models/model/feedback", body));
    }
  }

  void sleep(Row& row) {
    const auto id =
        daemon::ask(admin_, daemon::post("/v1/sleep", R"({"model": "model", "budget": 3600})")).at("sleep");
    json::value night;
    do {
      std::this_thread::sleep_for(50ms);
      night = daemon::ask(admin_, daemon::get("/v1/sleeps/" + json::serialize(id)));
    } while (night.at("state") == "running");
    row.accepted = night.at("state") == "accepted";
    const json::object& told = night.at("report").as_object();
    row.seconds = told.at("seconds").to_number<double>();
    if (const json::value* embedding = told.if_contains("reembedding"))
      row.seconds += embedding->at("seconds").to_number<double>();
    std::printf("  the night: %s, %s\n", json::serialize(night.at("state")).c_str(),
                json::serialize(told.contains("reason") ? told.at("reason") : json::value()).c_str());
  }

  void test(const Dataset& clips, std::size_t known, Row& row) {
    daemon::HttpClient user(process_.socket());  // a connection does not outlast a night
    Tally tally(known);
    for (std::size_t first = 0; first < clips.size(); first += kAsked) {
      const std::size_t some = std::min(kAsked, clips.size() - first);
      const auto answer = infer(user, std::span(clips.clips).subspan(first, some), false);
      const std::string named = json::value_to<std::string>(answer.at("parameters").at("dormouse_label"));
      std::size_t at = 0;
      for (std::size_t i = 0; i < some; ++i) {
        const std::size_t comma = std::min(named.find(',', at), named.size());
        const std::size_t truth = clips.classes[first + i];
        tally.add(truth, named.substr(at, comma - at) == clips.labels[truth]);
        at = comma + 1;
      }
    }
    tally.into(row);
  }

  /// Latents of seed and episodes, and the version.
  double kilobytes(std::size_t taught) const {
    const learning::Seed& seed = *parts_->learnable->seed;
    double bytes = double((seed.replay.size() + seed.heldout.size() + taught) * seed.latent_size());
    const fs::path version = folder_ / "state/models/model/1/weights.safetensors";
    if (fs::exists(version)) bytes += double(fs::file_size(version));
    return bytes / 1000;
  }
  /// Raw inputs: of the seed, and of so many episodes.
  double input_kilobytes(std::size_t taught) const {
    const learning::SeedInputs& kept = *parts_->learnable->seed_inputs;
    const double clip = double(kept.replay.shape().elements(0, kept.replay.shape().rank())) * sizeof(float);
    return (double(kept.replay.bytes().size() + kept.heldout.bytes().size()) + clip * double(taught)) / 1000;
  }

 private:
  static const fs::path& emptied(const fs::path& folder) {
    fs::remove_all(folder);
    return folder;
  }

  json::value infer(daemon::HttpClient& user, std::span<const Tensor> clips, bool remember) {
    std::vector<Tensor> inputs;
    for (const Tensor& clip : clips) inputs.push_back(daemon::clip_input(*parts_, clip));
    const auto question = daemon::pack({{"parameters", {{"dormouse_remember", remember}}}},
                                       parts_->inputs.front().name, engine::stack(inputs));
    return daemon::ask(user, question.call("/v2/models/model/infer"));
  }

  std::shared_ptr<const daemon::ModelParts> parts_;
  fs::path folder_;
  DaemonProcess process_;
  daemon::HttpClient admin_;
};

struct Way {
  const char* name;
  std::string more;  ///< of the model's configuration
  bool inputs;       ///< are kept
};

using Table = std::vector<std::pair<std::string, Row>>;

Table live(const Options& options, const HardCase& data, const std::string& seed) {
  learning::ModelSpec spec = learning::read_model_spec(options.text("spec"));
  spec.train.seed = std::stoull(seed);
  const fs::path work = options.text("work");
  fs::create_directories(work);
  const auto shipped =
      learning::train_model(spec, data.base, drivers::all_drivers(), report,
                            {.inputs_per_class = static_cast<std::size_t>(options.number("inputs", 200))});
  daemon::ModelOptions model;
  model.name = "model";
  model.path = work / (spec.name + "-" + seed + ".onnx");
  model.seed = work / (spec.name + "-" + seed + ".seed.safetensors");
  model.stream = daemon::StreamOptions{.channels = spec.channels};
  engine::write_onnx(shipped.graph, model.path.string());
  learning::write_seed(model.seed, shipped.seed, shipped.inputs);

  const std::string stream = "    stream: {channels: " + std::to_string(spec.channels) + "}\n";
  const std::string rank = std::to_string(static_cast<int>(options.number("rank", 16)));
  const std::vector<Way> ways{{"frozen", "", false},
                              {"adapted", "    trainable: lora(" + rank + ")\n", false},
                              {"re-embedded", "    trainable: all\n", true}};
  Table table;
  for (const Way& way : ways) {
    Row row;
    Device device(options, work / "daemon", model, stream + way.more);
    device.teach(data.teach);
    if (&way == &ways.front()) {
      Row taught;
      device.test(data.test, data.base.labels.size(), taught);
      taught.kilobytes = device.kilobytes(data.teach.size());
      table.emplace_back("taught, awake", taught);
    }
    device.sleep(row);
    device.test(data.test, data.base.labels.size(), row);
    row.kilobytes = device.kilobytes(data.teach.size());
    if (way.inputs) row.kilobytes += device.input_kilobytes(data.teach.size());
    table.emplace_back(way.name, row);
  }
  table.emplace_back("joint", joint(spec, data));
  return table;
}

void print(const std::string& title, const std::vector<Table>& tables) {
  std::printf(
      "\n| %s | all | known | taught | kB kept | s asleep | accepted |\n|---|---|---|---|---|---|---|\n",
      title.c_str());
  for (std::size_t r = 0; r < tables.front().size(); ++r) {
    std::printf("| %s |", tables.front()[r].first.c_str());
    for (const auto cell : kCells) {
      double mean = 0, squares = 0;
      for (const Table& table : tables) mean += table[r].second.*cell / double(tables.size());
      for (const Table& table : tables) squares += std::pow(table[r].second.*cell - mean, 2);
      if (tables.size() > 1)
        std::printf(" %.1f ± %.1f |", mean, std::sqrt(squares / double(tables.size() - 1)));
      else
        std::printf(" %.1f |", mean);
    }
    const auto accepted = std::ranges::count_if(tables, [&](const Table& t) { return t[r].second.accepted; });
    std::printf(" %ld of %zu |\n", long{accepted}, tables.size());
  }
  std::fflush(stdout);
}

bool within_bound(const std::vector<Table>& tables) {
  double best = -1, bound = 0;
  for (std::size_t r = 0; r < tables.front().size(); ++r) {
    double mean = 0;
    for (const Table& table : tables) mean += table[r].second.all / double(tables.size());
    if (r + 1 < tables.front().size())
      best = std::max(best, mean);
    else
      bound = mean;
  }
  const bool passed = bound - best <= kBelowJoint;
  std::printf("%s  all classes: joint training less the best way %.1f (at most %g)\n",
              passed ? "PASS" : "FAIL", bound - best, kBelowJoint);
  return passed;
}

int run(const Options& options) {
  const HardCase data = options.has("images") ? fashion(options.text("images"), {})
                                              : activities(options.text("windows"), options.list("known"),
                                                           options.list("taught"));
  std::printf("%zu clips to train on, %zu to teach, %zu to test\n", data.base.size(), data.teach.size(),
              data.test.size());
  std::vector<Table> tables;
  for (const std::string& seed : options.list("seeds")) {
    tables.push_back(live(options, data, seed));
    print("seed " + seed, {tables.back()});
  }
  if (tables.empty()) throw Failure(Errc::invalid, "--seeds names none");
  if (tables.size() > 1) print("mean of " + std::to_string(tables.size()), tables);
  return within_bound(tables) ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::run); }

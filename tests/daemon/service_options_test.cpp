#include "daemon/service/options.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

struct Case {
  const char* name;
  const char* text;
  std::vector<const char*> says;
};

Options read(const TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder.file("model.onnx")) << "x";
  std::ofstream(folder.file("dormouse.yaml")) << text;
  return read_options(folder.file("dormouse.yaml"));
}

TEST_CASE("a wrong configuration says where, what and what was expected", "[options]") {
  const Case given = GENERATE(
      Case{"nothing", "", {"dormouse.yaml"}},
      Case{"no models", "state: here\n", {"dormouse.yaml:1:1", "models"}},
      Case{"an empty list of models", "models: []\n", {"dormouse.yaml:1:9", "models", "at least one"}},
      Case{"an open bracket", "models: [{name: a\n", {"dormouse.yaml:"}},
      Case{"a tab", "daemon:\n\tsocket: x\n", {"dormouse.yaml:2:"}},
      Case{"an unknown key", "models: [{name: a, path: model.onnx, sed: x}]\n", {"1:38", "sed", "seed"}},
      Case{"an unknown section",
           "modles: []\nmodels: [{name: a, path: model.onnx}]\n",
           {"1:1", "modles", "models"}},
      Case{"a missing file", "models: [{name: a, path: gone.onnx}]\n", {"1:26", "gone.onnx"}},
      Case{"a missing path", "models: [{name: a}]\n", {"path"}},
      Case{"a name that is a path",
           "models: [{name: ../a, path: model.onnx}]\n",
           {"models[0].name", "letters"}},
      Case{"a name given twice",
           "models:\n  - {name: a, path: model.onnx}\n  - {name: a, path: model.onnx}\n",
           {"3:5", "'a'"}},
      Case{"a planner nobody knows",
           "models: [{name: a, path: model.onnx, planner: b}]\n",
           {"1:47", "models[0].planner", "'b'", "there is only 'a'"}},
      Case{"a planner that is misspelt",
           "models: [{name: a, path: model.onnx, planner: sgae}, {name: sage, path: model.onnx}]\n",
           {"1:47", "models[0].planner", "did you mean 'sage'?"}},
      Case{"a planner of another name",
           "models: [{name: a, path: model.onnx, planner: x}, {name: sage, path: model.onnx}]\n",
           {"1:47", "no other model is called 'x'; there is sage"}},
      Case{"its own planner",
           "models: [{name: a, path: model.onnx, planner: a}]\n",
           {"1:47", "models[0].planner", "its own planner"}},
      Case{"a trace in what is no folder",
           "models: [{name: a, path: model.onnx, planner: b}, {name: b, path: model.onnx}]\n"
           "hrm: {trace: model.onnx/traces}\n",
           {"2:14", "hrm.trace", "model.onnx: Not a directory"}},
      Case{"a state in what is no folder",
           "models: [{name: a, path: model.onnx}]\nstate: model.onnx\n",
           {"2:8", "state", "Not a directory"}},
      Case{"a socket where something else is",
           "models: [{name: a, path: model.onnx}]\ndaemon: {socket: model.onnx}\n",
           {"2:18", "daemon.socket", "no socket"}},
      Case{"a socket for both",
           "models: [{name: a, path: model.onnx}]\ndaemon: {socket: s, admin_socket: s}\n",
           {"2:35", "daemon.admin_socket", "two paths"}},
      Case{"a wrong type",
           "models: [{name: a, path: model.onnx}]\nhrm: {accept: high}\n",
           {"2:15", "hrm.accept"}},
      Case{"out of range",
           "models: [{name: a, path: model.onnx}]\nhrm: {accept: 1.5}\n",
           {"2:15", "hrm.accept"}},
      Case{"a promise about no planner",
           "models: [{name: a, path: model.onnx}]\nhrm: {target_error: 0.02}\n",
           {"2:6", "hrm.target_error", "'planner'"}},
      Case{"a batch of one",
           "models: [{name: a, path: model.onnx, batching: {max: 1}}]\n",
           {"1:54", "batching.max"}},
      Case{"a duration without a unit",
           "models: [{name: a, path: model.onnx}]\nsleep: {budget: 10}\n",
           {"2:17", "sleep.budget"}},
      Case{"a night by a strategy that is none",
           "models: [{name: a, path: model.onnx}]\nsleep: {strategy: dream}\n",
           {"2:19", "sleep.strategy", "replay+ewc"}},
      Case{"a window that is none",
           "models: [{name: a, path: model.onnx}]\nsleep: {window: 1-5}\n",
           {"2:17", "window", "01:00-05:00"}},
      Case{"TCP without a token",
           "models: [{name: a, path: model.onnx}]\ndaemon: {tcp: 8080}\n",
           {"token_file"}},
      Case{"fast weights nobody knows",
           "models: [{name: a, path: model.onnx, fast: rigde}]\n",
           {"fast", "ridge"}},
      Case{"adapters of no rank",
           "models: [{name: a, path: model.onnx, trainable: lora(0)}]\n",
           {"1:49", "trainable", "lora(RANK)", "2 to 256"}},
      Case{"a budget of nothing",
           "models: [{name: a, path: model.onnx, memory_budget: 10kB}]\n",
           {"models[0].memory_budget"}},
      Case{"no channels", "models: [{name: a, path: model.onnx, stream: {channels: 0}}]\n", {"channels"}});
  INFO(given.name);
  const TemporaryFolder folder;
  std::string said;
  try {
    read(folder, given.text);
    FAIL("was accepted");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::configuration);
    said = failure.error().context;
  }
  for (const char* word : given.says) CHECK_THAT(said, Catch::Contains(word));
}

TEST_CASE("every key of the configuration reaches its option", "[options]") {
  const TemporaryFolder folder;
  const Options options = read(folder, R"(
daemon: {socket: a.sock, admin_socket: b.sock, threads: 3, threads_per_inference: 2, queue: 17, driver: cpu, device: 1}
state: elsewhere
models:
  - {name: one, path: model.onnx, labels: [x, y], driver: reference, cut: f, planner: two, fast: sgd, steps: 40,
     trainable: lora(8), concurrency: 2, batching: {max: 4, delay: 3ms},
     stream: {channels: 2, rate: 50, window: 128, hop: 64, normalise: none, novelty: on}}
  - {name: two, path: model.onnx, trainable: [fc1.*, fc2.weight]}
hrm: {accept: 0.8, mixing: 0.4, temperature: 0.3, abstain: 0.1, neighbours: 9, target_error: 0.02, delta: 0.1, audit: 0.2,
      trace: traces, trace_limit: 1MiB, latency_budget: 10ms, busy: 8}
memory: {working: {items: 99}, episodic: {capacity: 1234}}
sleep: {idle: 10min, every: 7, budget: 2min, fast_lr: 0.02, slow_lr: 0.003, replay: {batch: 16},
        kernel: {examples: 300}, self_label: 0.95,
        ewc: {lambda: 4, decay: 0.8, control: off}, strategy: ace+der++, guard: {max_regression: 0.05}}
privacy: {dp: {epsilon: 3, delta: 1e-6, clip: 0.5, noise: 2}}
)");
  CHECK(options.process.socket.filename() == "a.sock");
  CHECK(options.process.admin_socket.filename() == "b.sock");
  CHECK(options.process.threads == 3u);
  CHECK(options.process.threads_per_inference == 2);
  CHECK(options.process.queue == 17);
  CHECK(options.process.driver == drivers::Choice::cpu);
  CHECK(options.process.device == "1");
  CHECK(options.state.filename() == "elsewhere");
  REQUIRE(options.models.size() == 2);
  const ModelOptions& one = options.models[0];
  CHECK(one.labels == std::vector<std::string>{"x", "y"});
  CHECK(one.driver == drivers::Choice::reference);
  CHECK(one.cut == "f");
  CHECK(one.planner == "two");
  CHECK(one.steps == 40);
  CHECK(options.hrm.target_error == 0.02);
  CHECK(options.hrm.delta == 0.1);
  CHECK(options.hrm.latency_budget == std::chrono::milliseconds(10));
  CHECK(options.hrm.busy == 8u);
  CHECK(options.hrm.audit == 0.2);
  REQUIRE(options.hrm.trace);
  CHECK(options.hrm.trace->filename() == "traces");
  CHECK(options.hrm.trace_limit.count == 1 << 20);
  CHECK(one.fast == FastWeights::sgd);
  CHECK(one.concurrency == 2u);
  REQUIRE(one.batching);
  CHECK(one.batching->max == 4);
  CHECK(one.batching->delay == std::chrono::milliseconds(3));
  CHECK_FALSE(options.models[1].batching);
  CHECK(one.trainable == learning::Trainable{{}, 8});
  CHECK(options.models[1].trainable == learning::Trainable{{"fc1.*", "fc2.weight"}, 0});
  REQUIRE(one.stream);
  CHECK(one.stream->channels == 2);
  CHECK(one.stream->rate == 50);
  CHECK(one.stream->window == 128);
  CHECK(one.stream->hop == 64);
  CHECK(one.stream->normalise == StreamOptions::Normalise::none);
  CHECK(one.stream->novelty);
  CHECK(options.hrm.router.accept == 0.8f);
  CHECK(options.hrm.mixing == 0.4f);
  CHECK(options.hrm.temperature == 0.3f);
  CHECK(options.hrm.abstain == 0.1);
  CHECK(options.hrm.neighbours == 9);
  CHECK(options.memory.working.items == 99);
  CHECK(options.memory.episodic.capacity == 1234);
  CHECK(options.sleep.idle == std::chrono::minutes(10));
  CHECK(options.sleep.every == 7);
  CHECK(options.sleep.budget == std::chrono::minutes(2));
  CHECK(options.sleep.fast_lr == 0.02);
  CHECK(options.sleep.cycle.slow_lr == 0.003f);
  CHECK(options.sleep.cycle.ewc_lambda == 4.0f);
  CHECK(options.sleep.cycle.ewc_decay == 0.8f);
  CHECK_FALSE(options.sleep.cycle.control);
  CHECK(options.sleep.cycle.strategy == learning::Strategy::ace_derpp);
  CHECK(options.sleep.cycle.batch == 16);
  CHECK(options.sleep.cycle.kernel_examples == 300);
  CHECK(options.sleep.self_label == 0.95f);
  CHECK(options.sleep.cycle.guard.max_regression == 0.05);
  CHECK(options.sleep.cycle.budget_seconds == 120);
  REQUIRE(options.privacy.dp);
  CHECK(options.privacy.dp->epsilon == 3);
  CHECK(options.privacy.dp->delta == 1e-6);
  CHECK(options.privacy.dp->clip == 0.5);
  CHECK(options.privacy.dp->noise == 2);
  const std::string model = "models: [{name: one, path: model.onnx}]\n";
  CHECK_FALSE(read(folder, model).privacy.dp);
  CHECK_FALSE(read(folder, model + "privacy: {dp: off}\n").privacy.dp);
  CHECK(read(folder, model + "privacy: {dp: {}}\n").privacy.dp->epsilon == 8);
}

TEST_CASE("a socket has a path that the system takes", "[options]") {
  const TemporaryFolder folder;
  const std::string text = "models: [{name: one, path: model.onnx}]\ndaemon: {admin_socket: ";
  CHECK_THROWS_WITH(read(folder, text + std::string(120, 'x') + "}\n"),
                    Catch::Contains("2:24: daemon.admin_socket: ") && Catch::Contains("at most 107 bytes"));
}

TEST_CASE("a night fits a kernel head unless told not to", "[options]") {
  const TemporaryFolder folder;
  const std::string models = "models: [{name: one, path: model.onnx}]\n";
  CHECK(read(folder, models).sleep.cycle.kernel_examples == learning::SleepOptions().kernel_examples);
  CHECK(read(folder, models + "sleep: {kernel: off}").sleep.cycle.kernel_examples == 0);
  CHECK_FALSE(read(folder, models).sleep.self_label);
}

}  // namespace
}  // namespace dormouse::daemon

// What `check` accepts, the daemon starts with: both refuse in the same words.

#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/verbs/verb.h"
#include "engine/formats/onnx.h"
#include "engine/value.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

using namespace engine;
using Catch::Matchers::Contains;

const std::string kDemo = DORMOUSE_DEMO;

std::string check_of(const std::string& file, int expected) {
  std::ostringstream out, err;
  std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const old_err = std::cerr.rdbuf(err.rdbuf());
  const int code = run_command_line(std::vector<std::string>{"check", "--config", file});
  std::cout.rdbuf(old_out);
  std::cerr.rdbuf(old_err);
  CHECK(code == expected);
  return expected == 0 ? out.str() : err.str();
}

/// What a daemon that starts with it says, which does not get far.
std::string start_of(const std::string& file, const TemporaryFolder& folder) {
  try {
    RunningService{read_options(file), folder};
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::configuration);
    return "dormouse: " + failure.error().context + "\n";
  }
  return "it starts";
}

/// x [2, 8] → [2, 3], so that rows cannot be put together.
void write_model_of_two_rows(const std::string& path) {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {2, SmallModel::kWidth})};
  const Value w{&graph, graph.add_constant("w", Tensor(DType::f32, {SmallModel::kWidth, 3}))};
  graph.mark_output(matmul(x, w).id);
  write_onnx(graph, path);
}

struct Case {
  std::string name, text;
  std::vector<std::string> says;
};

TEST_CASE("check refuses what the daemon would not start with, in the same words", "[check]") {
  const std::string colours = "models:\n  - {name: a, path: colours.onnx";
  const Case given = GENERATE_COPY(
      Case{"a planner of other inputs",
           "models:\n  - {name: a, path: " + kDemo +
               "/words.onnx, planner: b}\n  - {name: b, path: " + kDemo + "/maze.onnx}\n",
           {"2:", "models[0].planner", "model a: 'b' cannot be its planner", "the same input"}},
      Case{"batches of what has two rows",
           "models:\n  - {name: a, path: two.onnx, batching: {max: 4}}\n",
           {"2:41", "models[0].batching", "model a", "first extent"}},
      Case{"steps of no planner", colours + ", steps: 3}\n", {"2:42", "models[0].steps", "leave it out"}},
      Case{"too few labels",
           colours + ", labels: [x, y]}\n",
           {"2:43", "models[0].labels", "model a", "name 2"}},
      Case{"an exit that is misspelt", colours + ", exit: featurse}\n", {"2:41", "did you mean 'features'?"}},
      Case{"a cut nobody knows",
           colours + ", cut: elsewhere-in-it}\n",
           {"2:40", "models[0].cut", "there is "}},
      Case{"a damaged model",
           "models:\n  - {name: a, path: damaged.onnx}\n",
           {"2:21", "models[0].path", "model a", "damaged.onnx"}},
      Case{"a model that is none",
           "models:\n  - {name: a, path: text.onnx}\n",
           {"2:21", "models[0].path", "model a", "text.onnx"}},
      Case{"a trace that is none",
           colours + ", planner: b}\n  - {name: b, path: colours.onnx}\nhrm: {trace: traces}\n",
           {"4:14", "hrm.trace", "a.jsonl is no trace", "name another file"}},
      Case{
          "a damaged seed", colours + ", seed: damaged.onnx}\n", {"2:41", "models[0].seed", "damaged.onnx"}});
  INFO(given.name);
  const TemporaryFolder folder;
  SmallModel(1).write(folder.file(""), "colours");
  write_model_of_two_rows(folder.file("two.onnx"));
  std::filesystem::copy_file(folder.file("colours.onnx"), folder.file("damaged.onnx"));
  std::filesystem::resize_file(folder.file("damaged.onnx"),
                               std::filesystem::file_size(folder.file("damaged.onnx")) / 2);
  std::ofstream(folder.file("text.onnx")) << "no model\n";
  std::filesystem::create_directory(folder.file("traces"));
  std::ofstream(folder.file("traces/a.jsonl")) << "no trace\n";
  const std::string file = folder.file("dormouse.yaml");
  std::ofstream(file) << given.text << "state: state\n";
  const std::string said = check_of(file, kConfiguration);
  for (const std::string& word : given.says) CHECK_THAT(said, Contains(word));
  CHECK(start_of(file, folder) == said);
}

TEST_CASE("check refuses a damaged model of a stream, and a token that is none", "[check]") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("text.onnx")) << "no model\n";
  const std::string file = folder.file("dormouse.yaml");
  std::ofstream(file) << "state: state\nstreams:\n  - {name: s, model: text.onnx}\n";
  const std::string said = check_of(file, kConfiguration);
  CHECK_THAT(said, Contains("3:22: streams[0].model: stream s") && Contains("text.onnx"));
  CHECK(start_of(file, folder) == said);

  SmallModel(1).write(folder.file(""), "colours");
  const std::string model = "models: [{name: a, path: colours.onnx}]\n";
  std::ofstream(file) << model << "daemon: {tcp: 8080, token_file: text.onnx}\n";
  CHECK_THAT(check_of(file, kConfiguration), Contains("shorter than 16 characters"));
  std::ofstream(file) << model;
  CHECK_THAT(check_of(file, 0), Contains("is valid"));
}

}  // namespace
}  // namespace dormouse::daemon

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/build.h"
#include "daemon/verbs/print.h"
#include "daemon/verbs/verb.h"
#include "drivers/all_drivers.h"
#include "engine/formats/npy.h"
#include "engine/formats/onnx.h"
#include "engine/formats/wav.h"
#include "engine/op.h"
#include "engine/value.h"
#include "tests/daemon/fake_daemon.h"
#include "tests/daemon/small_model.h"

namespace dormouse::daemon {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using Catch::Matchers::Contains;
using engine::Shape;
using engine::Tensor;

/// Of the environment, while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

TEST_CASE("what was measured is sent as a clip, a tensor of the model's own form as its input", "[verbs]") {
  FakeDaemon daemon;
  engine::write_npy(daemon.file("exact.npy"), Tensor(engine::DType::f64, Shape{2, 4}));
  engine::write_npy(daemon.file("one.npy"), Tensor(engine::DType::f32, Shape{4}));
  write(daemon.file("clip.csv"), "a,b\n1,2\n3,4\n5,6\n");
  write(daemon.file("row.csv"), "1,2,3,4\n");
  write(daemon.file("raw.bin"), std::string(16, '\0'));
  write(daemon.file("long.bin"), std::string(40, '\0'));
  engine::write_wav(daemon.file("sound.wav"), {Tensor(engine::DType::f32, Shape{9, 1}), 8000});
  struct Case {
    std::string file;
    Shape shape;
    std::string clip;
  };
  const std::vector<Case> cases{{"exact.npy", {2, 4}, "input"}, {"one.npy", {1, 4}, "input"},
                                {"clip.csv", {3, 2}, "clip"},   {"row.csv", {1, 4}, "clip"},
                                {"raw.bin", {1, 4}, "input"},   {"long.bin", {10, 1}, "clip"},
                                {"sound.wav", {9, 1}, "clip"}};
  for (const Case& item : cases) {
    INFO(item.file);
    const Outcome outcome = daemon.run({"infer", "digits", daemon.file(item.file)});
    CHECK(outcome.err == "");
    CHECK(outcome.code == kOk);
    CHECK_THAT(outcome.out, Contains("seven") && Contains("0.9375") && Contains("77"));
    CHECK(daemon.shape == item.shape);
    CHECK(daemon.clip == item.clip);
    CHECK_THAT(outcome.out, !Contains(" set"));
  }
  write(daemon.file("text.csv"), "1,2,3,four\n");
  const Outcome half = daemon.run({"infer", "digits", daemon.file("row.csv"), daemon.file("text.csv")});
  CHECK(half.code == kFailed);
  CHECK_THAT(half.out, Contains("row.csv") && Contains("seven"));
  CHECK_THAT(half.err, Contains("text.csv"));
  daemon.set = "seven|two";
  CHECK_THAT(daemon.run({"infer", "digits", daemon.file("row.csv")}).out,
             Contains(" set") && Contains("seven|two"));
  const Outcome raw = daemon.run({"infer", "digits", daemon.file("row.csv"), "--json"});
  CHECK(parse_json(raw.out).at("parameters").at("dormouse_label") == "seven");
}

TEST_CASE("an answer that the planner may yet correct is marked", "[verbs]") {
  FakeDaemon daemon;
  write(daemon.file("row.csv"), "1,2,3,4\n");
  const std::vector<std::string> ask{"infer", "digits", daemon.file("row.csv")};
  daemon.route = "low";
  CHECK_THAT(daemon.run(ask).out, !Contains("provisional"));
  daemon.provisional = true;
  CHECK_THAT(daemon.run(ask).out, Contains(" low (provisional) "));
  daemon.route = "low,high";
  CHECK_THAT(daemon.run(ask).out, Contains(" low,high (some provisional) "));
}

/// y = x · [[0, 2], [1, 0]], with labels.
void write_swap_model(const std::string& path) {
  engine::Graph graph;
  const engine::Value x{&graph, graph.add_input("x", engine::DType::f32, Shape{engine::kDynamic, 2})};
  const engine::Value y = matmul(x, constant(graph, Tensor::from<float>({2, 2}, {0, 2, 1, 0})));
  graph.rename(y.id, "y");
  graph.mark_output(y.id);
  graph.metadata.emplace_back("dormouse.labels", R"(["left","right"])");
  engine::write_onnx(graph, path);
}

TEST_CASE("an ONNX file answers without a daemon", "[verbs]") {
  const TemporaryFolder folder;
  write_swap_model(folder.file("swap.onnx"));
  write(folder.file("in.csv"), "3,4\n");
  const std::vector<std::string> words{"infer", folder.file("swap.onnx"), folder.file("in.csv")};
  const Outcome shown = run(words);
  CHECK(shown.code == kOk);
  CHECK_THAT(shown.out, Contains("y       [1, 2]  right     4 6"));
  const Outcome json = run({words[0], words[1], words[2], "--json"});
  CHECK_THAT(json.out, Contains(R"("name":"y","datatype":"FP32","shape":[1,2],"data":[4,6])"));
  write(folder.file("broken.onnx"), "not a model");
  const Outcome broken = run({"infer", folder.file("broken.onnx"), folder.file("in.csv")});
  CHECK(broken.code == kFailed);
  CHECK_THAT(broken.err, Contains("broken.onnx"));
}

TEST_CASE("a model and the operators are listed without a daemon", "[verbs]") {
  const TemporaryFolder folder;
  write_swap_model(folder.file("swap.onnx"));
  const Outcome model = run({"inspect", folder.file("swap.onnx")});
  CHECK(model.code == kOk);
  CHECK_THAT(model.out, Contains("input   x  f32 [?, 2]") && Contains("1 nodes, 4 parameters in 16 bytes"));
  const std::string json = run({"inspect", folder.file("swap.onnx"), "--json"}).out;
  CHECK_THAT(json, Contains(R"("operators":{"MatMul":1})") && Contains(R"("macs":4)"));
  const Outcome passes = run({"inspect", folder.file("swap.onnx"), "--passes"});
  CHECK(passes.code == kOk);
  CHECK_THAT(passes.out, Contains("as the file has it") && Contains("dead code"));
  CHECK_THAT(
      run({"inspect", folder.file("swap.onnx"), "--passes", "--json"}).out,
      Contains(R"({"nodes":1,"passes":[)") && Contains(R"({"pass":"dead code","nodes":1,"changes":{}})"));
  const Outcome ops = run({"inspect", "--ops"});
  CHECK(ops.code == kOk);
  CHECK_THAT(ops.out, Contains("LayerNormalization") && Contains(" operators: "));
  CHECK_THAT(run({"inspect", "--ops", "--json"}).out, Contains(R"({"operator":"Abs","domain":"ai.onnx")"));
  CHECK(run({"inspect"}).code == kUsage);
}

TEST_CASE("a model is exported in standard operators", "[verbs]") {
  const TemporaryFolder folder;
  engine::Graph graph;
  const engine::Value x{&graph, graph.add_input("x", engine::DType::f32, Shape{engine::kDynamic, 2})};
  graph.mark_output(engine::apply("Gelu", {x}).id);
  engine::write_onnx(graph, folder.file("gelu.onnx"));
  const Outcome outcome = run({"export", folder.file("gelu.onnx")});
  CHECK(outcome.code == kOk);
  CHECK_THAT(outcome.out, Contains("gelu.standard.onnx: 5 nodes"));
  const engine::Graph exported = engine::read_onnx(folder.file("gelu.standard.onnx"));
  CHECK(std::ranges::none_of(exported.nodes(), [](const auto& node) { return node.op->name == "Gelu"; }));
  CHECK_THAT(run({"export", folder.file("gelu.onnx"), "-o", folder.file("b.onnx"), "--json"}).out,
             Contains(R"("nodes":5)"));
  CHECK(run({"export"}).code == kUsage);
  SmallModel(3).write(folder.file(""), "colours");
  CHECK_THAT(run({"export", folder.file("colours.onnx")}).out, Contains("(x - mean) / deviation"));
  CHECK_THAT(run({"export", folder.file("colours.onnx"), "--json"}).out,
             Contains(R"("normaliser":{"mean":[)"));
}

TEST_CASE("what cannot be sent is said before it is sent", "[verbs]") {
  FakeDaemon daemon;
  write(daemon.file("odd.bin"), "abc");
  engine::write_npy(daemon.file("cube.npy"), Tensor(engine::DType::f32, Shape{2, 2, 2}));
  CHECK_THAT(daemon.run({"infer", "digits", daemon.file("odd.bin")}).err, Contains("multiple of 4"));
  CHECK_THAT(daemon.run({"infer", "digits", daemon.file("cube.npy")}).err, Contains("nor is it a clip"));
  CHECK(daemon.run({"infer", "digits", daemon.file("missing.wav")}).code == kFailed);
  const Outcome unknown = daemon.run({"infer", "letters", daemon.file("odd.bin"), "--json"});
  CHECK(unknown.code == kFailed);
  CHECK(unknown.out == "{\"error\":\"no model 'letters'\",\"code\":\"not_found\"}\n");
}

TEST_CASE("teaching names an episode or sends a file", "[verbs]") {
  FakeDaemon daemon;
  write(daemon.file("clip.csv"), "1,2\n3,4\n");
  const Outcome outcome = daemon.run({"teach", "digits", "three", "--episode", "12"});
  CHECK(outcome.out == "episode 12 is 'three', a new class\n");
  CHECK(daemon.run({"teach", "digits", "three", daemon.file("clip.csv")}).code == kOk);
  CHECK(daemon.seen == std::vector<std::string>{R"({"episode":12,"label":"three"})",
                                                R"({"label":"three","parameters":{"clip":true}} +tensor)"});
  CHECK(daemon.run({"teach", "digits", "three"}).code == kUsage);
  CHECK(daemon.run({"teach", "digits", "three", "x.csv", "--episode", "12"}).code == kUsage);
}

TEST_CASE("recall, why and versions show what the daemon says", "[verbs]") {
  FakeDaemon daemon;
  CHECK_THAT(daemon.run({"recall", "digits", "--episode", "3", "--k", "2", "--label", "three"}).out,
             Contains("distance") && Contains("0.125"));
  CHECK(daemon.seen.back() == R"({"model":"digits","k":2,"filter":{"label":"three"},"episode":3})");
  CHECK_THAT(daemon.run({"why", "18"}).out, Contains("hybrid") && Contains("slow  0.5"));
  CHECK(daemon.run({"why", "2"}).out ==
        "halt            verified\nprobably right  0.75\nset             –\ndrawing\n  #S#\n  #*#\nfinal\n"
        "  steps           4\n  probably right  0.5\n");
  const Outcome two = daemon.run({"why", "1", "2"});
  CHECK(two.code == kUsage);
  CHECK_THAT(two.err, Contains("'2' is one word too many") && Contains("usage: dormouse why EPISODE"));
  CHECK_THAT(daemon.run({"why", "-3"}).err, Contains("there is no option -3"));
  const Outcome gone = daemon.run({"why", "1"});
  CHECK(gone.code == kFailed);
  CHECK(gone.err == "dormouse: episode 1 was let go\n");
  CHECK(daemon.run({"model", "versions", "digits"}).out ==
        "version  parent\n      1       –\n      2       1\n");
}

TEST_CASE("what changes the daemon goes to the admin socket beside the given one", "[verbs]") {
  FakeDaemon daemon;
  CHECK(daemon.run({"model", "rollback", "digits", "--version", "1"}).out ==
        "digits now answers with version 1\n");
  CHECK(daemon.run({"sleep", "now", "--budget=10s", "--trial"}).code == kOk);
  CHECK(daemon.seen == std::vector<std::string>{R"({"version":1})", R"({"budget":"10s","trial":true})"});
}

TEST_CASE("the admin socket is the one of the environment where no option names a socket", "[verbs]") {
  FakeDaemon daemon;
  const Variable user("DORMOUSE_SOCKET", daemon.file("nobody")),
      admin("DORMOUSE_ADMIN_SOCKET", daemon.admin_socket());
  CHECK(daemon::run({"model", "rollback", "digits", "--version", "1"}).code == kOk);
  CHECK(daemon::run({"status"}).code == kUnreachable);
  CHECK(daemon::run({"model", "rollback", "digits", "--socket", daemon.file("other")}).code == kUnreachable);
  CHECK(daemon.seen == std::vector<std::string>{R"({"version":1})"});
}

TEST_CASE("sleep now waits for the end and shows the report", "[verbs]") {
  FakeDaemon daemon;
  const Outcome outcome = daemon.run({"sleep", "now"});
  CHECK(outcome.err == "rehearse …\n");
  CHECK_THAT(outcome.out, Contains("accepted  yes"));
  CHECK_THAT(daemon.run({"sleep", "report"}).out, Contains("accepted  yes"));
  CHECK_THAT(daemon.run({"sleep", "now", "--detach"}).out, Contains("sleep  5"));
}

TEST_CASE("a stream's answers are printed as they come", "[verbs]") {
  FakeDaemon daemon;
  write(daemon.file("clip.csv"), "1,2\n3,4\n5,6\n");
  const Outcome outcome = daemon.run({"stream", "s", "--file", daemon.file("clip.csv")});
  CHECK(outcome.code == kOk);
  CHECK(outcome.out == "two  0.75  low  episode 8\n");
  CHECK(daemon.seen == std::vector<std::string>{"24", "0 end"});
  CHECK(daemon.run({"stream", "s", "--follow", "--json"}).out == kAnswer + "\n");
}

TEST_CASE("status is for reading, and JSON for scripts", "[verbs]") {
  FakeDaemon daemon;
  const Outcome awake = daemon.run({"status"});
  CHECK(awake.code == kOk);
  CHECK_THAT(awake.out,
             Contains("dormouse 9.9  awake  up 1 h 2 min  2.5 MB") &&
                 Contains("digits  version 3, 12 inferences") && Contains("7 episodes, 2 labelled") &&
                 Contains("8 kB of 100.0 MB written today") && Contains("awake p50 0.25 p95 0.90 ms (4)"));
  CHECK(daemon.run({"status", "--json"}).out == daemon.status + "\n");
  daemon.status = "{}";
  CHECK(daemon.run({"status"}).code == kFailed);
}

TEST_CASE("status tells of audits that were skipped, of gates that learn, and of planners put off",
          "[verbs]") {
  FakeDaemon daemon;
  std::string model = R"({"version":3,"inferences":12})";
  const auto status_with = [&](const std::string& other) {
    daemon.status.replace(daemon.status.find(model), model.size(), other);
    model = other;
    return daemon.run({"status"}).out;
  };
  const auto routed = [](int skipped) {
    return R"({"version":3,"inferences":12,"router":{"rule":"fixed","target_error":0.02,)"
           R"("next":{"stage":"learning","audits":74,"needed":200},"put_off":{"budget":2,"load":1},)"
           R"("paths":{"low":{"share":1,"p50_us":10,"p95_us":20}},)"
           R"("audits":{"since_start":74,"skipped":)" +
           std::to_string(skipped) + "}}}";
  };
  CHECK_THAT(status_with(routed(5)), Contains("fixed, its gate learns from 74 of 200 audits\n") &&
                                         Contains("74 audited, 5 skipped, 3 put off"));
  CHECK_THAT(status_with(routed(0)), Contains("74 audited, 3 put off"));
  const std::string planner =
      R"({"version":3,"inferences":12,"planner":{"puzzle":"maze","provisional":2,"waiting":1,)"
      R"("put_off":{"budget":0,"load":2}}})";
  CHECK_THAT(status_with(planner), Contains("2 provisional, 1 still thought about, 2 put off\n"));
}

TEST_CASE("a wrong command line says what is wrong and exits with 2", "[verbs]") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"infr"}, "did you mean 'infer'?"},
      {{"slep", "now"}, "did you mean 'sleep'?"},
      {{"sleep"}, "sleep now"},
      {{"infer"}, "MODEL is missing"},
      {{"infer", "m"}, "FILE is missing"},
      {{"infer", "m", "f", "--jsn"}, "did you mean --json?"},
      {{"infer", "m", "f", "--json=1"}, "takes no value"},
      {{"recall", "m", "--k"}, "--k needs a value"},
      {{"bench", "m.onnx", "--driver", "foo"}, "reference, all, not 'foo'"},
      {{"recall", "m", "--episode", "1x"}, "whole number"},
  };
  for (const auto& [words, message] : cases) {
    INFO(message);
    const Outcome outcome = run(words);
    CHECK(outcome.code == kUsage);
    CHECK_THAT(outcome.err, Contains(message));
  }
}

TEST_CASE("options of planners are refused for other models, and no step is no number of steps", "[verbs]") {
  FakeDaemon daemon;
  write(daemon.file("row.csv"), "1,2,3,4\n");
  write_swap_model(daemon.file("swap.onnx"));
  const std::string here = daemon.file("swap.onnx");
  for (const std::string& model : {std::string("digits"), here})
    for (const std::vector<std::string>& option : std::vector<std::vector<std::string>>{
             {"--steps", "3"}, {"--unverified"}, {"--seed", "3"}, {"--time", "5"}}) {
      INFO(model << " " << option[0]);
      std::vector<std::string> words{"infer", model, daemon.file("row.csv")};
      words.insert(words.end(), option.begin(), option.end());
      const Outcome outcome = daemon.run(words);
      CHECK(outcome.code == kUsage);
      CHECK_THAT(outcome.err,
                 Contains(option[0] + " is for planners of puzzles, and '" + model + "' is none"));
    }
  CHECK_THAT(daemon.run({"eval", here, daemon.file("row.csv"), "--count", "3"}).err, Contains("is none"));
  CHECK_THAT(run({"infer", std::string(DORMOUSE_DEMO) + "/maze.onnx", "11", "--steps", "0"}).err,
             Contains("--steps takes a number from 1"));
}

TEST_CASE("a new family takes its own options, and says what to train it with", "[verbs]") {
  const TemporaryFolder folder;
  const auto make = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"-o", folder.file("new.yaml"), "--force"});
    const Outcome outcome = run(words);
    return outcome.out + outcome.err;
  };
  CHECK_THAT(make({"new", "hrm"}), Contains("new.yaml 11\n"));
  CHECK_THAT(make({"new", "hrm", "--puzzle", "sudoku"}), Contains("new.yaml 6\n"));
  CHECK_THAT(make({"new", "hrm", "--input", "11x11"}), Contains("--input is not for 'hrm': --puzzle says"));
  CHECK_THAT(make({"new", "hrm", "--output", "2"}), Contains("--output is not for 'hrm'"));
  CHECK_THAT(make({"new", "anomaly", "--size", "small"}), Contains("--size is not for 'anomaly'"));
  CHECK_THAT(make({"new", "mlp", "--input", "2", "--output", "2", "--puzzle", "maze"}),
             Contains("--puzzle is not for 'mlp'"));
}

TEST_CASE("a daemon that is away or refuses has its own exit code", "[verbs]") {
  const TemporaryFolder folder;
  const Outcome away = run({"status", "--socket", folder.file("none")});
  CHECK(away.code == kUnreachable);
  CHECK_THAT(away.err, Contains("is it running?"));

  Router router;
  router.add(
      Method::get, "/v1/status", [](Request) -> asio::awaitable<Response> { co_return Response{}; },
      Role::admin);
  RunningServer server(std::move(router));
  CHECK(run({"status", "--socket", server.path()}).code == kDenied);
}

TEST_CASE("every verb has help with an example, and the overview lists it", "[verbs]") {
  const std::string overview = run({}).out;
  for (const Verb* verb : all_verbs()) {
    INFO(verb->name);
    std::istringstream name{std::string(verb->name)};
    std::vector<std::string> words{std::istream_iterator<std::string>(name), {}};
    words.push_back("--help");
    const Outcome help = run(words);
    CHECK(help.code == kOk);
    CHECK_THAT(help.out, Contains("example:\n  dormouse " + std::string(verb->name)) && Contains("--json"));
    CHECK_THAT(overview, Contains(std::string(verb->name)));
  }
}

TEST_CASE("the program says what it is made of", "[verbs]") {
  const std::string version = run({"--version"}).out;
  CHECK_THAT(version,
             Catch::StartsWith("dormouse " + std::string(kStamp) + "\nbuilt by ") && Contains("\ndrivers: "));
  for (const engine::Driver* driver : drivers::all_drivers())
    CHECK_THAT(version, Contains(std::string(driver->name())));
  CHECK(std::isdigit(static_cast<unsigned char>(kStamp.front())));
  CHECK_THAT(run({"--licenses"}).out, Contains("XNNPACK        BSD-3-Clause\n") && Contains("copyright"));
}

TEST_CASE("options may stand anywhere until --", "[verbs]") {
  constexpr Option options[] = {{"k", "N", ""}, {"deep", "", ""}};
  const std::vector<std::string> words{"a", "--k=3", "-", "--deep", "--", "--k", "b"};
  const Arguments arguments(words, options);
  CHECK(arguments.positional() == std::vector<std::string>{"a", "-", "--k", "b"});
  CHECK(arguments.integer("k") == 3);
  CHECK(arguments.flag("deep"));
  CHECK_FALSE(arguments.json());
}

}  // namespace
}  // namespace dormouse::daemon

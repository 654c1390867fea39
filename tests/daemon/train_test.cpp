#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include <boost/json/parse.hpp>
#include "daemon/report/training_curve.h"
#include "daemon/verbs/evaluation.h"
#include "daemon/verbs/train_progress.h"
#include "daemon/verbs/verb.h"
#include "drivers/table.h"
#include "engine/formats/onnx.h"
#include "engine/planner_keys.h"
#include "learning/puzzle.h"
#include "learning/step.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {
namespace {

using learning::TrainProgress;
using Seconds = TrainDisplay::Seconds;

/// What the command line writes to stdout.
std::pair<int, std::string> dormouse(const std::vector<std::string>& words) {
  std::ostringstream text;
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  const int code = run_command_line(words);
  std::cout.rdbuf(before);
  return {code, text.str()};
}

/// Four groups of points around two centres.
void write_points(const std::string& path) {
  std::ofstream file(path);
  file << "x,y,who,label\n";
  for (int i = 0; i < 80; ++i) {
    const double side = i % 2 ? 1 : -1, a = 0.3 * std::sin(i * 1.7), b = 0.3 * std::cos(i * 2.3);
    file << side + a << "," << 100 * (2 * side + b) << ","
         << "abcd"[i / 20] << "," << (i % 2 ? "right" : "left") << "\n";
  }
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator(file), {}};
}

constexpr std::string_view kSpec = R"(model: points
input: {rows: 2}
layers:
  - linear: {units: 8}
  - relu
  - linear: {units: labels}
train: {epochs: 6, batch: 8, rate: 0.05, heldout: 0.25, test: 0.25}
)";

}  // namespace

// Mesa's own leaks and threads would drown what sanitizers say of ours.
#ifdef DORMOUSE_TEST_VULKAN
TEST_CASE("training on Vulkan goes as on the CPU", "[train][vulkan]") {
  if (!drivers::open_table({.device = "cpu"}, std::array{drivers::Choice::vulkan}).gpu) {
    WARN("skipped: no Vulkan device that runs on the CPU (Mesa's llvmpipe) is installed");
    return;
  }
  const TemporaryFolder folder;
  write_points(folder.file("points.csv"));
  std::ofstream(folder.file("spec.yaml")) << kSpec;
  const auto losses = [&](const std::string& driver) {
    const auto [code, text] =
        dormouse({"train", folder.file("spec.yaml"), folder.file("points.csv"), "--group", "who", "--json",
                  "--output", folder.file(driver + ".onnx"), "--driver", driver, "--device", "cpu"});
    REQUIRE(code == kOk);
    std::vector<double> curve;
    std::istringstream lines(text);
    std::string line;
    while (curve.size() < 6 && std::getline(lines, line))
      curve.push_back(boost::json::parse(line).at("loss").to_number<double>());
    return curve;
  };
  const std::vector<double> cpu = losses("reference"), gpu = losses("vulkan");
  REQUIRE(cpu.size() == gpu.size());
  for (std::size_t epoch = 0; epoch < cpu.size(); ++epoch)
    CHECK(gpu[epoch] == Approx(cpu[epoch]).epsilon(1e-4).margin(1e-5));
  CHECK(cpu.back() < cpu.front());
}
#endif

TEST_CASE("a driver that is none is refused; one whose device is not there leaves it to the CPU", "[train]") {
  const TemporaryFolder folder;
  write_points(folder.file("points.csv"));
  std::ofstream(folder.file("spec.yaml")) << kSpec;
  const auto train = [&](const std::string& driver) {
    return dormouse({"train", folder.file("spec.yaml"), folder.file("points.csv"), "--group", "who", "--json",
                     "--output", folder.file("points.onnx"), "--epochs", "1", "--driver", driver, "--device",
                     "no device has such a name"})
        .first;
  };
  CHECK(train("steam") == kUsage);
  for (const auto& [word, choice] : drivers::choice_words()) CHECK(train(std::string(word)) == kOk);
}

TEST_CASE("train tests the halting head of a planner's file anew, and changes nothing else", "[train]") {
  const TemporaryFolder folder;
  const std::string model = folder.file("maze.onnx"), mazes = folder.file("mazes.txt"),
                    shipped = std::string(DORMOUSE_DEMO) + "/maze.onnx";
  {
    std::ofstream file(mazes);
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      learning::Random random(seed);
      const learning::Puzzle puzzle = learning::puzzle_called("maze").make(5, random);
      file << learning::puzzle_called("maze").draw(puzzle.input, std::vector<std::uint8_t>(25)) << "\n";
    }
  }
  const auto [code, text] = dormouse({"train", shipped, mazes, "--output", model});
  REQUIRE(code == kOk);
  CHECK_THAT(text, Catch::Contains("its halting head is not believed") && Catch::Contains("1%"));
  const engine::Graph before = engine::read_onnx(shipped), after = engine::read_onnx(model);
  const auto weights = learning::parameters_by_name(before), same = learning::parameters_by_name(after);
  REQUIRE(weights.size() == same.size());
  for (const auto& [name, tensor] : weights) CHECK(std::ranges::equal(tensor.bytes(), same.at(name).bytes()));
  CHECK(std::ranges::any_of(after.metadata, [](const auto& entry) {
    return entry.first == engine::kHaltTestKey && entry.second.ends_with("held-out puzzles");
  }));
  CHECK(dormouse({"eval", model, "5", "--count", "3"}).first == kOk);
  CHECK(dormouse({"train", shipped, "10", "--output", model}).first != kOk);  // no such mazes
}

TEST_CASE("train and eval work on a table from end to end", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("points.csv"), model = folder.file("points.onnx");
  write_points(table);
  std::ofstream(folder.file("spec.yaml")) << kSpec;
  const auto [code, text] =
      dormouse({"train", folder.file("spec.yaml"), table, "--group", "who", "--output", model, "--json"});
  REQUIRE(code == kOk);
  std::istringstream lines(text);
  std::string line, last;
  for (int epoch = 1; std::getline(lines, line); ++epoch) {
    last = line;
    if (epoch > 6) continue;
    CHECK(boost::json::parse(line).at("epoch") == boost::json::value(epoch));
  }
  CHECK(boost::json::parse(last).at("test_accuracy").to_number<double>() == 1);
  for (const char* const beside : {"points.seed.safetensors", "points.checkpoint.safetensors", "points.svg"})
    CHECK(std::filesystem::exists(folder.file(beside)));

  // A table whose column of groups is no feature.
  std::ofstream(folder.file("new.csv")) << "x,y,label\n1,200,right\n-1,-200,left\n1.2,190,left\n";
  const auto [evaluated, report] = dormouse({"eval", model, folder.file("new.csv"), "--json"});
  REQUIRE(evaluated == kOk);
  const auto result = boost::json::parse(report);
  CHECK(result.at("accuracy").to_number<double>() == Approx(2.0 / 3));
  CHECK(result.at("confusion") == boost::json::parse("[[1, 1], [0, 1]]"));
  CHECK(result.at("auroc").to_number<double>() <= 1);
  CHECK(dormouse({"eval", model, folder.file("new.csv")}).second.find("is \\ taken for") !=
        std::string::npos);

  const auto [tuned, tuned_text] = dormouse(
      {"train", model, table, "--group", "who", "--trainable", "lora(2)", "--epochs", "2", "--json"});
  CHECK(tuned == kOk);
  CHECK(std::filesystem::exists(folder.file("points.tuned.onnx")));
  CHECK(dormouse({"train", model, table, "--trainable", "lora(0)"}).first == kUsage);
  CHECK(dormouse({"train", model, table, "--trainable", "some"}).first == kFailed);  // no such parameter
}

TEST_CASE("training on two threads gives the same model every time", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("points.csv"), spec = folder.file("wide.yaml");
  write_points(table);
  std::ofstream(spec) << R"(model: wide
input: {rows: 2}
layers:
  - linear: {units: 256}
  - relu
  - linear: {units: 256}
  - relu
  - linear: {units: labels}
train: {epochs: 3, batch: 32, rate: 0.05, heldout: 0.25}
)";
  const auto train = [&](const std::string& output, const std::vector<std::string>& more) {
    std::vector<std::string> words{"train", spec, table, "--group", "who", "--output", folder.file(output)};
    words.insert(words.end(), more.begin(), more.end());
    return dormouse(words).first;
  };
  REQUIRE(train("once.onnx", {"--threads", "2"}) == kOk);
  REQUIRE(train("again.onnx", {"--threads", "2"}) == kOk);
  CHECK(contents(folder.file("once.onnx")) == contents(folder.file("again.onnx")));
  CHECK(contents(folder.file("once.seed.safetensors")) == contents(folder.file("again.seed.safetensors")));
  std::ofstream(folder.file("new.csv")) << "x,y,label\n1,200,right\n-1,-200,left\n";
  CHECK(dormouse({"eval", folder.file("once.onnx"), folder.file("new.csv"), "--threads", "2"}).first == kOk);
  CHECK(train("none.onnx", {"--threads", "0"}) == kUsage);
  CHECK(train("none.onnx", {"--memory", "much"}) == kUsage);
  CHECK(train("none.onnx", {"--memory", "1kB"}) == kFailed);
  CHECK(dormouse({"eval", folder.file("once.onnx"), folder.file("new.csv"), "--threads", "1000"}).first ==
        kUsage);
}

TEST_CASE("a student is taught by a model in a file", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("points.csv"), spec = folder.file("spec.yaml");
  const std::string teacher = folder.file("teacher.onnx"), student = folder.file("student.onnx");
  write_points(table);
  std::ofstream(spec) << kSpec;
  REQUIRE(dormouse({"train", spec, table, "--group", "who", "--output", teacher}).first == kOk);
  const std::vector<std::string> learn{
      "train", spec,       table,   "--group",          "who", "--teacher",
      teacher, "--output", student, "--teacher-weight", "1",   "--temperature",
      "4",     "--json"};
  const auto [code, text] = dormouse(learn);
  CHECK(code == kOk);
  CHECK(text.find("\"test_accuracy\":1") != std::string::npos);
  const auto but = [&](std::size_t at, const std::string& word) {
    std::vector<std::string> words = learn;
    words[at] = word;
    return dormouse(words).first;
  };
  CHECK(but(12, std::string(1, '0')) == kUsage);
  CHECK(but(6, folder.file("nobody.onnx")) == kFailed);
}

TEST_CASE("a regression is made, trained, measured and asked, all in its own units", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("motor.csv"), spec = folder.file("motor.yaml"),
                    model = folder.file("motor.onnx");
  {
    std::ofstream file(table);
    file << "day,speed,load,torque\n";
    for (int i = 0; i < 200; ++i) {
      const double speed = 1000 + 10 * (i * 37 % 101), load = 0.01 * (i * 53 % 97);
      file << "day" << i << "," << speed << "," << load << "," << 300 - 0.1 * speed + 50 * load << "\n";
    }
  }
  REQUIRE(dormouse({"new", "mlp", "--task", "regression", "--input", "2", "--columns", "speed,load",
                    "--output", "torque", "--size", "small", "-o", spec})
              .first == kOk);
  const auto [trained, report] = dormouse({"train", spec, table, "--output", model, "--json"});
  REQUIRE(trained == kOk);
  CHECK(report.find("\"validation_r2\":") != report.npos);
  const auto last = boost::json::parse(report.substr(report.rfind("{\"model\"")));
  CHECK(last.at("heldout").at("r2").to_number<double>() > 0.98);
  CHECK_FALSE(std::filesystem::exists(folder.file("motor.seed.safetensors")));

  const auto [evaluated, figures] = dormouse({"eval", model, table, "--json"});
  REQUIRE(evaluated == kOk);
  const auto result = boost::json::parse(figures);
  CHECK(result.at("examples").to_number<int>() == 200);
  CHECK(result.at("targets").at("torque").at("mae").to_number<double>() < 4);
  CHECK(dormouse({"eval", model, table}).second.find("R²") != std::string::npos);

  std::ofstream(folder.file("now.csv")) << "load,speed\n0.5,1500\n0.2,1200\n";
  const auto [asked, answer] = dormouse({"infer", model, folder.file("now.csv"), "--json"});
  REQUIRE(asked == kOk);
  const auto rows = boost::json::parse(answer).at("rows").as_array();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("torque").to_number<double>() == Approx(175).margin(8));
  CHECK(rows[1].at("torque").to_number<double>() == Approx(190).margin(8));

  CHECK(dormouse({"train", model, table, "--epochs", "1", "--output", folder.file("more.onnx")}).first ==
        kOk);
  CHECK(dormouse({"train", spec, table, "--teacher", model}).first == kFailed);
  CHECK(dormouse({"new", "mlp", "--task", "guess", "--input", "2", "--output", "1"}).first == kUsage);
  CHECK(dormouse({"new", "mlp", "--task", "forecast", "--input", "2"}).first == kUsage);
}

TEST_CASE("a forecast is made, trained, measured and asked", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("load.csv"), spec = folder.file("load.yaml"),
                    model = folder.file("load.onnx");
  {
    std::ofstream file(table);
    file << "time,load,wind\n";
    for (int i = 0; i < 240; ++i)
      file << "h" << i << "," << 500 + 90 * std::sin(0.5 * i) << "," << i % 7 << "\n";
  }
  REQUIRE(dormouse({"new", "mlp", "--task", "forecast", "--input", "16x2", "--columns", "load,wind",
                    "--output", "load", "--horizon", "3", "--size", "small", "-o", spec})
              .first == kOk);
  REQUIRE(dormouse({"train", spec, table, "--output", model}).first == kOk);
  const auto [evaluated, figures] = dormouse({"eval", model, table, "--stride", "5", "--json"});
  REQUIRE(evaluated == kOk);
  const auto result = boost::json::parse(figures);
  CHECK(result.at("examples").to_number<int>() == 45);
  CHECK(result.at("rows_ahead").as_array().size() == 3);
  CHECK(result.at("r2").to_number<double>() > 0.9);
  CHECK(dormouse({"eval", model, table}).second.find("rows ahead") != std::string::npos);
  const auto [asked, answer] = dormouse({"infer", model, table, "--json"});
  REQUIRE(asked == kOk);
  const auto rows = boost::json::parse(answer).at("rows").as_array();
  REQUIRE(rows.size() == 3);
  CHECK(rows[2].at("load").to_number<double>() == Approx(500 + 90 * std::sin(0.5 * 242)).margin(45));
  std::ofstream(folder.file("short.csv")) << "load,wind\n1,2\n";
  CHECK(dormouse({"infer", model, folder.file("short.csv")}).first == kFailed);
}

TEST_CASE("columns of a table have units of their own, and a row is asked as it was trained on", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("rooms.csv"), model = folder.file("rooms.onnx");
  std::ofstream file(table);
  file << "pascal,volt,label\n";
  const auto pascal = [](int i) { return 101300 + 900 * std::cos(i * 2.3); };
  const auto volt = [](int i) { return (i % 2 ? 0.004 : -0.004) + 0.001 * std::sin(i * 1.7); };
  for (int i = 0; i < 120; ++i)
    file << pascal(i) << "," << volt(i) << "," << (i % 2 ? "open" : "shut") << "\n";
  file.close();
  std::ofstream(folder.file("spec.yaml")) << kSpec;
  const auto [code, text] = dormouse({"train", folder.file("spec.yaml"), table, "--output", model, "--json"});
  REQUIRE(code == kOk);
  CHECK_THAT(text, Catch::Contains("\"test_accuracy\":1"));
  std::ofstream(folder.file("rows.csv")) << "101000,0.0035\n101900,-0.0041\n102000,0.004\n";
  const auto [asked, answer] = dormouse({"infer", model, folder.file("rows.csv"), "--json"});
  REQUIRE(asked == kOk);
  std::ofstream(folder.file("wide.csv"))
      << "id,pascal,volt,label\n1,101000,0.003,open\n2,101000,-0.003,shut\n";
  CHECK(dormouse({"train", folder.file("spec.yaml"), folder.file("wide.csv")}).first == kFailed);
  // What was made of a model is asked as that was.
  std::filesystem::copy_file(model, folder.file("rooms.small.onnx"));
  const auto again = dormouse({"infer", folder.file("rooms.small.onnx"), folder.file("rows.csv"), "--json"});
  CHECK(boost::json::parse(again.second).at("outputs") == boost::json::parse(answer).at("outputs"));
  const auto scores = boost::json::parse(answer).at("outputs").at(0).at("data").as_array();
  REQUIRE(scores.size() == 6);  // open, shut: in the order of the alphabet
  const auto open = [&](std::size_t row) {
    return scores.at(2 * row).to_number<double>() > scores.at(2 * row + 1).to_number<double>();
  };
  CHECK(open(0));
  CHECK_FALSE(open(1));
  CHECK(open(2));
}

TEST_CASE("a new model of a family is trained, exported, and never overwritten unasked", "[train]") {
  const TemporaryFolder folder;
  const std::string table = folder.file("points.csv"), spec = folder.file("points.yaml");
  write_points(table);
  const std::vector<std::string> make{"new",    "mlp",   "--input", "2x1", "--output", "left,right",
                                      "--size", "small", "-o",      spec,  "--json"};
  const auto [code, text] = dormouse(make);
  REQUIRE(code == kOk);
  // 2·64 + 64 and 64·2 + 2
  CHECK(boost::json::parse(text).at("parameters") == boost::json::value(322));
  CHECK(dormouse(make).first == kFailed);
  const std::string standard = folder.file("points.standard.onnx");
  CHECK(dormouse({"export", spec, "-o", standard}).first == kOk);
  CHECK(std::filesystem::exists(standard));
  const auto [trained, report] =
      dormouse({"train", spec, table, "--group", "who", "--output", folder.file("points.onnx"), "--json"});
  REQUIRE(trained == kOk);
  CHECK(report.find("\"heldout_accuracy\":1") != std::string::npos);
  CHECK(dormouse({"new", "mlp", "--input", "2"}).first == kUsage);
  CHECK(dormouse({"new", "--help"}).second.find("linoss ") != std::string::npos);
}

TEST_CASE("the progress of training is a bar, lines, or lines of JSON", "[train]") {
  const TrainProgress half{.epoch = 2, .epochs = 4, .batch = 5, .batches = 10, .loss = 0.5f};
  TrainDisplay bar(TrainDisplay::Mode::bar, 32);
  for (int i = 1; i < 5; ++i) bar.update({1, 4, i, 10, 1.0f}, Seconds(0.01));
  const std::string line = bar.update(half, Seconds(1));
  // Five updates in a second; 25 are left.
  CHECK(line.find("epoch 2/4 [============            ] 5/10  loss 0.5000  160 examples/s  0:05 left") !=
        std::string::npos);
  CHECK(bar.update(half, Seconds(1.05)).empty());
  CHECK(TrainDisplay(TrainDisplay::Mode::text, 32).update(half, Seconds(1)).empty());
  CHECK(TrainDisplay(TrainDisplay::Mode::json, 32).update(half, Seconds(1)).empty());
  const TrainProgress over{2, 4, 0, 10, 0.5f, {0.5, 0.25, 0.75, 0.01}};
  const auto json = boost::json::parse(TrainDisplay(TrainDisplay::Mode::json, 32).epoch(over, Seconds(3)));
  CHECK(json.at("validation_accuracy").to_number<double>() == 0.75);
  CHECK(TrainDisplay(TrainDisplay::Mode::text, 32).epoch(over, Seconds(3)) ==
        "epoch 2/4  loss 0.5000  validation 0.2500, 75.0%\n");
}

TEST_CASE("a training curve needs nothing but itself", "[train]") {
  const std::vector<learning::EpochRecord> epochs{{1, 2, 0.5, 0.1}, {0.5, 1, 0.75, 0.1}, {0.25, 1.5, 1, 0.1}};
  const std::string curve = training_curve(epochs, "a < b");
  CHECK(curve.starts_with("<svg xmlns="));
  CHECK(curve.find("a &lt; b") != std::string::npos);
  CHECK(curve.find("href") == std::string::npos);
  // The worst loss, 2, lies on the upper edge of its panel and the best, 0.25, on the lower.
  CHECK(curve.find("M64 64L") != std::string::npos);
  CHECK(curve.find("L700 254\"") != std::string::npos);
  CHECK(training_curve({}, "none").find("line") != std::string::npos);
}

}  // namespace dormouse::daemon

#pragma once

#include <iostream>
#include <optional>
#include <sstream>

#include "daemon/verbs/verb.h"
#include "learning/puzzle.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {

inline learning::Puzzle puzzle_of(const char* kind, std::int64_t size, std::uint64_t seed) {
  learning::Random random(seed);
  learning::Puzzle puzzle = learning::puzzle_called(kind).make(size, random);
  engine::Shape shape{1};
  for (const std::int64_t extent : puzzle.input.shape()) shape.push_back(extent);
  puzzle.input = puzzle.input.reshaped(shape);
  return puzzle;
}

inline ModelOptions model_called(std::string name, std::string path) {
  ModelOptions model;
  model.name = std::move(name);
  model.path = std::move(path);
  return model;
}

/// A daemon with the planners that are shipped, and whatever else a test puts beside them.
struct Thinkers {
  Thinkers() {
    options.state = folder.file("state");
    options.process.threads = 1;
    options.models = {model_called("maze", std::string(DORMOUSE_DEMO) + "/maze.onnx"),
                      model_called("sudoku", std::string(DORMOUSE_DEMO) + "/sudoku.onnx")};
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  Answered ask(const std::string& model, const engine::Tensor& x, Urgency urgency = {}) {
    return running->wait(running->service().infer(model, {x}, true, {}, urgency));
  }
  boost::json::value why(const Answered& answered) {
    return parsed(running->get("/v1/why/" + std::to_string(answered.ids.at(0))));
  }
  boost::json::value status(const std::string& model) {
    return parsed(running->get("/v1/status")).at("models").at(model).at("planner");
  }
  /// What `dormouse` with these words prints.
  std::string command(std::vector<std::string> words) const {
    words.insert(words.end(), {"--socket", folder.file("user.sock")});
    std::ostringstream out;
    std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
    std::streambuf* const old_err = std::cerr.rdbuf(out.rdbuf());
    run_command_line(words);
    std::cout.rdbuf(old_out);
    std::cerr.rdbuf(old_err);
    return out.str();
  }

  TemporaryFolder folder;
  Options options;
  std::optional<RunningService> running;
};

inline Urgency with(std::int64_t steps, std::optional<std::chrono::microseconds> time = {}) {
  Urgency urgency;
  urgency.steps = steps;
  urgency.time = time;
  return urgency;
}

inline std::vector<std::uint8_t> answer_of(const Answered& answered) {
  return answered.result.plans.at(0).answer;
}

}  // namespace dormouse::daemon

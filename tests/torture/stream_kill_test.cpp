#include <signal.h>

#include <boost/json/array.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "drivers/all_drivers.h"
#include "engine/formats/onnx.h"
#include "learning/families.h"
#include "learning/model_spec.h"
#include "learning/random.h"
#include "learning/stream_runner.h"
#include "tests/torture/home.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kChannels = 2;

/// What a stream is pushed, and what it has to answer, to the bit.
class Script {
 public:
  Script(const std::string& model, std::uint64_t seed)
      : runner_(engine::read_onnx(model), drivers::all_drivers()), state_(runner_.start()), random_(seed) {}

  std::span<const float> rows(std::size_t first, std::size_t count) {
    write_to(first + count);
    return std::span(samples_).subspan(first * kChannels, count * kChannels);
  }
  const std::vector<float>& answer(std::size_t row) {
    write_to(row + 1);
    return answers_[row];
  }

 private:
  void write_to(std::size_t end) {
    while (answers_.size() < end) {
      for (std::size_t c = 0; c < kChannels; ++c) samples_.push_back(static_cast<float>(random_.normal()));
      const auto sample = std::span<const float>(samples_).last(kChannels);
      answers_.push_back(runner_.step(state_, sample));
    }
  }

  learning::StreamRunner runner_;
  learning::StreamRunner::State state_;
  learning::Random random_;
  std::vector<float> samples_;
  std::vector<std::vector<float>> answers_;
};

/// A daemon with two streams on one model, which is pushed to, asked to save, and killed.
class Victim {
 public:
  explicit Victim(std::uint64_t seed)
      : random_(seed),
        home_(seed,
              "streams: [{name: left, model: gait.onnx, save: 1s}, "
              "{name: right, model: gait.onnx, save: 1s}]\n") {
    learning::ModelRequest request{.size = learning::ModelSize::small};
    learning::parse_input("8x2", request);
    learning::parse_outputs("3", request);
    const std::string spec = home_.folder.file("gait.yaml"), model = home_.folder.file("gait.onnx");
    const auto whole = learning::write_new_model(learning::family_called("lstm"), request, spec, false);
    engine::write_onnx(
        engine::in_standard_operators(learning::stream_model(learning::read_model_spec(spec), whole)), model);
    for (const char* const name : {"left", "right"})
      streams_.emplace(name, Stream{Script(model, seed + streams_.size()), 0, 0});
    start();
  }

  void live_and_die() {
    const std::chrono::microseconds delay(random_.below(30'000));
    const auto work = [this] { push(random_.below(2) == 0 ? "left" : "right"); };
    CHECK(kill_during(*process_, delay, work) == 128 + SIGKILL);
    start();
    for (auto& [name, stream] : streams_) {
      const std::size_t rows = rows_of(name);
      INFO(name << " was " << stream.saved << " rows old on disk and " << stream.pushed << " in all, is "
                << rows);
      CHECK(rows >= stream.saved);
      CHECK(rows <= stream.pushed);
      whole_ += rows == stream.pushed;
      stream.pushed = stream.saved = rows;
      push(name);  // compares every answer
    }
  }

  /// Told to stop, it loses nothing.
  void live_and_stop() {
    push("left");
    push("right");
    process_->signal(SIGTERM);
    CHECK(process_->wait() == 0);
    start();
    for (const auto& [name, stream] : streams_) CHECK(rows_of(name) == stream.pushed);
  }

  void check_folder() const {
    for (const auto& entry : std::filesystem::directory_iterator(home_.folder.file("state/streams")))
      CHECK(entry.path().extension() == ".safetensors");
  }
  std::string summary() const {
    return std::to_string(saves_) + " saves, " + std::to_string(whole_) + " states with every row";
  }

 private:
  struct Stream {
    Script script;
    std::size_t pushed = 0;  ///< rows, at most
    std::size_t saved = 0;   ///< of these, acknowledged as on disk
  };

  void start() {
    user_.reset();
    process_.reset();
    process_.emplace(home_.folder);
    user_.emplace(process_->user());
  }

  std::size_t rows_of(const std::string& name) {
    return answer_of(user_->send({.target = "/v1/streams/" + name})).at("rows").to_number<std::size_t>();
  }

  void push(const std::string& name) {
    Stream& stream = streams_.at(name);
    const std::size_t first = stream.pushed, count = 1 + random_.below(20);
    const bool save = random_.below(3) != 0;
    const auto rows = stream.script.rows(first, count);
    stream.pushed += count;
    const json::value reply =
        answer_of(user_->send({.method = "POST",
                               .target = "/v1/streams/" + name + "?wait=1" + (save ? "&save=1" : ""),
                               .body = {reinterpret_cast<const char*>(rows.data()), rows.size_bytes()},
                               .content_type = "application/octet-stream"}));
    const json::array& answers = reply.at("answers").as_array();
    REQUIRE(answers.size() == count);
    for (std::size_t i = 0; i < count; ++i) {
      INFO(name << ", row " << first + i);
      REQUIRE(answers[i].at("row").to_number<std::size_t>() == first + i);
      std::vector<float> values;
      for (const json::value& value : answers[i].at("values").as_array())
        values.push_back(value.to_number<float>());
      REQUIRE(values == stream.script.answer(first + i));
    }
    if (!save) return;
    stream.saved = reply.at("saved").to_number<std::size_t>();
    CHECK(stream.saved == stream.pushed);
    ++saves_;
  }

  learning::Random random_;
  Home home_;
  std::optional<DormouseProcess> process_;
  std::optional<HttpClient> user_;
  std::map<std::string, Stream> streams_;
  std::size_t saves_ = 0, whole_ = 0;
};

TEST_CASE("kill -9 while streams are pushed and saved leaves whole states", "[torture]") {
  const std::uint64_t seed = from_environment("DORMOUSE_TORTURE_SEED", 1);
  const std::size_t rounds = from_environment("DORMOUSE_TORTURE_ROUNDS", 15);
  INFO("DORMOUSE_TORTURE_SEED=" << seed);
  Victim victim(seed);
  for (std::size_t round = 0; round < rounds; ++round) {
    INFO("round " << round);
    victim.live_and_die();
  }
  victim.live_and_stop();
  victim.check_folder();
  WARN(rounds << " kills, seed " << seed << ", " << victim.summary());
}

}  // namespace
}  // namespace dormouse::daemon

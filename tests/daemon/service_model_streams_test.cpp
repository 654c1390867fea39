#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/verbs/verb.h"
#include "engine/formats/onnx.h"
#include "learning/families.h"
#include "learning/model_spec.h"
#include "learning/random.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;
using Catch::Contains;

constexpr std::uint64_t kSeed = 8;

/// A daemon with one model of two channels that answers sample by sample, and two streams on it: "left" by
/// labels, "right" by values.
struct Twins {
  Twins() {
    write_model(1);
    options.state = folder.file("state");
    options.process.threads = 2;
    options.streams.push_back({"left", folder.file("gait.onnx"), std::chrono::seconds(10), {"slow", "fast"}});
    options.streams.push_back({"right", folder.file("gait.onnx"), std::chrono::seconds(10)});
    start();
  }
  void write_model(std::uint64_t seed) {
    learning::ModelRequest request{.size = learning::ModelSize::small, .seed = seed};
    learning::parse_input("8x2", request);
    learning::parse_outputs("2", request);
    const engine::Graph whole =
        learning::write_new_model(learning::family_called("gru"), request, folder.file("gait.yaml"), true);
    const engine::Graph stream =
        learning::stream_model(learning::read_model_spec(folder.file("gait.yaml")), whole);
    engine::write_onnx(engine::in_standard_operators(stream), folder.file("gait.onnx"));
  }
  void start() {
    running.reset();
    running.emplace(options, folder);
  }
  static engine::Tensor rows(std::int64_t count, std::uint64_t seed = kSeed) {
    learning::Random random(seed);
    engine::Tensor samples(engine::DType::f32, {count, 2});
    for (float& value : samples.mutable_values<float>()) value = static_cast<float>(random.normal());
    return samples;
  }
  Pushed push(const std::string& stream, engine::Tensor samples, bool wait = true) {
    return running->wait(running->streams().push(stream, std::move(samples), wait, false));
  }
  json::value status(const std::string& stream) { return parsed(running->get("/v1/streams/" + stream)); }
  std::string file(const std::string& stream) const {
    return folder.file("state/streams/" + stream + ".safetensors");
  }

  TemporaryFolder folder;
  Options options;
  std::optional<RunningService> running;
};

std::string values(const json::object& answer) { return json::serialize(answer.at("values")); }
std::uint64_t number(const json::value& object, const char* key) {
  return object.at(key).to_number<std::uint64_t>();
}

TEST_CASE("every sample is answered, whatever the pieces they come in", "[streams]") {
  Twins whole, pieces;
  const engine::Tensor samples = Twins::rows(300);
  const Pushed at_once = whole.push("right", samples);
  REQUIRE(at_once.accepted == 300);
  REQUIRE(at_once.answers.size() == 300);
  std::size_t row = 0;
  for (const std::int64_t piece : {1, 1, 7, 0, 291})
    for (const json::object& answer :
         pieces.push("right", samples.rows(static_cast<std::int64_t>(row), piece)).answers) {
      CHECK(number(answer, "row") == row);
      CHECK(values(answer) == values(at_once.answers[row++]));
    }
  CHECK(row == 300);
}

TEST_CASE("two streams on one model remember apart, and labels are named", "[streams]") {
  Twins twins;
  const engine::Tensor samples = Twins::rows(40);
  const Pushed alone = twins.push("right", samples);
  const Pushed disturbed = twins.push("left", Twins::rows(40, kSeed + 1));
  twins.push("right", Twins::rows(3));
  const json::object& answer = disturbed.answers.back();
  CHECK((answer.at("label") == "slow" || answer.at("label") == "fast"));
  const auto& probabilities = answer.at("probabilities").as_array();
  REQUIRE(probabilities.size() == 2);
  CHECK(probabilities[0].to_number<double>() + probabilities[1].to_number<double>() ==
        Approx(1).margin(2e-4));
  Twins others;
  CHECK(values(others.push("right", samples).answers.back()) == values(alone.answers.back()));
}

TEST_CASE("a stream's state is there after a restart, and after a reset it is not", "[streams]") {
  Twins twins, calm;
  const engine::Tensor samples = Twins::rows(60);
  const Pushed all = calm.push("right", samples);
  twins.push("right", samples.rows(0, 30));
  twins.start();
  CHECK(number(twins.status("right"), "rows") == 30);
  const Pushed rest = twins.push("right", samples.rows(30, 30));
  CHECK(number(rest.answers.back(), "row") == 59);
  CHECK(values(rest.answers.back()) == values(all.answers.back()));

  const Reply reset = twins.running->post("/v1/streams/right/reset", "");
  REQUIRE(reset.status == 200);
  CHECK(number(parsed(reset), "saved") == 0);
  twins.start();
  const Pushed again = twins.push("right", samples);
  CHECK(number(again.answers.front(), "row") == 0);
  CHECK(values(again.answers.back()) == values(all.answers.back()));
}

TEST_CASE("a state is saved when it is due, when asked, and with the push that asks", "[streams]") {
  Twins twins;
  const auto save_when_due = [&] {
    auto task = [](Streams& streams) -> boost::asio::awaitable<bool> {
      co_await streams.save_when_due();
      co_return true;
    };
    twins.running->wait(task(twins.running->streams()));
  };
  twins.push("left", Twins::rows(5));
  save_when_due();
  CHECK_FALSE(std::filesystem::exists(twins.file("left")));
  twins.running->advance(std::chrono::seconds(11));
  save_when_due();
  CHECK(std::filesystem::exists(twins.file("left")));
  CHECK_FALSE(std::filesystem::exists(twins.file("right")));  // nothing is new there
  twins.push("left", Twins::rows(5));
  CHECK(number(twins.status("left"), "saved") == 5);
  CHECK(number(parsed(twins.running->post("/v1/streams/left/save", "")), "saved") == 10);
  CHECK(number(parsed(twins.running->post("/v1/streams/left?save=1", "[1, 2]\n[3, 4]")), "saved") == 12);
  CHECK(number(twins.status("left"), "saved") == 12);
}

TEST_CASE("wrong rows are refused exactly, and change nothing", "[streams]") {
  Twins twins;
  auto& running = *twins.running;
  const auto says = [&](const Reply& reply, unsigned status, const std::string& what) {
    CHECK(reply.status == status);
    CHECK_THAT(reply.body, Contains(what));
  };
  says(running.post("/v1/streams/left", "[1, 2]\n[1, 2, 3]\n"), 400, "line 2: expected 2 values, given 3");
  says(running.post("/v1/streams/left", "[1, 2]\n[1, null]\n"), 400, "row 1, channel 1");
  says(running.post("/v1/streams/nobody", "[1, 2]"), 404, "nobody");
  says(running.post("/v1/streams/nobody/reset", ""), 404, "nobody");
  says(running.get("/v1/streams/nobody"), 404, "nobody");
  CHECK_THROWS_WITH(twins.push("left", engine::Tensor(engine::DType::f32, {4, 3})), Contains("2 channels"));
  CHECK_THROWS_WITH(twins.push("left", engine::Tensor(engine::DType::f32, {70'000, 2})), Contains("65536"));
  CHECK(twins.push("left", engine::Tensor(engine::DType::f32, {70'000, 2}), false).dropped == 70'000);
  CHECK(number(twins.status("left"), "rows") == 0);
  CHECK(number(parsed(running.get("/v1/status")).at("streams").at("left"), "dropped") == 70'000);
}

TEST_CASE("whoever listens hears every answer", "[streams]") {
  Twins twins;
  const auto listener =
      twins.running->on_io([&] { return twins.running->streams().find("right").subscribe(); });
  CHECK(twins.push("right", Twins::rows(600), false).answers.empty());
  std::string heard;
  while (heard.find("\"row\":599,") == heard.npos) {
    const auto more = twins.running->wait(listener->next(std::chrono::seconds(60)));
    REQUIRE(more);
    REQUIRE_FALSE(more->starts_with(":"));
    heard += *more;
  }
  CHECK(heard.find("\"row\":0,") != heard.npos);
}

TEST_CASE("a state of another model is left behind, a damaged one stops the start", "[streams]") {
  Twins twins;
  twins.push("right", Twins::rows(10));
  twins.running.reset();
  twins.write_model(2);
  twins.start();
  CHECK(number(twins.status("right"), "rows") == 0);
  twins.push("right", Twins::rows(10));
  twins.running.reset();
  std::fstream file(twins.file("right"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-3, std::ios::end);
  file.put('x');
  file.close();
  CHECK_THROWS_WITH(twins.start(), Contains("right.safetensors") && Contains("checksum"));
}

TEST_CASE("labels and seeds of another model are refused by name", "[streams]") {
  Twins twins;
  twins.running.reset();
  twins.options.streams[0].labels = {"one", "two", "three"};
  CHECK_THROWS_WITH(twins.start(), Contains("stream left") && Contains("3 classes") && Contains("2 values"));
}

TEST_CASE("a model's stream is pushed, saved, reset and seen from the command line", "[streams][verbs]") {
  Twins twins;
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--socket", twins.folder.file("user.sock")});
    std::ostringstream out;
    std::streambuf* const old = std::cout.rdbuf(out.rdbuf());
    const int code = run_command_line(words);
    std::cout.rdbuf(old);
    CHECK(code == kOk);
    return out.str();
  };
  std::ofstream(twins.folder.file("steps.csv")) << "0.5,1\n0,-1\n2,0.25\n";
  const std::string steps = twins.folder.file("steps.csv");
  CHECK_THAT(run({"stream", "left", "--file", steps}),
             Contains("row 2  ") && (Contains("slow") || Contains("fast")));
  CHECK_THAT(run({"stream", "right", "--file", steps}), Contains("row 0  "));
  CHECK_THAT(run({"stream", "left", "--save"}), Contains("after 3 samples"));
  CHECK_THAT(run({"status"}), Contains("left  3 samples through gait.onnx") && Contains("on disk after 3"));
  CHECK_THAT(run({"stream", "left", "--reset"}), Contains("number 0"));
  CHECK(number(twins.status("left"), "rows") == 0);
  CHECK(number(twins.status("right"), "rows") == 3);
}

}  // namespace
}  // namespace dormouse::daemon

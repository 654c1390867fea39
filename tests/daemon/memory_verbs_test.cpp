#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "daemon/verbs/draw.h"
#include "daemon/verbs/moment.h"
#include "daemon/verbs/verb.h"
#include "engine/formats/npy.h"
#include "tests/daemon/running_service.h"

namespace dormouse::daemon {
namespace {

using Catch::Matchers::Contains;

constexpr std::uint64_t kSeed = 31;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

/// A daemon with unlabelled memories, and a person with a keyboard.
struct Desk {
  Desk() {
    INFO("seed " << kSeed);
    model.write(folder.file(""), "colours");
    Options options = small_options(folder);
    options.hrm.router.accept = 1;
    running.emplace(options, folder);
  }
  void live(const std::string& colour, std::uint64_t index) {
    running->wait(running->service().infer("colours", {model.example(colour, index)}, true));
  }
  Outcome run(std::vector<std::string> words, const std::string& typed = "") {
    words.insert(words.end(), {"--socket", folder.file("user.sock")});
    std::istringstream in(typed);
    std::ostringstream out, err;
    std::streambuf* const old_in = std::cin.rdbuf(in.rdbuf());
    std::streambuf* const old_out = std::cout.rdbuf(out.rdbuf());
    std::streambuf* const old_err = std::cerr.rdbuf(err.rdbuf());
    std::cin.clear();
    const int code = run_command_line(words);
    std::cin.rdbuf(old_in);
    std::cout.rdbuf(old_out);
    std::cerr.rdbuf(old_err);
    return {code, out.str(), err.str()};
  }
  std::vector<std::string> labels() {
    return running->on_storage([&] { return running->service().store().labels("colours"); });
  }
  std::size_t labelled() {
    return running->on_storage([&] { return running->service().store().statistics().labelled; });
  }

  TemporaryFolder folder;
  SmallModel model{kSeed};
  std::optional<RunningService> running;
};

TEST_CASE("review labels by one key, a group at once, and new classes by name", "[verbs]") {
  Desk desk;
  for (int copy = 0; copy < 3; ++copy) desk.live("grey", 1);
  desk.live("pink", 2);
  // The copies are asked about once, as is the other one; either may come first.
  const Outcome outcome = desk.run({"review", "colours"}, "n grey\ny\n1\ny\n");
  INFO(outcome.out);
  CHECK(outcome.code == kOk);
  CHECK_THAT(outcome.out, Contains("1 of 2") && Contains("and 2 like it") && Contains("another label") &&
                              Contains("▁") && Contains("█"));
  CHECK(desk.labels().size() >= 1);
  CHECK(desk.labelled() >= 3);
}

TEST_CASE("review can be skipped, quit, and fed nothing", "[verbs]") {
  Desk desk;
  desk.live("grey", 1);
  desk.live("pink", 1);
  CHECK_THAT(desk.run({"review"}, "ss").out, Contains("2 of 2") && Contains("0 episodes labelled"));
  const Outcome quit = desk.run({"review", "-n", "5"}, "q");
  CHECK_THAT(quit.out, Contains("1 of 2") && !Contains("2 of 2"));
  CHECK_THAT(desk.run({"review"}, "").out, Contains("0 episodes labelled"));
  CHECK_THAT(desk.run({"review"}, "x9q").out, Contains("press 1 to 3"));
  CHECK(desk.labelled() == 0);
  CHECK_THAT(desk.run({"review", "--json"}).out, Contains("\"questions\":[{"));
}

TEST_CASE("forgetting says how much would go, asks, and does it", "[verbs]") {
  Desk desk;
  for (std::uint64_t i = 0; i < 4; ++i) desk.running->teach(desk.model.example("grey", i), "grey");
  desk.running->teach(desk.model.example("pink", 0), "pink");
  CHECK_THAT(desk.run({"forget", "colours", "--label", "grey", "--dry-run"}).out,
             Contains("4 episodes") && Contains("would be forgotten"));
  CHECK(desk.run({"forget", "colours", "--label", "grey"}, "no\n").code == kFailed);
  CHECK(desk.labelled() == 5);
  const Outcome done = desk.run({"forget", "colours", "--label", "grey"}, "y\n");
  CHECK(done.code == kOk);
  CHECK_THAT(done.out, Contains("4 episodes") && Contains("forgotten"));
  CHECK(desk.labelled() == 1);
  engine::write_npy(desk.folder.file("pink.npy"), desk.model.example("pink", 0));
  CHECK(desk.run({"forget", "colours", "--like", desk.folder.file("pink.npy"), "--within", "0.2", "--yes"})
            .code == kOk);
  CHECK(desk.labelled() == 0);
  CHECK_THAT(desk.run({"forget", "colours", "--id", "1,2", "--yes", "--json"}).out,
             Contains(R"({"episodes":)"));
}

TEST_CASE("forget needs to know what", "[verbs]") {
  Desk desk;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"forget", "colours"},
                                             {"forget", "colours", "--label", "x", "--before", "2h"},
                                             {"forget", "colours", "--id", "1,x"},
                                             {"forget", "colours", "--before", "yesterday"},
                                             {"forget", "colours", "--id", "1", "--within", "2"}})
    CHECK(desk.run(words).code == kUsage);
  CHECK(desk.run({"forget", "colours", "--label", "nobody", "--yes"}).code == kFailed);
}

TEST_CASE("recall takes a vector from a file, or a time alone", "[verbs]") {
  Desk desk;
  desk.running->teach(desk.model.example("grey", 1), "grey");
  engine::write_npy(desk.folder.file("latent.npy"),
                    engine::Tensor::from<float>({16}, std::vector<float>(16, 1)));
  CHECK_THAT(desk.run({"recall", "colours", "--vector", desk.folder.file("latent.npy"), "--k", "1"}).out,
             Contains("distance"));
  CHECK_THAT(desk.run({"recall", "colours", "--after", "2020-01-01", "--next"}).out,
             Contains("grey") && Contains("followed"));
  CHECK_THAT(desk.run({"recall", "colours"}).out, Catch::Contains("grey"));  // the newest
  CHECK_THAT(desk.run({"recall", "colours", "--version", "0"}).out, Catch::Contains("grey"));
  CHECK_THAT(desk.run({"recall", "colours", "--version", "7"}).out, !Catch::Contains("grey"));
}

TEST_CASE("a moment is a date, a time, or how long ago", "[verbs]") {
  const Clock::Wall now{std::chrono::seconds(1'700'000'000)};
  CHECK(parse_moment("2h", "before", now) == 1'700'000'000 - 7200);
  CHECK(parse_moment("3d", "before", now) == 1'700'000'000 - 3 * 86'400);
  CHECK(parse_moment("2023-11-14T22:13:20Z", "before", now) == 1'700'000'000);
  CHECK(parse_moment("2023-11-14 22:13Z", "before", now) == 1'700'000'000 - 20);
  CHECK(parse_moment("2023-11-14Z", "before", now) == 1'699'920'000);
  for (const char* wrong : {"", "soon", "2", "-2h", "2h3", "2023-13-01", "2023-11-14T22"})
    CHECK_THROWS_AS(parse_moment(wrong, "before", now), UsageError);
}

std::string drawn(std::vector<std::int64_t> shape, const std::vector<float>& values,
                  std::size_t columns = 64) {
  return draw(shape, values, columns, false);
}

TEST_CASE("one channel is a line, several are several, and an image is half blocks", "[verbs]") {
  CHECK(drawn({1, 8}, {0, 1, 2, 3, 4, 5, 6, 7}) == "▁▂▃▄▅▆▇█\n");
  CHECK(drawn({1, 1, 4, 1}, {3, 3, 3, 3}) == "▅▅▅▅\n");
  CHECK(drawn({3, 2}, {0, 1, 1, 0, 0, 1}) == "▁█▁\n█▁█\n");
  std::vector<float> loud(640, 0.0f);
  loud[325] = 1, loud[326] = -1;
  CHECK(drawn({640}, loud, 4) == "▁▁█▁\n");

  std::vector<float> square(16 * 16, 0.0f);
  square[0] = square[16] = square[16 * 2 + 1] = square[16 * 3 + 2] = 1;
  const std::string picture = drawn({1, 1, 16, 16}, square);
  CHECK(std::ranges::count(picture, '\n') == 8);
  CHECK_THAT(picture, Catch::StartsWith("█ ") && Contains("\n ▀▄ "));
  CHECK_THAT(draw(std::array<std::int64_t, 2>{16, 16}, square, 64, true), Contains("\033[38;5;255m"));
  CHECK(std::ranges::count(drawn({64, 64}, std::vector<float>(4096, 1.0f), 32), '\n') == 16);
  CHECK(drawn({0}, {}).empty());
}

}  // namespace
}  // namespace dormouse::daemon

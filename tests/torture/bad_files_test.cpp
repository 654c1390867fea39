#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "learning/random.h"
#include "tests/torture/home.h"

namespace dormouse::daemon {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

Ended check(const Home& home) {
  return run_dormouse(home.folder, {"check", "--config", home.folder.file("dormouse.yaml")});
}
Ended serve(const Home& home) {
  return run_dormouse(home.folder, {"serve", "--config", home.folder.file("dormouse.yaml")});
}

TEST_CASE("a damaged model or seed is refused by name, at check as at start", "[torture]") {
  constexpr std::uint64_t kSeed = 9;
  INFO("seed " << kSeed);
  const Home home(kSeed);
  REQUIRE(check(home).code == 0);
  const std::string file = GENERATE("colours.onnx", "colours.seed.safetensors");
  const std::string whole = read_file(home.folder.file(file));
  for (const double part : {0.0, 0.01, 0.3, 0.6, 0.99}) {
    const auto size = static_cast<std::size_t>(part * static_cast<double>(whole.size()));
    INFO(file << " cut to " << size << " of " << whole.size() << " bytes");
    write_file(home.folder, file, whole.substr(0, size));
    const Ended ended = check(home);
    INFO(ended.output);
    CHECK(ended.code == 78);
    CHECK_THAT(ended.output, Contains(file) && Contains("dormouse.yaml:"));
    CHECK(serve(home).code == ended.code);
  }
}

TEST_CASE("flipped bits in model or seed are refused or harmless, never a crash", "[torture]") {
  constexpr std::uint64_t kSeed = 10;
  INFO("seed " << kSeed);
  const Home home(kSeed);
  learning::Random random(kSeed);
  for (const std::string file : {"colours.onnx", "colours.seed.safetensors"}) {
    const std::string whole = read_file(home.folder.file(file));
    for (int flip = 0; flip < 12; ++flip) {
      std::string damaged = whole;
      const std::size_t at = random.below(flip % 2 ? whole.size() : std::min<std::size_t>(whole.size(), 400));
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
      write_file(home.folder, file, damaged);
      const Ended ended = check(home);
      INFO(file << ": byte " << at << "\n" << ended.output);
      CHECK((ended.code == 0 || ended.code == 1 || ended.code == 78));
      if (ended.code != 0) CHECK_THAT(ended.output, Contains(file) || Contains("dormouse.yaml"));
    }
    write_file(home.folder, file, whole);
  }
}

TEST_CASE("a wrong configuration exits with 78 and says where", "[torture]") {
  const Home home(11);
  const std::string models = "models: [{name: a, path: colours.onnx}]\n";
  struct Wrong {
    std::string text;
    std::vector<std::string> says;
  };
  const Wrong wrong[] = {
      {"models: [\n", {"dormouse.yaml:", "YAML"}},
      {models + "hrm:\n  acept: 0.5\n", {"dormouse.yaml:3:3", "acept", "did you mean 'accept'"}},
      {models + "hrm: {accept: [1]}\n", {"dormouse.yaml:2:15", "hrm.accept"}},
      {"models: [{name: a, path: nowhere.onnx}]\n", {"dormouse.yaml:1:26", "nowhere.onnx"}},
      {"models: [{name: a, path: colours.onnx, seed: nowhere}]\n", {"dormouse.yaml:1:46", "nowhere"}},
      {"models: [{name: a, path: dormouse.yaml}]\n", {"dormouse.yaml:1:26", "models[0].path", "model a"}},
      {"models: [{name: a, path: colours.onnx, labels: [x, y]}]\n", {":1:48", "colours.onnx", "2 classes"}},
      {"models: [{name: a, path: colours.onnx, cut: nothing}]\n", {":1:45", "colours.onnx", "'nothing'"}},
      {"models: [{name: a, path: colours.onnx, driver: steam}]\n", {"'steam'"}},
      {"models: [{name: a, path: colours.onnx, stream: {channels: 3}}]\n", {"3 channels"}},
  };
  for (const Wrong& one : wrong) {
    // A state of its own: the default one may be of another build.
    write_file(home.folder, "dormouse.yaml", one.text + "state: state\n");
    const Ended ended = check(home);
    INFO(one.text << ended.output);
    CHECK(ended.code == 78);
    for (const std::string& word : one.says) CHECK_THAT(ended.output, Contains(word));
    CHECK(serve(home).code == 78);
  }
  const Ended none = run_dormouse(home.folder, {"check", "--config", home.folder.file("none.yaml")});
  CHECK(none.code == 78);
  CHECK_THAT(none.output, Contains("none.yaml"));
}

TEST_CASE("a damaged database stops the start and is left as it is", "[torture]") {
  const Home home(12);
  fs::create_directories(home.folder.file("state"));
  const char* beginning = GENERATE("x", "SQLite format 3", "SQLite format 3\nand no more", "");
  const std::string garbage = std::string(beginning).append(5000, 'x');
  write_file(home.folder, "state/dormouse.db", garbage);
  const Ended ended = serve(home);
  INFO(ended.output);
  CHECK(ended.code == 1);
  CHECK_THAT(ended.output, Contains("dormouse.db"));
  CHECK(read_file(home.folder.file("state/dormouse.db")) == garbage);
}

TEST_CASE("a state folder that cannot be is named", "[torture]") {
  const Home home(13);
  write_file(home.folder, "state", "a file");
  const Ended ended = serve(home);
  INFO(ended.output);
  CHECK(ended.code == 78);
  CHECK_THAT(ended.output, Contains("dormouse.yaml:") && Contains("state: a folder that can be written"));
}

TEST_CASE("a second daemon on the same sockets or state is refused; the first goes on", "[torture]") {
  const Home home(14);
  const DormouseProcess first(home.folder);
  const std::string own = Home::configuration("0");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = own;
    text.replace(text.find(from), from.size(), to);
    write_file(home.folder, "dormouse.yaml", text);
  };
  replaced("state: state", "state: other");
  const Ended same_socket = serve(home);
  INFO(same_socket.output);
  CHECK(same_socket.code == 1);
  CHECK_THAT(same_socket.output, Contains("user.sock"));

  replaced("socket: user.sock, admin_socket: admin.sock", "socket: u.sock, admin_socket: a.sock");
  const Ended same_state = serve(home);
  INFO(same_state.output);
  CHECK(same_state.code == 1);
  CHECK_THAT(same_state.output, Contains("another daemon"));
  HttpClient user = first.user();
  CHECK(user.send({.target = "/v2/health/live"}).status == 200);
}

TEST_CASE("a socket path that is a file is refused and the file kept", "[torture]") {
  const Home home(15);
  write_file(home.folder, "user.sock", "precious");
  const Ended ended = serve(home);
  INFO(ended.output);
  CHECK(ended.code == 78);
  CHECK_THAT(ended.output, Contains("daemon.socket") && Contains("user.sock"));
  CHECK(read_file(home.folder.file("user.sock")) == "precious");
}

}  // namespace
}  // namespace dormouse::daemon

#include "config/binder.h"

#include <catch2/catch.hpp>

using namespace dormouse;
using namespace std::chrono_literals;

namespace sample {

enum class Kind { automatic, exact };

struct Layer {
  std::string name;
  int size = 1;
};

struct Episodic {
  std::uint32_t capacity = 100;
  config::Bytes disk{1024};
};

struct Options {
  bool web = true;
  double accept = 0.5;
  Kind kind = Kind::automatic;
  std::optional<int> threads = 3;
  std::chrono::milliseconds budget{10};
  std::filesystem::path model;
  std::vector<std::string> labels;
  std::vector<Layer> layers;
  Episodic episodic;
};

void bind_options(config::Binder& binder, Layer& layer) {
  binder.required("name", layer.name);
  binder.optional("size", layer.size, config::range(1, 8));
}

void bind_options(config::Binder& binder, Episodic& options) {
  binder.optional("capacity", options.capacity, config::range(1, 1'000'000));
  binder.optional("disk", options.disk);
}

void bind_options(config::Binder& binder, Options& options) {
  binder.optional("web", options.web);
  binder.optional("accept", options.accept, config::range(0.0, 1.0));
  binder.optional("kind", options.kind,
                  config::one_of<Kind>({{"auto", Kind::automatic}, {"exact", Kind::exact}}));
  binder.optional("threads", options.threads, config::or_word("auto"), config::range(1, 64));
  binder.optional("budget", options.budget, config::range(1ms, 1h));
  binder.optional("model", options.model, config::existing);
  binder.optional("labels", options.labels);
  binder.optional("layers", options.layers);
  binder.optional("episodic", options.episodic);
  if (options.accept == 0.25) throw binder.wrong("accept", "not a quarter");
}

Options read(const std::string& text) {
  return config::read<Options>(config::load_text(text, "/etc/d.yaml"));
}

}  // namespace sample

TEST_CASE("what the file does not say keeps its default", "[config]") {
  const auto options = sample::read("");
  CHECK(options.web);
  CHECK(options.threads == 3);
  CHECK(options.episodic.capacity == 100);
  CHECK(sample::read("episodic:\n").episodic.capacity == 100);
}

TEST_CASE("every kind of field takes its value from the file", "[config]") {
  const auto options = sample::read(R"(
web: off
accept: 0.75
kind: exact
threads: auto
budget: 1.5s
model: ../proc/self/maps
labels: [walking, "on", 3]
layers:
  - {name: a}
  - name: b
    size: 8
episodic: {capacity: 7, disk: 512MiB}
)");
  CHECK_FALSE(options.web);
  CHECK(options.accept == 0.75);
  CHECK(options.kind == sample::Kind::exact);
  CHECK_FALSE(options.threads.has_value());
  CHECK(options.budget == 1500ms);
  CHECK(options.model == "/etc/../proc/self/maps");
  CHECK(options.labels == std::vector<std::string>{"walking", "on", "3"});
  REQUIRE(options.layers.size() == 2);
  CHECK(options.layers[0].size == 1);
  CHECK(options.layers[1].size == 8);
  CHECK(options.episodic.capacity == 7);
  CHECK(options.episodic.disk.count == 512u << 20);
}

TEST_CASE("a wrong key or value is named with its place, what was expected and what was given", "[config]") {
  struct Case {
    std::string text, expected;
  };
  const Case cases[] = {
      {"episodic:\n  capcity: 3\n",
       "/etc/d.yaml:2:3: episodic.capcity: unknown key; did you mean 'capacity'?"},
      {"completely: 3\n", "/etc/d.yaml:1:1: completely: unknown key"},
      {"web: maybe\n", "/etc/d.yaml:1:6: web: expected on or off, got 'maybe'"},
      {"web: \"on\"\n", "/etc/d.yaml:1:6: web: expected on or off, got 'on'"},
      {"accept: high\n", "/etc/d.yaml:1:9: accept: expected a number from 0 to 1, got 'high'"},
      {"accept: 1.5\n", "/etc/d.yaml:1:9: accept: expected a number from 0 to 1, got '1.5'"},
      {"accept: nan\n", "/etc/d.yaml:1:9: accept: expected a number from 0 to 1, got 'nan'"},
      {"accept:\n", "accept: expected a number from 0 to 1, got nothing"},
      {"accept: [1]\n", "/etc/d.yaml:1:9: accept: expected a number from 0 to 1, got a list"},
      {"accept: 0.25\n", "/etc/d.yaml:1:9: accept: not a quarter"},
      {"kind: fast\n", "/etc/d.yaml:1:7: kind: expected one of auto, exact, got 'fast'"},
      {"threads: 65\n", "/etc/d.yaml:1:10: threads: expected an integer from 1 to 64, got '65' (or 'auto')"},
      {"threads: 99999999999999999999\n", "expected an integer from 1 to 64, got '99999999999999999999'"},
      {"threads: 1.5\n", "expected an integer from 1 to 64, got '1.5'"},
      {"budget: 10\n", "expected a duration such as 10ms, 5min or 1h from 1ms to 1h, got '10'"},
      {"budget: 2h\n", "budget: expected a duration such as 10ms, 5min or 1h from 1ms to 1h, got '2h'"},
      {"budget: -1s\n", "got '-1s'"},
      {"budget: 1e99d\n", "got '1e99d'"},
      {"budget: 99999999999999999999d\n", "got '99999999999999999999d'"},
      {"model: nowhere.onnx\n", "/etc/d.yaml:1:8: model: expected a file, but there is no /etc/nowhere.onnx"},
      {"labels: walking\n", "/etc/d.yaml:1:9: labels: expected a list, got 'walking'"},
      {"labels: [[1]]\n", "/etc/d.yaml:1:10: labels[0]: expected text, got a list"},
      {"layers: [{size: 1}]\n", "/etc/d.yaml:1:10: layers[0]: 'name' is required, but missing"},
      {"layers: [{name: x, size: 9}]\n", "layers[0].size: expected an integer from 1 to 8, got '9'"},
      {"layers: [x]\n", "/etc/d.yaml:1:10: layers[0]: expected a section, got 'x'"},
      {"episodic: 3\n", "/etc/d.yaml:1:11: episodic: expected a section, got '3'"},
      {"episodic: {disk: 3 parsecs}\n", "expected a size such as 64kB or 512MiB, got '3 parsecs'"},
      {"episodic: {disk: 99999999TiB}\n", "got '99999999TiB'"},
      {"episodic: {disk: 0.3B}\n", "got '0.3B'"},
      {"- a\n", "/etc/d.yaml:1:1: expected a section, got a list"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    try {
      sample::read(c.text);
      FAIL("accepted");
    } catch (const Failure& failure) {
      CHECK_THAT(failure.what(), Catch::Contains(c.expected));
      CHECK(failure.error().code == Errc::configuration);
    }
  }
}

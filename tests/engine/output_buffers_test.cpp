// Outputs are computed where they are handed out, and their memory serves again.

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "engine/plan.h"
#include "engine/session.h"
#include "engine/value.h"

namespace dormouse::engine {
namespace {

Tensor row(float first) { return Tensor::from<float>({1, 4}, {first, -1, 2, -3}); }

/// relu(x), the same as [4, 1], and as it is once more.
Graph model() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {1, 4})};
  const Value active = apply("Relu", {x});
  graph.mark_output(active.id);
  graph.mark_output(reshape(active, {4, 1}).id);
  graph.mark_output(active.id);
  return graph;
}

TEST_CASE("an output that somebody holds is not written again", "[session]") {
  const Session session(model(), {});
  const auto first = session.run(std::array{row(1)});
  const auto second = session.run(std::array{row(5)});
  CHECK(first[0].values<float>()[0] == 1);
  CHECK(second[0].values<float>()[0] == 5);
}

TEST_CASE("the memory of an output that nobody holds serves a later run", "[session]") {
  const Session session(model(), {});
  const auto address = [&](float x) {
    const auto outputs = session.run(std::array{row(x)});
    CHECK(outputs[0].values<float>()[0] == x);
    return outputs[0].data();
  };
  const std::byte* const once = address(1);
  CHECK(address(2) == once);
}

TEST_CASE("outputs that share their elements in the graph are handed out apart", "[session]") {
  const Session session(model(), {});
  auto outputs = session.run(std::array{row(1)});
  outputs[0].mutable_values<float>()[0] = 7;
  CHECK(outputs[1].values<float>()[0] == 1);
  CHECK(outputs[2].values<float>()[0] == 1);
}

TEST_CASE("outputs outlive their session, and end in any thread", "[session]") {
  auto session = std::make_unique<Session>(model(), std::span<const Driver* const>{});
  auto kept = session->run(std::array{row(1)});
  auto ended = session->run(std::array{row(2)});
  std::thread([outputs = std::move(ended)] { CHECK(outputs[0].values<float>()[0] == 2); }).join();
  CHECK(session->run(std::array{row(3)})[0].values<float>()[0] == 3);
  session.reset();
  CHECK(kept[0].values<float>()[0] == 1);
}

TEST_CASE("the arena has no room for what is handed out", "[plan]") {
  const std::array shapes{Shape{1, 4}};
  CHECK(make_plan(model(), shapes, {}, 1 << 20).arena_bytes == 0);
}

}  // namespace
}  // namespace dormouse::engine

// Attention spelt with products and Softmax becomes the operator.

#include <array>

#include "engine/session.h"
#include "tests/engine/passes_check.h"

namespace dormouse::engine {
namespace {

using namespace passes_check;

constexpr std::string_view kPass = "attention fusion";
constexpr std::string_view kAttention = "ScaledDotProductAttention";
const Shape kOpen{kDynamic, 2, kDynamic, 4};
const Shape kHeads{3, 2, 5, 4};

Value input(Graph& graph, const char* name, const Shape& shape) {
  return {&graph, graph.add_input(name, DType::f32, shape)};
}

struct Heads {
  explicit Heads(const Shape& shape)
      : q(input(graph, "q", shape)), k(input(graph, "k", shape)), v(input(graph, "v", shape)) {}
  Graph graph;
  Value q, k, v;

  Value keys() const { return transpose(k, {0, 1, 3, 2}); }
  void finish(Value scores) { graph.mark_output(matmul(softmax(scores), v).id); }
};

void check_fused(const Graph& graph, double scale, std::vector<Shape> shapes = {kHeads, kHeads, kHeads}) {
  const Graph fused = after(kPass, graph, std::move(shapes));
  REQUIRE(count(fused, kAttention) == 1);
  CHECK(count(fused, "Softmax") == 0);
  CHECK(count(fused, "MatMul") == 0);
  CHECK(fused.nodes().back().attributes.get<float>("scale", 1) == Approx(scale));
}

TEST_CASE("attention is recognised wherever exporters put the scale", "[passes]") {
  using Spelling = Value (*)(const Heads&);
  const Spelling spellings[] = {[](const Heads& heads) { return matmul(heads.q, heads.keys()) * 0.5; },
                                [](const Heads& heads) {
                                  const Value scores = matmul(heads.q, heads.keys());
                                  return scores / scalar_like(scores, 2);
                                },
                                [](const Heads& heads) { return matmul(heads.q * 0.5, heads.keys()); },
                                [](const Heads& heads) { return matmul(heads.q, heads.keys() * 0.5); },
                                [](const Heads& heads) {
                                  return matmul(heads.q * 0.25, transpose(heads.k * 2, {0, 1, 3, 2}));
                                }};
  for (const Spelling spelling : spellings)
    for (const Shape& shape : {kOpen, kHeads}) {
      Heads heads(shape);
      heads.finish(spelling(heads));
      check_fused(heads.graph, 0.5);
    }
}

TEST_CASE("a mask that is added on either side is part of attention", "[passes]") {
  for (const bool first : {false, true}) {
    Heads heads(kOpen);
    const Value mask = input(heads.graph, "mask", {kDynamic, 1, 1, kDynamic});
    const Value scores = matmul(heads.q, heads.keys()) * 0.5;
    heads.finish(first ? mask + scores : scores + mask);
    check_fused(heads.graph, 0.5, {kHeads, kHeads, kHeads, {3, 1, 1, 5}});
  }
}

TEST_CASE("keys keep what else a Transpose did with them", "[passes]") {
  Graph graph;
  const Value q = input(graph, "q", kHeads), k = input(graph, "k", {3, 5, 2, 4}),
              v = input(graph, "v", kHeads);
  graph.mark_output(matmul(softmax(matmul(q, transpose(k, {0, 2, 3, 1}))), v).id);
  check_fused(graph, 1, {kHeads, {3, 5, 2, 4}, kHeads});
}

TEST_CASE("attention that is read on its way, or is another sum, stays as it is", "[passes]") {
  const auto untouched = [](const Graph& graph, std::vector<Shape> shapes = {kHeads, kHeads, kHeads}) {
    CHECK(count(after(kPass, graph, std::move(shapes)), kAttention) == 0);
  };
  SECTION("shares are an output") {
    Heads heads(kHeads);
    const Value shares = softmax(matmul(heads.q, heads.keys()));
    heads.graph.mark_output(matmul(shares, heads.v).id);
    heads.graph.mark_output(shares.id);
    untouched(heads.graph);
  }
  SECTION("scores are read elsewhere") {
    Heads heads(kHeads);
    const Value scores = matmul(heads.q, heads.keys());
    heads.finish(scores);
    heads.graph.mark_output(relu(scores).id);
    untouched(heads.graph);
  }
  SECTION("Softmax over queries") {
    Heads heads(kHeads);
    heads.graph.mark_output(matmul(softmax(matmul(heads.q, heads.keys()), 2), heads.v).id);
    untouched(heads.graph);
  }
  SECTION("keys that no Transpose made") {
    Heads heads({3, 2, 4, 4});
    heads.finish(matmul(heads.q, heads.k));
    untouched(heads.graph, {{3, 2, 4, 4}, {3, 2, 4, 4}, {3, 2, 4, 4}});
  }
  SECTION("the scores repeat to what is added") {
    Heads heads({3, 2, 1, 4});
    heads.finish(matmul(heads.q, heads.keys()) + input(heads.graph, "mask", {3, 2, 5, 1}));
    untouched(heads.graph, {{3, 2, 1, 4}, {3, 2, 1, 4}, {3, 2, 1, 4}, {3, 2, 5, 1}});
  }
}

TEST_CASE("fused attention serves every length, many keys too, and heads that share keys", "[passes]") {
  Graph graph;
  const Value q = input(graph, "q", kOpen), k = input(graph, "k", {kDynamic, 1, kDynamic, 4}),
              v = input(graph, "v", {kDynamic, 1, kDynamic, 4});
  graph.mark_output(matmul(softmax(matmul(q, transpose(k, {0, 1, 3, 2})) * 0.5), v).id);
  const Session session(graph, {});
  std::mt19937 random(kSeed);
  for (const auto& [queries, keys] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {3, 900}, {70, 5000}}) {
    const std::vector<Tensor> inputs{drawn({2, 2, queries, 4}, random), drawn({2, 1, keys, 4}, random),
                                     drawn({2, 1, keys, 4}, random)};
    check_same(session.run(inputs), interpret(graph, inputs));
  }
}

TEST_CASE("keys masked with minus infinity have no part in attention", "[passes]") {
  Heads heads(kHeads);
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const Tensor mask = Tensor::from<float>({1, 1, 1, 5}, {0, kNever, kNever, 0, kNever});
  heads.finish(matmul(heads.q, heads.keys()) + constant(heads.graph, mask));
  check_fused(heads.graph, 1);
}

}  // namespace
}  // namespace dormouse::engine

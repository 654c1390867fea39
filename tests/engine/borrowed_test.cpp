#include <sys/mman.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>

#include "engine/interpreter.h"
#include "engine/session.h"
#include "engine/value.h"

using namespace dormouse;
using namespace dormouse::engine;

namespace {

constexpr std::size_t kPage = 4096;

/// A page that may be read, before one that may not.
class LastPage {
 public:
  LastPage() {
    void* const pages = ::mmap(nullptr, 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    REQUIRE(::mprotect(pages, kPage, PROT_READ | PROT_WRITE) == 0);
    begin_ = static_cast<std::byte*>(pages);
  }
  ~LastPage() { ::munmap(begin_, 2 * kPage); }
  LastPage(const LastPage&) = delete;
  LastPage& operator=(const LastPage&) = delete;

  /// `values`, whose last byte is `before_end` bytes before the end.
  std::span<const std::byte> put(std::span<const float> values, std::size_t before_end) {
    std::byte* const at = begin_ + kPage - before_end - values.size_bytes();
    std::memcpy(at, values.data(), values.size_bytes());
    return {at, values.size_bytes()};
  }

 private:
  std::byte* begin_;
};

/// exp could overwrite x, and relu what it gives.
Graph in_place_model() {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 4})};
  graph.mark_output(relu(exp(reshape(x, {-1}))).id);
  return graph;
}

constexpr std::array<float, 4> kValues{0.5f, -1, 2, 0.25f};

Tensor on(std::span<const std::byte> bytes) { return {DType::f32, {1, 4}, borrow(bytes), 0}; }

void check_runs(const Session& session, const Tensor& x) {
  const Tensor got = session.run(std::array{x})[0];
  for (std::size_t i = 0; i < kValues.size(); ++i)
    CHECK(got.values<float>()[i] == Approx(std::max(0.0f, std::exp(kValues[i]))));
}

}  // namespace

TEST_CASE("inputs are read in place where that is safe, else copied", "[session]") {
  const Session session(in_place_model(), {});
  LastPage page;
  SECTION("far from the end of the page") {
    check_runs(session, on(page.put(kValues, kReadSlack)));
    CHECK(session.copied_inputs() == 0);
  }
  SECTION("a vector kernel would read beyond the page") {
    check_runs(session, on(page.put(kValues, kReadSlack - 4)));
    check_runs(session, on(page.put(kValues, 0)));
    CHECK(session.copied_inputs() == 2);
  }
  SECTION("not aligned for its type") {
    check_runs(session, on(page.put(kValues, kReadSlack + 1)));
    CHECK(session.copied_inputs() == 1);
  }
  SECTION("a tensor of the engine's own") {
    check_runs(session, Tensor::from<float>({1, 4}, kValues));
    CHECK(session.copied_inputs() == 0);
  }
}

TEST_CASE("no run overwrites an input", "[session]") {
  const Session session(in_place_model(), {});
  const Tensor x = Tensor::from<float>({1, 4}, kValues);
  check_runs(session, x);
  CHECK(std::ranges::equal(x.values<float>(), kValues));
}

TEST_CASE("each run reads the input it is given", "[session]") {
  const Session session(in_place_model(), {});
  Tensor other = Tensor::from<float>({1, 4}, {3, 3, 3, 3});
  check_runs(session, Tensor::from<float>({1, 4}, kValues));
  CHECK(session.run(std::array{other})[0].values<float>()[3] == Approx(std::exp(3.0f)));
  other.mutable_values<float>()[3] = 1;  // the same address as before
  CHECK(session.run(std::array{other})[0].values<float>()[3] == Approx(std::exp(1.0f)));
}

TEST_CASE("an interpreted tail reads misaligned inputs too", "[session]") {
  Graph graph;
  const Value x{&graph, graph.add_input("x", DType::f32, {kDynamic, 4})};
  graph.mark_output(apply("NonZero", {x}).id);
  graph.mark_output(apply("Identity", {x}).id);
  const Session session(graph, {});
  LastPage page;
  std::vector<Tensor> outputs;
  outputs = session.run(std::array{on(page.put(kValues, 2))});
  CHECK(outputs[0].shape() == Shape{2, 4});
  page.put(std::array<float, 4>{}, 2);
  CHECK(std::ranges::equal(outputs[1].values<float>(), kValues));  // fresh, not the borrowed bytes
}

TEST_CASE("outputs are written where the caller wants them, if they fit", "[session]") {
  const Session session(in_place_model(), {});
  const Tensor x = Tensor::from<float>({1, 4}, kValues);
  std::array<float, 4> room{};
  const Shape right{4}, wrong{5};
  View view{DType::f32, &right, reinterpret_cast<std::byte*>(room.data())};
  session.run_into(std::array{x}, {&view, 1});
  CHECK(room[1] == Approx(std::exp(-1.0f)));
  view.shape = &wrong;
  CHECK_THROWS_WITH(session.run_into(std::array{x}, {&view, 1}),
                    Catch::Contains("': is f32 [4], given room for f32 [5]"));
  CHECK_THROWS_WITH(session.run_into(std::array{x}, {}), "the model has 1 outputs; given room for 0");
}

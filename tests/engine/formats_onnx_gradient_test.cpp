#include <catch2/catch.hpp>
#include <cmath>

#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

namespace dormouse::engine {
namespace {

using namespace onnx_builder;
using Catch::Contains;

Graph read(const std::string& graph) { return read_onnx(buffer_of(model(graph)), "m.onnx"); }

// da, db = Gradient(inputs) of `y` with respect to a and b.
std::string gradient(Strings inputs, std::string_view y) {
  const std::string named = bytes(9, "a") + bytes(9, "b");
  return node(
      "Gradient", inputs, {"da", "db"},
      bytes(7, "ai.onnx.preview.training") + attribute("xs", 8, named) + attribute("y", 3, bytes(4, y)));
}

// y = e^(a·b).
const std::string kGraph = input("a", {2}) + input("b", {2}) + output("da") + output("db") +
                           node("Mul", {"a", "b"}, {"ab"}) + node("Exp", {"ab"}, {"y"});

}  // namespace

TEST_CASE("Gradient is a graph of its operators' gradients, wherever its node stands", "[formats]") {
  const std::vector<Tensor> at{Tensor::from<float>({2}, {1, 2}), Tensor::from<float>({2}, {0.5f, -1})};
  const double first = std::exp(0.5), second = std::exp(-2.0);
  for (const std::string& graph : {kGraph + gradient({"a", "b"}, "y"), gradient({"a", "b"}, "y") + kGraph}) {
    const std::vector<Tensor> got = Session(read(graph), {}).run(at);
    REQUIRE(got.size() == 2);
    CHECK(got[0].values<float>()[0] == Approx(0.5 * first));
    CHECK(got[0].values<float>()[1] == Approx(-second));
    CHECK(got[1].values<float>()[0] == Approx(first));
    CHECK(got[1].values<float>()[1] == Approx(2 * second));
  }
}

TEST_CASE("a Gradient that cannot be meant is refused", "[formats]") {
  const auto refused = [](const std::string& more) { return refusal([&] { read(kGraph + more); }); };
  CHECK_THAT(refused(gradient({"b", "a"}, "y")), Contains("not the values that xs and zs name"));
  CHECK_THAT(refused(gradient({"a", "b"}, "q")), Contains("nothing makes 'q'"));
  CHECK_THAT(refused(gradient({"a", "b"}, "da")), Contains("cycle"));
}

}  // namespace dormouse::engine

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

// da, db = Gradient(inputs) of `y` with respect to a and b, with `zs` held as they are.
std::string gradient(Strings inputs, std::string_view y, const std::string& zs = "") {
  const std::string named = bytes(9, "a") + bytes(9, "b");
  return node("Gradient", inputs, {"da", "db"},
              bytes(7, "ai.onnx.preview.training") + attribute("xs", 8, named) +
                  (zs.empty() ? "" : attribute("zs", 8, bytes(9, zs))) + attribute("y", 3, bytes(4, y)));
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

TEST_CASE("Gradient is taken where its inputs say, and past nothing that it holds", "[formats]") {
  const std::vector<Tensor> at{Tensor::from<float>({2}, {1, 2}), Tensor::from<float>({2}, {0.5f, -1})};
  const std::vector<Tensor> swapped = Session(read(kGraph + gradient({"b", "a"}, "y")), {}).run(at);
  CHECK(swapped[0].values<float>()[0] == Approx(std::exp(0.5)));  // a is where b stands
  CHECK(swapped[1].values<float>()[0] == Approx(0.5 * std::exp(0.5)));
  const std::vector<Tensor> held = Session(read(kGraph + gradient({"a", "b", "ab"}, "y", "ab")), {}).run(at);
  for (const Tensor& derivative : held) CHECK(derivative.values<float>()[0] == 0);
}

TEST_CASE("a Gradient that cannot be meant is refused", "[formats]") {
  const auto refused = [](const std::string& more) { return refusal([&] { read(kGraph + more); }); };
  CHECK_THAT(refused(gradient({"a"}, "y")), Contains("one input for each entry of xs and zs"));
  CHECK_THAT(refused(gradient({"a", "b"}, "q")), Contains("nothing makes 'q'"));
  CHECK_THAT(refused(gradient({"a", "b"}, "da")), Contains("cycle"));
}

}  // namespace dormouse::engine

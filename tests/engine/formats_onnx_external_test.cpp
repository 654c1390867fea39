#include <catch2/catch.hpp>

#include <sys/stat.h>

#include "engine/formats/atomic_file.h"
#include "engine/formats/onnx.h"
#include "tests/engine/damage.h"
#include "tests/engine/onnx_builder.h"

namespace dormouse::engine {
namespace {

using namespace onnx_builder;
using Catch::Contains;

std::string entry(std::string_view key, std::string_view value) {
  return bytes(13, bytes(1, key) + bytes(2, value));
}

// A model whose weight w of two floats lies in another file.
std::string model_with(std::string_view location, std::string_view more = "") {
  const std::string weight =
      tensor("w", kFloat, {2}, number(14, 1) + entry("location", location) + std::string(more));
  return model(input("x", {2}) + output("y") + initialiser(weight) + node("Add", {"x", "w"}, {"y"}));
}

class Fixture {
 public:
  Fixture() {
    std::filesystem::create_directory(folder.file("model"));
    std::filesystem::create_directory(folder.file("model/sub"));
    write_file(folder.file("secret"), raw({1.0f, 2.0f}));
    write_file(folder.file("model/sub/weights"), raw({0.0f, 3.0f, 4.0f}));
  }
  std::string refused(std::string_view location, std::string_view more = "") const {
    write_file(folder.file("model/m.onnx"), model_with(location, more));
    return refusal([&] { read_onnx(folder.file("model/m.onnx")); });
  }
  ScratchFolder folder;
};

TEST_CASE("weights beneath the model's folder are mapped", "[formats]") {
  const Fixture fixture;
  write_file(fixture.folder.file("model/m.onnx"), model_with("./sub/weights", entry("offset", "4")));
  const Graph graph = read_onnx(fixture.folder.file("model/m.onnx"));
  const Tensor& weight = *graph.value(*graph.find("w")).constant;
  CHECK(weight.values<float>()[1] == 4);
  CHECK_FALSE(weight.buffer()->writable());
  REQUIRE(graph.files.size() == 2);
  CHECK(graph.files[0]->size() == std::filesystem::file_size(fixture.folder.file("model/m.onnx")));
  CHECK(graph.files[1] == weight.buffer());
}

TEST_CASE("no name of external weights leads out of the model's folder", "[formats]") {
  const Fixture fixture;
  const std::string absolute = fixture.folder.file("secret");
  for (const std::string& location : {std::string("../secret"), std::string("sub/../../secret"), absolute,
                                      std::string(), std::string("sub//../../secret"), std::string("..")}) {
    CHECK_THAT(fixture.refused(location), Contains("only paths beneath"));
  }
  CHECK_THAT(fixture.refused(std::string("sub\0x", 5)), Contains("only paths beneath"));
  std::filesystem::create_symlink("../secret", fixture.folder.file("model/link"));
  std::filesystem::create_directory_symlink("..", fixture.folder.file("model/up"));
  CHECK_THAT(fixture.refused("link"), Contains("link"));
  CHECK_FALSE(fixture.refused("up/secret").empty());
  std::filesystem::create_hard_link(absolute, fixture.folder.file("model/twin"));
  CHECK_THAT(fixture.refused("twin"), Contains("'twin'") && Contains("hard link") && Contains("a copy"));
}

TEST_CASE("external weights that are not there, not files or too short are refused", "[formats]") {
  const Fixture fixture;
  CHECK(fixture.refused("sub/weights").empty());
  CHECK_THAT(fixture.refused("missing"), Contains("'missing'"));
  CHECK_THAT(fixture.refused("sub"), Contains("not a regular file"));
  REQUIRE(::mkfifo(fixture.folder.file("model/pipe").c_str(), 0600) == 0);
  CHECK_THAT(fixture.refused("pipe"), Contains("not a regular file"));
  CHECK_THAT(fixture.refused("sub/weights", entry("offset", "8")), Contains("beyond the end at 12"));
  CHECK_THAT(fixture.refused("sub/weights", entry("offset", "18446744073709551612")),
             Contains("beyond the end"));
  CHECK_THAT(fixture.refused("sub/weights", entry("offset", "-4")), Contains("no number"));
  CHECK_THAT(fixture.refused("sub/weights", entry("length", "4")), Contains("length 4 does not fit"));
  CHECK_THAT(refusal([] { read_onnx(buffer_of(model_with("w")), "m"); }), Contains("without a folder"));
}

}  // namespace
}  // namespace dormouse::engine

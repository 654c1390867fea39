#include <catch2/catch.hpp>

#include "engine/formats/all_formats.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/npy.h"
#include "engine/formats/onnx.h"
#include "engine/formats/safetensors.h"
#include "engine/formats/wav.h"
#include "tests/engine/damage.h"

namespace dormouse::engine {
namespace {

using Catch::Contains;

Graph identity_graph() {
  Graph graph;
  graph.mark_output(graph.add_input("x", DType::f32, {2}));
  return graph;
}

TEST_CASE("formats are told apart by content, whatever the name", "[formats]") {
  const ScratchFolder folder;
  const std::string path = folder.file("x.txt");
  const Tensor rows = Tensor::from<float>({2, 2}, {0, 0.5f, -0.5f, -1});

  write_npy(path, rows);
  CHECK(load_clip(path).rows.shape() == Shape{2, 2});
  write_wav(path, {rows, 8000});
  CHECK(load_clip(path).rate == 8000);
  CHECK(load_clip(path).rows.values<float>()[3] == -1);
  write_file(path, "0,0.5\n-0.5,-1\n");
  CHECK(load_clip(path).rows.values<float>()[1] == 0.5f);
  write_onnx(identity_graph(), path);
  CHECK(load_graph(path).inputs().size() == 1);
}

TEST_CASE("an npy clip of other shapes and types becomes f32 rows", "[formats]") {
  const ScratchFolder folder;
  write_npy(folder.file("a"), Tensor::from<std::int16_t>({3}, {1, 2, 3}));
  const Clip clip = load_clip(folder.file("a"));
  CHECK(clip.rows.shape() == Shape{3, 1});
  CHECK(clip.rows.values<float>()[2] == 3);
  write_npy(folder.file("b"), Tensor(DType::f32, {1, 2, 3}));
  CHECK_THAT(refusal([&] { load_clip(folder.file("b")); }), Contains("[1, 2, 3]"));
}

TEST_CASE("a file of another kind is called what it is", "[formats]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a");
  write_safetensors(path, {});
  CHECK_THAT(refusal([&] { load_graph(path); }), Contains("safetensors, which holds no model graph"));
  write_onnx(identity_graph(), path);
  CHECK_THAT(refusal([&] { load_clip(path); }), Contains("ONNX, which holds no clip"));
  write_file(path, std::string_view("\x00\x01\x02", 3));
  CHECK_THAT(refusal([&] { load_clip(path); }), Contains("unknown kind"));
  write_file(path, "");
  CHECK_THAT(refusal([&] { load_graph(path); }), Contains("unknown kind"));
}

}  // namespace
}  // namespace dormouse::engine

#include <catch2/catch.hpp>

#include "engine/formats/npy.h"
#include "tests/engine/damage.h"

#include <algorithm>

namespace dormouse::engine {
namespace {

using Catch::Contains;

// As numpy.save writes it, up to the data.
std::string npy(std::string header, std::string_view data) {
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  std::string file("\x93NUMPY\x01\x00", 8);
  file.append(reinterpret_cast<const char*>(&length), sizeof length);
  return file.append(header).append(data);
}

Tensor read(std::string_view file) { return read_npy(buffer_of(file), "test.npy"); }

std::string refused(std::string header, std::string_view data = "") {
  return refusal([&] { read(npy(std::move(header), data)); });
}

const std::string kFloats = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";

TEST_CASE("npy comes back as it was written, for every element type NumPy has", "[formats]") {
  const ScratchFolder folder;
  const Tensor original = Tensor::from<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  for (const DType type : {DType::f32, DType::f64, DType::f16, DType::i8, DType::u8, DType::i16, DType::u16,
                           DType::i32, DType::u32, DType::i64, DType::u64, DType::boolean}) {
    INFO(word(type));
    const Tensor written = original.as(type);
    write_npy(folder.file("a.npy"), written);
    const Tensor back = read_npy(folder.file("a.npy"));
    CHECK(back.dtype() == type);
    CHECK(back.shape() == written.shape());
    CHECK(std::ranges::equal(back.bytes(), written.bytes()));
  }
  CHECK_THAT(refusal([&] { write_npy(folder.file("b.npy"), original.as(DType::bf16)); }), Contains("bf16"));
}

TEST_CASE("npy scalars and empty arrays have their shapes", "[formats]") {
  const ScratchFolder folder;
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{3, 0, 2}}) {
    write_npy(folder.file("a.npy"), Tensor(DType::f64, shape));
    CHECK(read_npy(folder.file("a.npy")).shape() == shape);
  }
}

TEST_CASE("a Fortran-ordered npy is transposed", "[formats]") {
  const std::string columns("\0\1\2\3\4\5\6\7\x8\x9\xa\xb",
                            12);  // element (i, j, k) of [2, 3, 2] at i + 2j + 6k
  const Tensor tensor = read(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }", columns));
  CHECK(tensor.shape() == Shape{2, 3, 2});
  const std::vector<int> expected{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11};
  CHECK(std::ranges::equal(tensor.values<std::uint8_t>(), expected));
}

TEST_CASE("npy headers of other writers are read", "[formats]") {
  CHECK(read(npy("{\"shape\":(1L,),\"fortran_order\":False,\"descr\":\"<f4\"}", "1234")).shape() == Shape{1});
}

TEST_CASE("npy that is wrong is refused with the reason", "[formats]") {
  CHECK(refused(kFloats, "1234").empty());
  CHECK_THAT(refused(kFloats, "123"), Contains("takes 4 bytes, there are 3"));
  CHECK_THAT(refused(kFloats, "12345"), Contains("there are 5"));
  CHECK_THAT(refused("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "1234"), Contains("'>f4'"));
  CHECK_THAT(refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"),
             Contains("structured"));
  CHECK_THAT(refused("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), Contains("'|O'"));
  CHECK_THAT(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), Contains("dimension"));
  CHECK_THAT(refused("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}"), Contains("True or False"));
  CHECK_THAT(refused("{'descr': '<f4', 'shape': (1,)}"), Contains("exactly"));
  CHECK_THAT(refused("{'descr': '<f4', 'x': (1,)}"), Contains("unknown key"));
  CHECK_THAT(refused("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}"),
             Contains("impossible shape"));
  CHECK_THAT(refusal([] { read("PK"); }), Contains("ends inside the magic"));
}

TEST_CASE("a damaged npy file never does more than fail", "[formats]") {
  const std::string file = npy(kFloats, "1234");
  survive_damage(file, file.size(), [](auto buffer) { read_npy(std::move(buffer), "damaged"); });
}

// numpy.savez(a=float32 [[1,2],[3,4]], b=int64 5) of NumPy 1.24 made it.
TEST_CASE("the arrays of an npz of NumPy are read", "[formats]") {
  const auto arrays = read_npz(DORMOUSE_TEST_DATA "/two_arrays.npz");
  REQUIRE(arrays.size() == 2);
  CHECK(std::ranges::equal(arrays.at("a").values<float>(), std::vector<float>{1, 2, 3, 4}));
  CHECK(arrays.at("a").shape() == Shape{2, 2});
  CHECK(arrays.at("b").values<std::int64_t>()[0] == 5);
}

TEST_CASE("a compressed npz says what to do instead", "[formats]") {
  CHECK_THAT(refusal([] { read_npz(DORMOUSE_TEST_DATA "/compressed.npz"); }), Contains("numpy.savez"));
}

TEST_CASE("a damaged npz file never does more than fail", "[formats]") {
  const std::string file = content_of(DORMOUSE_TEST_DATA "/two_arrays.npz");
  REQUIRE_FALSE(file.empty());
  survive_damage(file, file.size(), [](auto buffer) { read_npz(std::move(buffer), "damaged"); });
}

}  // namespace
}  // namespace dormouse::engine

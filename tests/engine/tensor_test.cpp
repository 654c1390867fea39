#include "engine/tensor.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "engine/heap_buffer.h"
#include "engine/mapped.h"
#include "tests/freed_bytes.h"
#include "tests/resident.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::engine;

TEST_CASE("heap tensors start at zero on a 64-byte boundary", "[tensor]") {
  const Tensor tensor(DType::f32, {3, 5});
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64 == 0);
  for (const float value : tensor.values<float>()) CHECK(value == 0.0f);
}

TEST_CASE("what a tensor held is zeroed before its memory is given back", "[tensor]") {
  FreedBytes memory;
  {
    Tensor input(DType::f32, Shape{100}, heap_buffer(400, memory), 0);
    std::ranges::fill(input.mutable_values<float>(), 0.1f);
    const Tensor view = input.reshaped({10, 10}).rows(2, 3);
    input = Tensor();
    CHECK(view.values<float>()[29] == 0.1f);
    CHECK(memory.freed() == 0);
  }
  CHECK(memory.freed() >= 400);
  CHECK(memory.left_behind() == 0);
}

TEST_CASE("rows are a view that shares elements", "[tensor]") {
  Tensor tensor = Tensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor row = tensor.rows(1, 1);
  CHECK(row.shape() == Shape{1, 2});
  tensor.mutable_values<float>()[3] = 40;
  CHECK(row.values<float>()[1] == 40.0f);
}

TEST_CASE("every half survives the way to float and back", "[tensor]") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);
    if (std::isnan(value))
      CHECK(std::isnan(to_float(to_half(value))));
    else if (to_half(value).bits != half.bits)
      FAIL("half " << bits << " comes back as " << to_half(value).bits);
  }
}

TEST_CASE("halves round to nearest, ties to even, and overflow to infinity", "[tensor]") {
  CHECK(to_float(to_half(1.0f + 0x1p-11f)) == 1.0f);
  CHECK(to_float(to_half(1.0f + 3 * 0x1p-11f)) == 1.0f + 0x1p-9f);
  CHECK(to_float(to_half(65504.0f)) == 65504.0f);
  CHECK(std::isinf(to_float(to_half(65520.0f))));
  CHECK(to_float(to_half(0x1p-24f)) == 0x1p-24f);
  CHECK(to_float(to_half(0x1p-26f)) == 0.0f);
}

TEST_CASE("a shape too large for memory is refused before it is allocated", "[tensor]") {
  CHECK_THROWS_AS(Tensor(DType::f32, Shape{1LL << 40, 1LL << 40}), Failure);
}

TEST_CASE("broadcasting follows NumPy and keeps unknown extents open", "[shape]") {
  CHECK(broadcast({2, 1, 4}, {3, 1}) == Shape{2, 3, 4});
  CHECK(broadcast({kDynamic, 4}, {1, 4}) == Shape{kDynamic, 4});
  CHECK(broadcast({kDynamic, 4}, {7, 4}) == Shape{7, 4});
  CHECK_FALSE(broadcast({2, 3}, {2, 4}).has_value());
}

TEST_CASE("a missing file is named", "[tensor]") {
  try {
    map_file("/nowhere/model.onnx");
    FAIL("mapped");
  } catch (const Failure& failure) {
    CHECK(failure.error().code == Errc::not_found);
    CHECK(failure.error().context.find("/nowhere/model.onnx") != std::string::npos);
  }
}

TEST_CASE("a lasting buffer takes memory as it is touched", "[tensor]") {
  constexpr std::size_t kBytes = 64 << 20;
  const std::size_t before = resident_bytes();
  const auto buffer = lasting_buffer(kBytes);
  CHECK(resident_bytes() < before + (kBytes >> 2));
  CHECK(buffer->data()[kBytes - 1] == std::byte{0});
  CHECK(reinterpret_cast<std::uintptr_t>(buffer->data()) % 64 == 0);
  CHECK(lasting_buffer(3)->size() == 3);
}

TEST_CASE("pages of a mapped tensor come back when they are touched", "[tensor]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("weights");
  std::ofstream(file, std::ios::binary) << std::string(1 << 20, 'w');
  const Tensor tensor(DType::u8, {1 << 20}, map_file(file), 0);
  const auto sum = [&] {
    std::size_t all = 0;
    for (const std::uint8_t value : tensor.values<std::uint8_t>()) all += value;
    return all;
  };
  CHECK(is_mapped(tensor));
  CHECK(sum() == (std::size_t{'w'} << 20));
  const std::size_t before = resident_bytes();
  release_pages(tensor);
  CHECK(resident_bytes() < before - (1 << 19));
  CHECK(sum() == (std::size_t{'w'} << 20));
  CHECK_FALSE(is_mapped(tensor.clone()));
}

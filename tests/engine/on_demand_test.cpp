#include "engine/on_demand.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <thread>

#include "tests/resident.h"

namespace dormouse::engine {
namespace {

constexpr std::int64_t kRows = 16, kColumns = 1 << 18;
constexpr std::size_t kBytes = std::size_t{kRows} * kColumns * sizeof(float);

/// Element i is i.
Tensor counting(std::atomic<int>& calls) {
  const auto make = [&calls](std::size_t first, std::span<std::byte> to) {
    ++calls;
    auto* const values = reinterpret_cast<float*>(to.data());
    std::iota(values, values + to.size() / sizeof(float), static_cast<float>(first / sizeof(float)));
  };
  return {DType::f32, {kRows, kColumns}, on_demand(kBytes, make), 0};
}

bool counts_from(const Tensor& tensor, float first) {
  for (const float value : tensor.values<float>())
    if (value != first++) return false;
  return true;
}

TEST_CASE("what is on demand takes memory when it is read, and then keeps it", "[tensor]") {
  std::atomic<int> calls = 0;
  const std::size_t before = resident_bytes();
  const Tensor tensor = counting(calls);
  CHECK(is_unmade(tensor));
  CHECK(is_reproducible(tensor));
  const std::byte* const address = tensor.address();
  CHECK(resident_bytes() < before + kBytes / 4);
  CHECK(counts_from(tensor, 0));
  CHECK(tensor.data() == address);
  CHECK_FALSE(is_unmade(tensor));
  CHECK(counts_from(made(tensor), 0));
  CHECK(calls == 1);
  CHECK(resident_bytes() > before + kBytes / 2);
  CHECK_FALSE(tensor.buffer()->writable());
}

TEST_CASE("what is made for a while is given back", "[tensor]") {
  std::atomic<int> calls = 0;
  const Tensor tensor = counting(calls);
  const std::size_t before = resident_bytes();
  CHECK(counts_from(made(tensor), 0));
  CHECK(resident_bytes() < before + kBytes / 4);
  CHECK(is_unmade(tensor));
  CHECK(counts_from(made(tensor.rows(3, 2)), 3 * float{kColumns}));
  std::vector<float> two(2);
  write_elements(tensor.rows(1, 1), 5 * sizeof(float), std::as_writable_bytes(std::span(two)));
  CHECK(two == std::vector<float>{float{kColumns} + 5, float{kColumns} + 6});
  CHECK(calls == 3);
  CHECK(is_unmade(tensor));
}

TEST_CASE("threads that read what is on demand have it made once", "[tensor]") {
  std::atomic<int> calls = 0, right = 0;
  const Tensor tensor = counting(calls);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { right += counts_from(tensor, 0); });
  }
  CHECK(right == 4);
  CHECK(calls == 1);
}

}  // namespace
}  // namespace dormouse::engine

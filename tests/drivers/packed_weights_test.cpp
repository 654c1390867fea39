#include <catch2/catch.hpp>

#include "drivers/xnnpack/packed_weights.h"

namespace dormouse::drivers::xnnpack {
namespace {

std::shared_ptr<const Packed> some_bytes() {
  return std::make_shared<const Packed>(Packed{{}, engine::Buffer::allocate(64)});
}

TEST_CASE("packed weights are shared while a program holds them, and no longer", "[xnnpack]") {
  PackedWeights weights;
  const int filter = 0;
  const PackedWeights::Key key{7, &filter, nullptr};
  CHECK(weights.find(key) == nullptr);
  auto first = weights.insert(key, some_bytes());
  CHECK(weights.find(key) == first);
  CHECK(weights.insert(key, some_bytes()) == first);
  CHECK(weights.find({8, &filter, nullptr}) == nullptr);
  first.reset();
  CHECK(weights.find(key) == nullptr);
}

TEST_CASE("the constants that packed weights come from keep their addresses", "[xnnpack]") {
  PackedWeights weights;
  engine::Tensor filter(engine::DType::f32, {4});
  const auto held =
      weights.insert({1, filter.data(), nullptr},
                     std::make_shared<const Packed>(Packed{{filter}, engine::Buffer::allocate(64)}));
  const std::weak_ptr<engine::Buffer> storage = filter.buffer();
  filter = engine::Tensor();
  CHECK_FALSE(storage.expired());
}

}  // namespace
}  // namespace dormouse::drivers::xnnpack

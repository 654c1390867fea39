#include "engine/formats/idx.h"

#include <catch2/catch.hpp>

#include "tests/engine/damage.h"

namespace dormouse::engine {

TEST_CASE("a damaged IDX file never does more than fail", "[formats]") {
  // Two matrices of 16-bit integers.
  const std::string file("\0\0\x0b\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02\x01\x02\xff\xfe\0\0\0\x07", 24);
  survive_damage(file, file.size(),
                 [](const std::shared_ptr<Buffer>& buffer) { read_idx(buffer, "damaged"); });
}

namespace {

/// Two images of three pixels: 1 2 3, 4 5 255.
const std::string kImages(
    "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\x66\x60\x60\x60\x02\x62"
    "\x46\x20\x66\x66\x64\x62\x66\x61\xfd\x0f\0\x08\x09\x11\x3a\x16\0\0\0",
    39);
/// The same and a byte behind.
const std::string kMore(
    "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\x66\x60\x60\x60\x02\x62"
    "\x46\x20\x66\x66\x64\x62\x66\x61\xfd\x5f\x01\0\xb8\x8f\x3d\x82\x17\0\0\0",
    40);
/// A hundred bytes, and a header that promises 2^43.
const std::string kBomb(
    "\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\xaa\xff\xff\xff\x3f\x03"
    "\x83\0\x03\x3d\0\0\x99\x9a\x7f\x97\x70\0\0\0",
    34);

Tensor read(const std::string& bytes) { return read_idx(buffer_of(bytes), "images.gz"); }

}  // namespace

TEST_CASE("a compressed IDX file is read as the one inside", "[formats]") {
  const Tensor images = read(kImages);
  CHECK(images.shape() == Shape{2, 1, 3});
  const auto pixels = images.values<std::uint8_t>();
  CHECK(std::vector<int>(pixels.begin(), pixels.end()) == std::vector<int>{1, 2, 3, 4, 5, 255});
}

TEST_CASE("a compressed IDX file that is cut, damaged, or lies about its size is refused", "[formats]") {
  for (std::size_t size = 2; size < kImages.size(); ++size) {
    INFO(size << " bytes");
    CHECK_THROWS_WITH(read(kImages.substr(0, size)), Catch::Contains("images.gz: is cut short"));
  }
  std::string wrong = kImages;
  wrong[32] = static_cast<char>(wrong[32] ^ 1);  // of the checksum
  CHECK_THROWS_WITH(read(wrong), Catch::Contains("images.gz: is damaged: incorrect data check"));
  CHECK_THROWS_WITH(read(kMore), Catch::Contains("holds more than it says"));
  CHECK_THROWS_WITH(read(kImages + "x"), Catch::Contains("is cut short"));  // as if another member began
  CHECK_THROWS_WITH(read(kBomb), Catch::Contains("more than its 34 bytes can hold"));
  survive_damage(kImages, kImages.size(),
                 [](const std::shared_ptr<Buffer>& buffer) { read_idx(buffer, "damaged"); });
}

}  // namespace dormouse::engine

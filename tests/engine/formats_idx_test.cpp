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

}  // namespace dormouse::engine

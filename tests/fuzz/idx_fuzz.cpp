#include "engine/formats/idx.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dormouse::engine;
  return feed(data, size, [](std::shared_ptr<Buffer> buffer) { read_idx(buffer, "fuzz"); });
}

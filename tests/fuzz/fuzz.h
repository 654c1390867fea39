#pragma once

#include <cstdint>
#include <memory>

#include "config/error.h"
#include "tests/engine/exact_buffer.h"

/// A fuzz target is one function of libFuzzer's form; replay.cpp runs it without libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace dormouse::engine {

/// Calls `read` with the input as a Buffer. It may accept it or throw Failure: whatever else it does is a
/// finding.
template <class Read>
int feed(const std::uint8_t* data, std::size_t size, Read read) {
  try {
    read(ExactBuffer::copy({reinterpret_cast<const char*>(data), size}));
  } catch (const Failure&) {
    return 0;
  }
  return 0;
}

}  // namespace dormouse::engine

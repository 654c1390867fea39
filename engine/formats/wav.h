#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Sound, or any other signal in a WAVE file.
struct Recording {
  Tensor frames;           ///< f32 [frames, channels], integers scaled to [-1, 1)
  std::uint32_t rate = 0;  ///< frames a second
};

/// Reads RIFF WAVE: PCM of 8, 16, 24 or 32 bits and 32-bit float, plain or extensible; other chunks are
/// skipped. A data chunk cut short by a stopped recorder gives the whole frames that are there. Throws
/// Failure(corrupt), and Failure(unsupported) for other encodings.
Recording read_wav(const std::string& path);
Recording parse_wav(std::span<const std::byte> bytes, const std::string& name);

/// Writes 16-bit PCM, atomically; samples beyond [-1, 1] are clipped.
void write_wav(const std::string& path, const Recording& recording);

bool is_wav(std::span<const std::byte> bytes);

}  // namespace dormouse::engine

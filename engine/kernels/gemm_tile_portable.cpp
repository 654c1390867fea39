#include "engine/kernels/gemm_tile_body.h"

namespace dormouse::engine {

// 16-byte vectors exist on every x86-64 (16 registers) and aarch64 (32 registers).
#if defined(__aarch64__)
extern const Tiles kPortableTiles = tiles<16, 8, 3>();
#else
extern const Tiles kPortableTiles = tiles<16, 4, 2>();
#endif

}  // namespace dormouse::engine

#include "engine/kernels/integer_tile_body.h"

namespace dormouse::engine {

// As in gemm_tile_portable.cpp, aarch64 has twice as many registers.
#if defined(__aarch64__)
extern const IntegerTiles kPortableIntegerTiles = integer_tiles<16, 8, 2>();
#else
extern const IntegerTiles kPortableIntegerTiles = integer_tiles<16, 4, 2>();
#endif

}  // namespace dormouse::engine

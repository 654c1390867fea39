#include "engine/kernels/gemm_tile_body.h"

namespace dormouse::engine {

extern const Tiles kAvx2Tiles = tiles<32, 6, 2>();

}  // namespace dormouse::engine

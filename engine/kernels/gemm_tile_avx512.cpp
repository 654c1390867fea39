#include "engine/kernels/gemm_tile_body.h"

namespace dormouse::engine {

extern const Tiles kAvx512Tiles = tiles<64, 12, 2>();

}  // namespace dormouse::engine

#include "engine/kernels/integer_tile_body.h"

namespace dormouse::engine {

extern const IntegerTiles kAvx2IntegerTiles = integer_tiles<32, 6, 2>();

}  // namespace dormouse::engine

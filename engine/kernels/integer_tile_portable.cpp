#include "engine/kernels/integer_tile_body.h"

namespace dormouse::engine {

extern const IntegerTiles kPortableIntegerTiles = integer_tiles<16, 4, 2>();

}  // namespace dormouse::engine

#include "engine/kernels/integer_tile_body.h"

namespace dormouse::engine {

extern const IntegerTiles kVnniIntegerTiles = integer_tiles<64, 12, 2>();

}  // namespace dormouse::engine

#include "engine/kernels/curves_body.h"

namespace dormouse::engine {

extern const Curves kAvx512Curves = kCurves;

}  // namespace dormouse::engine

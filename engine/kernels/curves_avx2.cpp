#include "engine/kernels/curves_body.h"

namespace dormouse::engine {

extern const Curves kAvx2Curves = kCurves;

}  // namespace dormouse::engine

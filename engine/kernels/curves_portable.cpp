#include "engine/kernels/curves_body.h"

namespace dormouse::engine {

extern const Curves kPortableCurves = kCurves;

}  // namespace dormouse::engine

#include "engine/kernels/sigmoids_body.h"

namespace dormouse::engine {

extern const Sigmoids kAvx2Sigmoids{logistic, tanh};

}  // namespace dormouse::engine

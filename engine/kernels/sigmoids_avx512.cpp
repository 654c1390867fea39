#include "engine/kernels/sigmoids_body.h"

namespace dormouse::engine {

extern const Sigmoids kAvx512Sigmoids{logistic, tanh};

}  // namespace dormouse::engine

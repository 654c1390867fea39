#include "engine/kernels/sigmoids_body.h"

namespace dormouse::engine {

extern const Sigmoids kPortableSigmoids{logistic, tanh};

}  // namespace dormouse::engine

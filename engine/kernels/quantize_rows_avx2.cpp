#include "engine/kernels/quantize_rows_body.h"

namespace dormouse::engine {

extern const QuantizeRows kAvx2QuantizeRows = kQuantizeRows;

}  // namespace dormouse::engine

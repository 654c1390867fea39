#version 450
// One direction of an LSTM, a GRU or a CfC, through all its steps: a work group for each element of the batch keeps the states
// in shared memory; a thread keeps every kThreads-th unit. X times the weights is made before.

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kKind = 0;    // 0 LSTM, 1 GRU, 2 CfC
layout(constant_id = 2) const uint kFlags = 0;   // 1 biases, 2 h to begin with, 4 c to begin with, 8 elapsed times, 16 Y is
                                                 // wanted, 32 Y_h, 64 Y_c, 128 reset before the product (GRU), 256 R is transposed,
                                                 // 512 time runs backwards
layout(constant_id = 3) const uint kUnits = 1;

layout(binding = 0) readonly buffer X { float x[]; };  // X times the weights: [direction][row][gate][unit]
layout(binding = 1) readonly buffer R { float r[]; };
layout(binding = 2) readonly buffer B { float b[]; };
layout(binding = 3) readonly buffer FirstH { float first_h[]; };
layout(binding = 4) readonly buffer FirstC { float first_c[]; };
layout(binding = 5) readonly buffer Elapsed { float elapsed[]; };
layout(binding = 6) writeonly buffer Y { float y[]; };
layout(binding = 7) writeonly buffer LastH { float last_h[]; };
layout(binding = 8) writeonly buffer LastC { float last_c[]; };

layout(push_constant) uniform Push {
  uint steps;
  uint x_base, r_base, b_base;        // of the direction
  uint x_step, x_batch;               // rows between steps and elements of the batch, as of the elapsed times
  uint y_base, y_step, y_batch;       // units
  uint state_base, state_batch;
};

const uint kGates = kKind == 1 ? 3 : 4;
const uint kWide = kGates * kUnits;

shared float h[2 * kUnits];  // before the step and after it, in turn
shared float c[kUnits];      // of an LSTM; what of h is not reset of a GRU

float sigmoid(float v) { return v >= 0.0 ? 1.0 / (1.0 + exp(-v)) : exp(v) / (1.0 + exp(v)); }

// exp(-2|v|) - 1 loses digits where v is small.
float hyperbolic_tangent(float v) {
  const float a = abs(v);
  if (a < 0.25) {
    const float q = v * v;
    return v * (1.0 - q * (1.0 / 3 - q * (2.0 / 15 - q * (17.0 / 315 - q * (62.0 / 2835)))));
  }
  const float e = exp(-2.0 * a);
  return sign(v) * (1.0 - e) / (1.0 + e);
}

float bias(uint at) { return (kFlags & 1) != 0 ? b[b_base + at] : 0.0; }

float weight(uint row, uint k) {
  return (kFlags & 256) != 0 ? r[r_base + k * kWide + row] : r[r_base + row * kUnits + k];
}

float reached(uint row, uint from) {
  float sum = 0.0;
  for (uint k = 0; k < kUnits; ++k) sum += weight(row, k) * h[from + k];
  return sum;
}

void main() {
  const uint id = gl_LocalInvocationID.x, threads = gl_WorkGroupSize.x, element = gl_WorkGroupID.x;
  const uint state = state_base + element * state_batch;
  for (uint j = id; j < kUnits; j += threads) {
    h[j] = (kFlags & 2) != 0 ? first_h[state + j] : 0.0;
    if (kKind == 0) c[j] = (kFlags & 4) != 0 ? first_c[state + j] : 0.0;
  }
  uint now = 0;
  for (uint i = 0; i < steps; ++i) {
    const uint t = (kFlags & 512) != 0 ? steps - 1 - i : i;
    const uint row = t * x_step + element * x_batch, gates = x_base + row * kWide, next = kUnits - now;
    barrier();
    if (kKind == 1 && (kFlags & 128) != 0) {
      for (uint j = id; j < kUnits; j += threads) {
        const uint at = kUnits + j;
        c[j] = sigmoid(x[gates + at] + reached(at, now) + bias(at) + bias(kWide + at)) * h[now + j];
      }
      barrier();
    }
    for (uint j = id; j < kUnits; j += threads) {
      float made;
      if (kKind == 1) {
        const float z = sigmoid(x[gates + j] + reached(j, now) + bias(j) + bias(kWide + j));
        const uint at = 2 * kUnits + j;
        float kept = 0.0;
        if ((kFlags & 128) != 0) {
          for (uint k = 0; k < kUnits; ++k) kept += weight(at, k) * c[k];
          kept += bias(kWide + at);
        } else {
          const uint of = kUnits + j;
          kept = sigmoid(x[gates + of] + reached(of, now) + bias(of) + bias(kWide + of)) * (reached(at, now) + bias(kWide + at));
        }
        made = (1.0 - z) * hyperbolic_tangent(x[gates + at] + bias(at) + kept) + z * h[now + j];
      } else {
        vec4 sum;
        for (uint g = 0; g < 4; ++g) {
          const uint at = g * kUnits + j;
          sum[g] = x[gates + at] + bias(at) + bias(kWide + at);
        }
        for (uint k = 0; k < kUnits; ++k)
          sum += vec4(weight(j, k), weight(kUnits + j, k), weight(2 * kUnits + j, k), weight(3 * kUnits + j, k)) * h[now + k];
        if (kKind == 0) {  // i, o, f, g
          c[j] = sigmoid(sum.z) * c[j] + sigmoid(sum.x) * hyperbolic_tangent(sum.w);
          made = sigmoid(sum.y) * hyperbolic_tangent(c[j]);
        } else {  // f, g, a, b
          const float share = sigmoid(sum.z * ((kFlags & 8) != 0 ? elapsed[row] : 1.0) + sum.w);
          made = (1.0 - share) * hyperbolic_tangent(sum.x) + share * hyperbolic_tangent(sum.y);
        }
      }
      h[next + j] = made;
      if ((kFlags & 16) != 0) y[y_base + t * y_step + element * y_batch + j] = made;
    }
    now = next;
  }
  for (uint j = id; j < kUnits; j += threads) {  // its own
    if ((kFlags & 32) != 0) last_h[state + j] = h[now + j];
    if ((kFlags & 64) != 0) last_c[state + j] = c[j];
  }
}

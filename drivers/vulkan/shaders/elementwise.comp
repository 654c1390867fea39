#version 450
// A chain of element-wise steps, one element a thread. The steps are specialisation constants, so that a device's
// compiler sees straight code.
//
// Registers: 0 to 5 the inputs, 6 to 17 numbers, from 18 on what the steps give. A step is
// code | a << 8 | b << 16 | c << 24, with a, b and c registers. Compiled for as many steps as STEPS says at most: a step takes
// a device's compiler time, even if it is not used.

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kRank = 0;     // of what the strided inputs are read by
layout(constant_id = 2) const uint kInputs = 0;   // 2 bits each: 0 none, 1 in order, 2 one element, 3 strided
layout(constant_id = 3) const uint kOutputs = 0;  // 8 bits each: a register, 0 none
layout(constant_id = 4) const uint kNumbers = 0;
layout(constant_id = 5) const uint kSteps = 0;
layout(constant_id = 6) const uint kStep0 = 0;
layout(constant_id = 7) const uint kStep1 = 0;
layout(constant_id = 8) const uint kStep2 = 0;
layout(constant_id = 9) const uint kStep3 = 0;
layout(constant_id = 10) const uint kStep4 = 0;
layout(constant_id = 11) const uint kStep5 = 0;
layout(constant_id = 12) const uint kStep6 = 0;
layout(constant_id = 13) const uint kStep7 = 0;
layout(constant_id = 14) const uint kStep8 = 0;
layout(constant_id = 15) const uint kStep9 = 0;
layout(constant_id = 16) const uint kStep10 = 0;
layout(constant_id = 17) const uint kStep11 = 0;
layout(constant_id = 18) const uint kStep12 = 0;
layout(constant_id = 19) const uint kStep13 = 0;
layout(constant_id = 20) const uint kStep14 = 0;
layout(constant_id = 21) const uint kStep15 = 0;
layout(constant_id = 22) const uint kStep16 = 0;
layout(constant_id = 23) const uint kStep17 = 0;
layout(constant_id = 24) const uint kStep18 = 0;
layout(constant_id = 25) const uint kStep19 = 0;
layout(constant_id = 26) const uint kStep20 = 0;
layout(constant_id = 27) const uint kStep21 = 0;
layout(constant_id = 28) const uint kStep22 = 0;
layout(constant_id = 29) const uint kStep23 = 0;

layout(binding = 0) readonly buffer In0 { float in0[]; };
layout(binding = 1) readonly buffer In1 { float in1[]; };
layout(binding = 2) readonly buffer In2 { float in2[]; };
layout(binding = 3) readonly buffer In3 { float in3[]; };
layout(binding = 4) readonly buffer In4 { float in4[]; };
layout(binding = 5) readonly buffer In5 { float in5[]; };
layout(binding = 6) writeonly buffer Out0 { float out0[]; };
layout(binding = 7) writeonly buffer Out1 { float out1[]; };
layout(binding = 8) writeonly buffer Out2 { float out2[]; };

layout(push_constant) uniform Push {
  uint count;
  uint words[31];  // numbers, extents, then strides by strided input
};

float power(float a, float b) {
  if (b == 2.0) return a * a;
  if (b == 0.0) return 1.0;
  const float size = pow(abs(a), b);
  if (a >= 0.0) return a == 0.0 ? (b > 0.0 ? 0.0 : 1.0 / 0.0) : size;
  if (floor(b) != b) return 0.0 / 0.0;
  return fract(b * 0.5) == 0.0 ? size : -size;
}

float less_one(float x) {  // exp(x) - 1
  if (abs(x) > 0.25) return exp(x) - 1.0;
  return x * (1.0 + x * (0.5 + x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120 + x * (1.0 / 720))))));
}

float log_of_one_more(float x) {  // ln(1 + x)
  if (abs(x) > 0.125) return log(1.0 + x);
  return x * (1.0 - x * (0.5 - x * (1.0 / 3 - x * (0.25 - x * (0.2 - x * (1.0 / 6 - x * (1.0 / 7 - x * 0.125)))))));
}

float hyperbolic_tangent(float x) {
  const float e = less_one(-2.0 * abs(x));
  return sign(x) * -e / (e + 2.0);
}

// Abramowitz and Stegun, 7.1.26: within 1.5e-7.
float error_function(float x) {
  const float t = 1.0 / (1.0 + 0.3275911 * abs(x));
  const float p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  if (abs(x) < 0.1) return 1.1283791671 * x * (1.0 - x * x * (1.0 / 3 - x * x * 0.1));
  return sign(x) * (1.0 - p * exp(-x * x));
}

float arc_sine(float x) {
  if (abs(x) < 0.5) {
    const float q = x * x;
    return x * (1.0 + q * (1.0 / 6 + q * (0.075 + q * (0.044642857 + q * (0.030381944 + q * (0.022372159 + q * (0.017352764 + q * 0.01396484)))))));
  }
  const float h = (1.0 - abs(x)) * 0.5, r = sqrt(h), q = h;
  const float s = r * (1.0 + q * (1.0 / 6 + q * (0.075 + q * (0.044642857 + q * (0.030381944 + q * (0.022372159 + q * (0.017352764 + q * 0.01396484)))))));
  return sign(x) * (1.57079632679 - 2.0 * s);
}

float arc_tangent(float x) {
  // atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), twice: the series converges fast then.
  const bool large = abs(x) > 1.0;
  const float a = large ? 1.0 / abs(x) : abs(x);
  const float b = a / (1.0 + sqrt(1.0 + a * a)), q = b * b;
  const float s = 2.0 * b * (1.0 - q * (1.0 / 3 - q * (0.2 - q * (1.0 / 7 - q * (1.0 / 9 - q * (1.0 / 11 - q * (1.0 / 13 - q * (1.0 / 15))))))));
  return sign(x) * (large ? 1.57079632679 - s : s);
}

float flag(bool value) { return value ? 1.0 : 0.0; }

// In the order of Code in expression.h.
float apply(uint code, float a, float b, float c) {
  switch (code) {
    case 0: return a;
    case 1: return -a;
    case 2: return abs(a);
    case 3: return exp(a);
    case 4: return log(a);
    case 5: return sqrt(a);
    case 6: return 1.0 / a;
    case 7: return sin(a);
    case 8: return cos(a);
    case 9: return tan(a);
    case 10: return arc_sine(a);
    case 11: return 1.57079632679 - arc_sine(a);
    case 12: return arc_tangent(a);
    case 13: return abs(a) < 0.25 ? 0.5 * (less_one(a) - less_one(-a)) : sinh(a);
    case 14: return cosh(a);
    case 15: return hyperbolic_tangent(a);
    case 16: return sign(a) * log_of_one_more(abs(a) + a * a / (1.0 + sqrt(a * a + 1.0)));
    case 17: return log(a + sqrt(a * a - 1.0));
    case 18: return 0.5 * log_of_one_more(2.0 * a / (1.0 - a));
    case 19: return error_function(a);
    case 20: return a >= 0.0 ? 1.0 / (1.0 + exp(-a)) : exp(a) / (1.0 + exp(a));
    case 21: return floor(a);
    case 22: return ceil(a);
    case 23: return roundEven(a);
    case 24: return a > 0.0 ? 1.0 : (a < 0.0 ? -1.0 : a);
    case 25: return flag(a == 0.0);
    case 26: return max(a, 0.0) + log_of_one_more(exp(-abs(a)));
    case 27: return less_one(a);
    case 28: return a + b;
    case 29: return a - b;
    case 30: return a * b;
    case 31: return a / b;
    case 32: return power(a, b);
    case 33: return a > b ? a : b;
    case 34: return a < b ? a : b;
    case 35: return flag(a > b);
    case 36: return flag(a >= b);
    case 37: return flag(a < b);
    case 38: return flag(a <= b);
    case 39: return flag(a == b);
    case 40: return flag(a != 0.0 && b != 0.0);
    case 41: return flag(a != 0.0 || b != 0.0);
    case 42: return flag((a != 0.0) != (b != 0.0));
    case 43: return a - b * trunc(a / b);
    case 44: return a != 0.0 ? b : c;
    case 45: return a * b + c;
  }
  return 0.0;
}

void main() {
  const uint at = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (at >= count) return;
  uint from[6];
  for (uint i = 0; i < 6; ++i) from[i] = (kInputs >> 2 * i & 3) == 1 ? at : 0;
  uint rest = at;
  for (uint k = 0; k < kRank; ++k) {
    const uint d = kRank - 1 - k;
    const uint size = words[kNumbers + d];
    const uint here = d == 0 ? rest : rest % size;
    rest /= size;
    uint strides = kNumbers + kRank + d;
    for (uint i = 0; i < 6; ++i) {
      if ((kInputs >> 2 * i & 3) != 3) continue;
      from[i] += here * words[strides];
      strides += kRank;
    }
  }
  float r[42];
  if ((kInputs >> 0 & 3) != 0) r[0] = in0[from[0]];
  if ((kInputs >> 2 & 3) != 0) r[1] = in1[from[1]];
  if ((kInputs >> 4 & 3) != 0) r[2] = in2[from[2]];
  if ((kInputs >> 6 & 3) != 0) r[3] = in3[from[3]];
  if ((kInputs >> 8 & 3) != 0) r[4] = in4[from[4]];
  if ((kInputs >> 10 & 3) != 0) r[5] = in5[from[5]];
  for (uint i = 0; i < kNumbers; ++i) r[6 + i] = uintBitsToFloat(words[i]);
#define STEP(i, s) \
  if (kSteps > i) r[18 + i] = apply(s & 255, r[s >> 8 & 63], r[s >> 16 & 63], r[s >> 24 & 63]);
  STEP(0, kStep0)
#if STEPS > 1
  STEP(1, kStep1)
  STEP(2, kStep2)
  STEP(3, kStep3)
#endif
#if STEPS > 4
  STEP(4, kStep4)
  STEP(5, kStep5)
  STEP(6, kStep6)
  STEP(7, kStep7)
  STEP(8, kStep8)
  STEP(9, kStep9)
  STEP(10, kStep10)
  STEP(11, kStep11)
  STEP(12, kStep12)
  STEP(13, kStep13)
  STEP(14, kStep14)
  STEP(15, kStep15)
  STEP(16, kStep16)
  STEP(17, kStep17)
  STEP(18, kStep18)
  STEP(19, kStep19)
  STEP(20, kStep20)
  STEP(21, kStep21)
  STEP(22, kStep22)
  STEP(23, kStep23)
#endif
  if ((kOutputs >> 0 & 255) != 0) out0[at] = r[kOutputs >> 0 & 63];
  if ((kOutputs >> 8 & 255) != 0) out1[at] = r[kOutputs >> 8 & 63];
  if ((kOutputs >> 16 & 255) != 0) out2[at] = r[kOutputs >> 16 & 63];
}

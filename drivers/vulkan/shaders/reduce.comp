#version 450
#extension GL_GOOGLE_include_directive : require
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif
#include "finish.glsl"
// Reductions: a work group makes kAcross outputs, with gl_WorkGroupSize.x / kAcross threads on each.

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kAcross = 1;
// 0 sum, 1 max, 2 min, 3 product, 4 of magnitudes, 5 of squares, 6 of exponentials (first their largest)
layout(constant_id = 2) const uint kFold = 0;
layout(constant_id = 3) const uint kEnd = 0;  // 0 as it is, 1 root, 2 logarithm
layout(constant_id = 4) const uint kMostThreads = 256;
layout(constant_id = 5) const uint kFinish = 0;

layout(binding = 0) readonly buffer In { float x[]; };
layout(binding = 1) writeonly buffer Out { float y[]; };

layout(push_constant) uniform Push {
  uint count, length;
  float factor;          // of the result
  uint kept[4];          // extents, and strides in x
  uint kept_strides[4];
  uint reduced[4];
  uint reduced_strides[4];
  float finish_a, finish_b;
};

shared float partial[kMostThreads];

uint offset_of(uint at, uint extents[4], uint strides[4]) {
  uint offset = 0;
  for (uint k = 0; k < 4; ++k) {
    const uint d = 3 - k;
    offset += at % extents[d] * strides[d];
    at /= extents[d];
  }
  return offset;
}

float start(uint fold) {
  if (fold == 1) return -1.0 / 0.0;
  if (fold == 2) return 1.0 / 0.0;
  return fold == 3 ? 1.0 : 0.0;
}

float add(uint fold, float a, float b) {
  if (fold == 1) return b > a || b != b ? b : a;
  if (fold == 2) return b < a || b != b ? b : a;
  return fold == 3 ? a * b : a + b;
}

float seen(uint fold, float value, float shift) {
  if (fold == 4) return abs(value);
  if (fold == 5) return value * value;
  return fold == 6 ? exp(value - shift) : value;
}

#ifdef SUBGROUPS
// The largest and the least of what is no number are none, too.
float folded_by_subgroups(uint fold, float sum) {
  const bool orders = fold == 1 || fold == 2;
  const uint lost = orders ? subgroupOr(isnan(sum) ? 1u : 0u) : 0;
  if (fold == 1) sum = subgroupMax(sum);
  else if (fold == 2) sum = subgroupMin(sum);
  else sum = fold == 3 ? subgroupMul(sum) : subgroupAdd(sum);
  if (lost != 0) sum = uintBitsToFloat(0x7fc00000);
  if (gl_NumSubgroups == 1) return sum;
  if (subgroupElect()) partial[gl_SubgroupID] = sum;
  barrier();
  float all = partial[0];
  for (uint i = 1; i < gl_NumSubgroups; ++i) all = add(fold, all, partial[i]);
  barrier();
  return all;
}
#endif

// The same on every thread of an output.
float folded(uint fold, uint base, uint lane, uint lanes, float shift) {
  float sum = start(fold);
  for (uint i = lane; i < length; i += lanes)
    sum = add(fold, sum, seen(fold, x[base + offset_of(i, reduced, reduced_strides)], shift));
  if (lanes == 1) return sum;
#ifdef SUBGROUPS
  if (kAcross == 1) return folded_by_subgroups(fold, sum);
#endif
  const uint id = gl_LocalInvocationID.x;
  partial[id] = sum;
  for (uint half_way = lanes / 2; half_way > 0; half_way /= 2) {
    barrier();
    if (lane < half_way) partial[id] = add(fold, partial[id], partial[id + half_way * kAcross]);
  }
  barrier();
  const float all = partial[id % kAcross];
  barrier();
  return all;
}

void main() {
  const uint lane = gl_LocalInvocationID.x / kAcross, lanes = gl_WorkGroupSize.x / kAcross;
  const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  const uint at = group * kAcross + gl_LocalInvocationID.x % kAcross;
  const bool there = at < count;
  const uint base = there ? offset_of(at, kept, kept_strides) : 0;
  float shift = 0.0, result;
  if (kFold == 6) {
    shift = folded(1, base, lane, lanes, 0.0);
    if (isinf(shift)) shift = 0.0;
  }
  result = folded(kFold, base, lane, lanes, shift);
  if (kEnd == 1) result = sqrt(result);
  if (kEnd == 2) result = log(result) + shift;
  if (there && lane == 0) y[at] = finished(kFinish, result * factor, finish_a, finish_b);
}

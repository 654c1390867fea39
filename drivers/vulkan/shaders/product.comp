#version 450
#extension GL_EXT_control_flow_attributes : require
#extension GL_GOOGLE_include_directive : require
// out = finished(alpha * A * B + beta * bias), for every batch or group, by tiles in shared memory; each thread keeps
// 4 kRows x 4 kColumns results and reads the next tiles while it computes. Loops are unrolled by demand: what is indexed at
// run time is no register. What A and B are depends on kMode: matrices of any strides, or a convolution or one of its
// gradients, whose columns are read from the image as they are needed (implicit GEMM).
//
// Of several splits of K each writes its part of the sum behind the other's; a reduction adds them up, and finishes.
//
// With HALVES, A and B are rounded to f16 and multiplied so; what a tile adds to a sum is summed in f16, all tiles in f32. With
// MATRICES subgroups of 32 threads multiply blocks of 16 x 16 by units made for it, and all sums are f32.
#include "finish.glsl"
#ifdef HALVES
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#define NUMBER float16_t
#define NUMBERS f16vec4
#else
#define NUMBER float
#define NUMBERS vec4
#endif
#ifdef MATRICES
#extension GL_NV_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kMode = 0;  // 0 matrices, 1 Conv, 2 ConvGradInput, 3 ConvGradWeight
layout(constant_id = 2) const uint kTileM = 64;
layout(constant_id = 3) const uint kTileN = 64;
layout(constant_id = 4) const uint kTileK = 16;
layout(constant_id = 5) const uint kFlags = 0;  // 1 A is read along k, 2 B likewise, 4 there is a bias, 8 A is of f16, 16 B likewise
// The convolution: extents of a group's channels, the image, the outputs, the kernel.
layout(constant_id = 6) const uint kC = 1;
layout(constant_id = 7) const uint kH = 1;
layout(constant_id = 8) const uint kW = 1;
layout(constant_id = 9) const uint kM = 1;
layout(constant_id = 10) const uint kOH = 1;
layout(constant_id = 11) const uint kOW = 1;
layout(constant_id = 12) const uint kKH = 1;
layout(constant_id = 13) const uint kKW = 1;
layout(constant_id = 14) const int kSH = 1;
layout(constant_id = 15) const int kSW = 1;
layout(constant_id = 16) const int kDH = 1;
layout(constant_id = 17) const int kDW = 1;
layout(constant_id = 18) const int kPH = 0;
layout(constant_id = 19) const int kPW = 0;
layout(constant_id = 20) const uint kGroups = 1;
layout(constant_id = 21) const uint kRows = 1;  // of a thread, by fours; likewise columns
layout(constant_id = 22) const uint kColumns = 1;
layout(constant_id = 23) const uint kFinish = 0;

layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 0) readonly buffer HalvesOfA { uint a_halves[]; };  // two a word
layout(binding = 1) readonly buffer HalvesOfB { uint b_halves[]; };
layout(binding = 2) readonly buffer Bias { float bias[]; };
layout(binding = 3) writeonly buffer Out { float result[]; };

layout(push_constant) uniform Push {
  uint M, N, K;
  uint chunk;   // of K that a split sums
  uint splits;
  float alpha, beta;
  uint size;    // elements of all results
  float finish_a, finish_b;
  uint a_m, a_k, b_k, b_n;  // strides of matrices, and of the bias
  uint bias_m, bias_n;
  uint batch1, batch2;      // the inner two extents of the batch
  uint a_0, a_1, a_2, b_0, b_1, b_2;  // strides along the batch
};

#ifdef MATRICES
const uint kPitchM = kTileM + 8;  // rows begin where blocks may be loaded from
const uint kPitchN = kTileN + 8;
shared NUMBER tile_a[kTileK * kPitchM];
shared NUMBER tile_b[kTileK * kPitchN];
#else
const uint kPitchM = kTileM / 4 + 1;
const uint kPitchN = kTileN / 4 + 1;
shared NUMBERS tile_a[kTileK * kPitchM];
shared NUMBERS tile_b[kTileK * kPitchN];
#endif

uint a_base, b_base, group;

// Exact, also of what is too small for a device to widen by itself; finite.
float widened(uint word, uint i) {
  const uint bits = (i & 1) != 0 ? word >> 16 : word & 0xffff, magnitude = bits & 0x7fff;
  const float value = magnitude < 0x400 ? float(magnitude) / 16777216.0 : uintBitsToFloat((magnitude << 13) + 0x38000000);
  return (bits & 0x8000) != 0 ? -value : value;
}

float a_at(uint i) {
  if ((kFlags & 8) != 0) return widened(a_halves[i / 2], i);
  return a[i];
}

float b_at(uint i) {
  if ((kFlags & 16) != 0) return widened(b_halves[i / 2], i);
  return b[i];
}

// What a column or row stands for, found once where it does not change along k.
struct Place {
  uint base;
  int y, x;
};

Place input_place(uint n) {  // Conv: of output n
  const uint image = n / (kOH * kOW), p = n % (kOH * kOW);
  return Place((image * kGroups + group) * kC * kH * kW, int(p / kOW) * kSH - kPH, int(p % kOW) * kSW - kPW);
}

float input_at(Place place, uint k) {
  const uint c = k / (kKH * kKW), e = k % (kKH * kKW);
  const int y = place.y + int(e / kKW) * kDH, x = place.x + int(e % kKW) * kDW;
  if (y < 0 || x < 0 || y >= int(kH) || x >= int(kW)) return 0.0;
  return b[place.base + (c * kH + uint(y)) * kW + uint(x)];
}

Place output_place(uint n) {  // ConvGradInput: of input n
  const uint image = n / (kH * kW), p = n % (kH * kW);
  return Place((image * kGroups + group) * kM * kOH * kOW, int(p / kW) + kPH, int(p % kW) + kPW);
}

float output_at(Place place, uint k) {
  const uint m = k / (kKH * kKW), e = k % (kKH * kKW);
  const int y = place.y - int(e / kKW) * kDH, x = place.x - int(e % kKW) * kDW;
  if (y < 0 || x < 0) return 0.0;
  const int oy = y / kSH, ox = x / kSW;
  if (oy * kSH != y || ox * kSW != x || oy >= int(kOH) || ox >= int(kOW)) return 0.0;
  return b[place.base + (m * kOH + uint(oy)) * kOW + uint(ox)];
}

Place place_of(uint n) {
  if (kMode == 1) return input_place(n);
  if (kMode == 2) return output_place(n);
  return Place(0, 0, 0);
}

float read_a(uint m, uint k) {
  if (kMode == 0) return a_at(a_base + m * a_m + k * a_k);
  if (kMode == 1) return a_at((group * kM + m) * K + k);
  if (kMode == 2) return a[((group * kM + k / (kKH * kKW)) * kC + m) * (kKH * kKW) + k % (kKH * kKW)];
  return a[((k / (kOH * kOW) * kGroups + group) * kM + m) * (kOH * kOW) + k % (kOH * kOW)];
}

float read_b(uint k, uint n, Place place) {
  if (kMode == 0) return b_at(b_base + k * b_k + n * b_n);
  if (kMode == 1) return input_at(place, k);
  if (kMode == 2) return output_at(place, k);
  return input_at(input_place(k), n);
}

void store(uint part, uint z, uint m, uint n, float sum) {
  if (m >= M || n >= N) return;
  uint at;
  if (kMode == 0) at = (z * M + m) * N + n;
  else if (kMode == 1) at = ((n / (kOH * kOW) * kGroups + group) * kM + m) * (kOH * kOW) + n % (kOH * kOW);
  else if (kMode == 2) at = ((n / (kH * kW) * kGroups + group) * kC + m) * (kH * kW) + n % (kH * kW);
  else at = (group * M + m) * N + n;
  float value = alpha * sum;
  if ((kFlags & 4) != 0 && part == 0) value += beta * bias[kMode == 1 ? group * kM + m : kMode == 2 ? group * kC + m : m * bias_m + n * bias_n];
  result[part * size + at] = finished(kFinish, value, finish_a, finish_b);
}

#ifdef MATRICES
void put_a(uint m, uint k, float value) { tile_a[k * kPitchM + m] = NUMBER(value); }
void put_b(uint k, uint n, float value) { tile_b[k * kPitchN + n] = NUMBER(value); }
#else
void put_a(uint m, uint k, float value) { tile_a[k * kPitchM + m / 4][m % 4] = NUMBER(value); }
void put_b(uint k, uint n, float value) { tile_b[k * kPitchN + n / 4][n % 4] = NUMBER(value); }
#endif

void store_row(uint part, uint z, uint m, uint n, vec4 sums) {
  store(part, z, m, n, sums.x);
  store(part, z, m, n + 1, sums.y);
  store(part, z, m, n + 2, sums.z);
  store(part, z, m, n + 3, sums.w);
}

const uint kAcrossM = kTileM / 4 / kRows;  // threads
const uint kAcrossN = kTileN / 4 / kColumns;
const uint kThreads = kAcrossM * kAcrossN;  // a multiple of kTileN: a thread keeps to a column of B
const uint kReadsA = kTileM * kTileK / kThreads;
const uint kReadsB = kTileN * kTileK / kThreads;

// What a thread, or with MATRICES a subgroup, keeps of the result.
#ifdef MATRICES
const uint kBlocks = 2 * kColumns;  // along a row of them, of kRows
fcoopmatNV<32, gl_ScopeSubgroup, 16, 16> sums[kRows * kBlocks];
shared float block[kThreads / 32 * 256];

void begin_sums() {
  [[unroll]] for (uint i = 0; i < kRows * kBlocks; ++i) sums[i] = fcoopmatNV<32, gl_ScopeSubgroup, 16, 16>(0.0);
}

// The first row and column of a subgroup's blocks.
uint first_m() { return gl_SubgroupID / (kTileN / 16 / kBlocks) * kRows * 16; }
uint first_n() { return gl_SubgroupID % (kTileN / 16 / kBlocks) * kBlocks * 16; }

void add_tile(uint tx, uint ty) {
  [[unroll]] for (uint k = 0; k < kTileK; k += 16) {
    fcoopmatNV<16, gl_ScopeSubgroup, 16, 16> right[kBlocks];
    [[unroll]] for (uint c = 0; c < kBlocks; ++c)
      coopMatLoadNV(right[c], tile_b, k * kPitchN + first_n() + 16 * c, kPitchN, false);
    [[unroll]] for (uint r = 0; r < kRows; ++r) {
      fcoopmatNV<16, gl_ScopeSubgroup, 16, 16> left;
      coopMatLoadNV(left, tile_a, k * kPitchM + first_m() + 16 * r, kPitchM, true);
      [[unroll]] for (uint c = 0; c < kBlocks; ++c)
        sums[r * kBlocks + c] = coopMatMulAddNV(left, right[c], sums[r * kBlocks + c]);
    }
  }
}

void store_sums(uint part, uint z, uint m0, uint n0, uint tx, uint ty) {
  [[unroll]] for (uint r = 0; r < kRows; ++r)
    [[unroll]] for (uint c = 0; c < kBlocks; ++c) {
      coopMatStoreNV(sums[r * kBlocks + c], block, gl_SubgroupID * 256, 16, false);
      subgroupMemoryBarrierShared();
      subgroupBarrier();
      [[unroll]] for (uint i = 0; i < 8; ++i) {
        const uint e = gl_SubgroupInvocationID + 32 * i;
        store(part, z, m0 + first_m() + 16 * r + e / 16, n0 + first_n() + 16 * c + e % 16, block[gl_SubgroupID * 256 + e]);
      }
      subgroupBarrier();
    }
}
#else
vec4 sums[4 * kRows * kColumns];

void begin_sums() {
  [[unroll]] for (uint i = 0; i < 4 * kRows * kColumns; ++i) sums[i] = vec4(0.0);
}

void add_tile(uint tx, uint ty) {
#ifdef HALVES
  f16vec4 few[4 * kRows * kColumns];
  [[unroll]] for (uint i = 0; i < 4 * kRows * kColumns; ++i) few[i] = f16vec4(0.0);
#define SUMS few
#else
#define SUMS sums
#endif
  [[unroll]] for (uint k = 0; k < kTileK; ++k) {
    NUMBERS right[kColumns];
    [[unroll]] for (uint c = 0; c < kColumns; ++c) right[c] = tile_b[k * kPitchN + tx + c * kAcrossN];
    [[unroll]] for (uint r = 0; r < kRows; ++r) {
      const NUMBERS left = tile_a[k * kPitchM + ty + r * kAcrossM];
      [[unroll]] for (uint c = 0; c < kColumns; ++c) {
        SUMS[(4 * r) * kColumns + c] += left.x * right[c];
        SUMS[(4 * r + 1) * kColumns + c] += left.y * right[c];
        SUMS[(4 * r + 2) * kColumns + c] += left.z * right[c];
        SUMS[(4 * r + 3) * kColumns + c] += left.w * right[c];
      }
    }
  }
#ifdef HALVES
  [[unroll]] for (uint i = 0; i < 4 * kRows * kColumns; ++i) sums[i] += vec4(few[i]);
#endif
}

void store_sums(uint part, uint z, uint m0, uint n0, uint tx, uint ty) {
  [[unroll]] for (uint r = 0; r < kRows; ++r)
    [[unroll]] for (uint i = 0; i < 4; ++i)
      [[unroll]] for (uint c = 0; c < kColumns; ++c)
        store_row(part, z, m0 + 4 * (ty + r * kAcrossM) + i, n0 + 4 * (tx + c * kAcrossN), sums[(4 * r + i) * kColumns + c]);
}
#endif

void main() {
  const uint id = gl_LocalInvocationID.x, tx = id % kAcrossN, ty = id / kAcrossN;
  const uint z = gl_WorkGroupID.z / splits, part = gl_WorkGroupID.z % splits;
  const uint m0 = gl_WorkGroupID.y * kTileM, n0 = gl_WorkGroupID.x * kTileN;
  group = kMode == 0 ? 0 : z;
  if (kMode == 0) {
    const uint z2 = z % batch2, z1 = z / batch2 % batch1, z0 = z / batch2 / batch1;
    a_base = z0 * a_0 + z1 * a_1 + z2 * a_2;
    b_base = z0 * b_0 + z1 * b_1 + z2 * b_2;
  }
  const uint first = part * chunk, last = min(K, first + chunk);
  const bool a_along_k = (kFlags & 1) != 0, b_along_k = (kFlags & 2) != 0;

  begin_sums();
  float next_a[kReadsA], next_b[kReadsB];
  const Place fixed_place = place_of(n0 + id % kTileN);
  for (uint ahead = first; ahead < last + kTileK; ahead += kTileK) {  // a turn more than there are tiles
    [[unroll]] for (uint u = 0; u < kReadsA; ++u) {
      const uint i = id + u * kThreads;
      const uint m = m0 + (a_along_k ? i / kTileK : i % kTileM), k = ahead + (a_along_k ? i % kTileK : i / kTileM);
      next_a[u] = 0.0;
      if (m < M && k < last) next_a[u] = read_a(m, k);
    }
    [[unroll]] for (uint u = 0; u < kReadsB; ++u) {
      const uint i = id + u * kThreads;
      const uint n = n0 + (b_along_k ? i / kTileK : i % kTileN), k = ahead + (b_along_k ? i % kTileK : i / kTileN);
      next_b[u] = 0.0;
      if (n < N && k < last) next_b[u] = read_b(k, n, fixed_place);
    }
    if (ahead > first) {
      add_tile(tx, ty);
      barrier();
    }
    [[unroll]] for (uint u = 0; u < kReadsA; ++u) {
      const uint i = id + u * kThreads;
      const uint m = a_along_k ? i / kTileK : i % kTileM, k = a_along_k ? i % kTileK : i / kTileM;
      put_a(m, k, next_a[u]);
    }
    [[unroll]] for (uint u = 0; u < kReadsB; ++u) {
      const uint i = id + u * kThreads;
      const uint n = b_along_k ? i / kTileK : i % kTileN, k = b_along_k ? i % kTileK : i / kTileN;
      put_b(k, n, next_b[u]);
    }
    barrier();
  }

  store_sums(part, z, m0, n0, tx, ty);
}

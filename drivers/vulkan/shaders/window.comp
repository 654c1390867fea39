#version 450
#extension GL_GOOGLE_include_directive : require
#include "finish.glsl"
// What slides a window over images, one element of the result a thread: pools, convolutions by channel, their gradients.

layout(local_size_x_id = 0) in;
// 0 MaxPool, 1 AveragePool, 2 Conv of one input channel a group, 3 MaxPoolGrad, 4 AveragePoolGrad, 5 the gradient to such a
// Conv's input
layout(constant_id = 1) const uint kMode = 0;
layout(constant_id = 2) const int kH = 1;
layout(constant_id = 3) const int kW = 1;
layout(constant_id = 4) const int kOH = 1;
layout(constant_id = 5) const int kOW = 1;
layout(constant_id = 6) const int kKH = 1;
layout(constant_id = 7) const int kKW = 1;
layout(constant_id = 8) const int kSH = 1;
layout(constant_id = 9) const int kSW = 1;
layout(constant_id = 10) const int kDH = 1;
layout(constant_id = 11) const int kDW = 1;
layout(constant_id = 12) const int kPH = 0;
layout(constant_id = 13) const int kPW = 0;
layout(constant_id = 14) const int kEndH = 0;  // padding behind
layout(constant_id = 15) const int kEndW = 0;
layout(constant_id = 16) const uint kFlags = 0;  // 1 padding counts in the mean, 2 there is a bias
layout(constant_id = 17) const uint kC = 1;      // channels of the image, and for each of them so many of the result
layout(constant_id = 18) const uint kEach = 1;
layout(constant_id = 19) const uint kFinish = 0;  // of a convolution

layout(binding = 0) readonly buffer X { float x[]; };   // what the window slides over, or dy
layout(binding = 1) readonly buffer W { float w[]; };   // weights, or dy of a pool
layout(binding = 2) readonly buffer B { float bias[]; };
layout(binding = 3) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push { uint count; float finish_a, finish_b; };

bool inside(int row, int column) { return row >= 0 && column >= 0 && row < kH && column < kW; }

float largest(uint plane, int oy, int ox, out int which) {
  float best = -1.0 / 0.0;
  which = -1;
  for (int i = 0; i < kKH; ++i)
    for (int j = 0; j < kKW; ++j) {
      const int row = oy * kSH - kPH + i * kDH, column = ox * kSW - kPW + j * kDW;
      if (!inside(row, column)) continue;
      const float value = x[plane + uint(row * kW + column)];
      if (value > best || which < 0 || isnan(value)) {
        best = value;
        which = row * kW + column;
      }
    }
  return best;
}

int averaged(int oy, int ox) {
  int counted = 0;
  for (int i = 0; i < kKH; ++i)
    for (int j = 0; j < kKW; ++j) {
      const int row = oy * kSH - kPH + i * kDH, column = ox * kSW - kPW + j * kDW;
      const bool padded = row < kH + kEndH && column < kW + kEndW;
      if ((kFlags & 1) != 0 ? padded : inside(row, column)) ++counted;
    }
  return max(counted, 1);
}

float average(uint plane, int oy, int ox) {
  float sum = 0.0;
  for (int i = 0; i < kKH; ++i)
    for (int j = 0; j < kKW; ++j) {
      const int row = oy * kSH - kPH + i * kDH, column = ox * kSW - kPW + j * kDW;
      if (inside(row, column)) sum += x[plane + uint(row * kW + column)];
    }
  return sum / float(averaged(oy, ox));
}

float convolved(uint plane, uint channel, int oy, int ox) {
  float sum = (kFlags & 2) != 0 ? bias[channel] : 0.0;
  for (int i = 0; i < kKH; ++i)
    for (int j = 0; j < kKW; ++j) {
      const int row = oy * kSH - kPH + i * kDH, column = ox * kSW - kPW + j * kDW;
      if (inside(row, column))
        sum += x[plane + uint(row * kW + column)] * w[channel * uint(kKH * kKW) + uint(i * kKW + j)];
    }
  return sum;
}

// What reaches the input at (row, column) of plane `plane`; the outputs whose windows it is in, one by one.
float arrives(uint plane, int row, int column) {
  float sum = 0.0;
  for (int i = 0; i < kKH; ++i)
    for (int j = 0; j < kKW; ++j) {
      const int up = row + kPH - i * kDH, left = column + kPW - j * kDW;
      if (up < 0 || left < 0 || up % kSH != 0 || left % kSW != 0) continue;
      const int oy = up / kSH, ox = left / kSW;
      if (oy >= kOH || ox >= kOW) continue;
      const uint out_at = uint(oy * kOW + ox), out_plane = uint(kOH * kOW);
      if (kMode == 3) {
        int which;
        largest(plane * uint(kH * kW), oy, ox, which);
        if (which == row * kW + column) sum += w[plane * out_plane + out_at];
      } else if (kMode == 4) {
        sum += x[plane * out_plane + out_at] / float(averaged(oy, ox));
      } else {
        for (uint e = 0; e < kEach; ++e)
          sum += x[(plane * kEach + e) * out_plane + out_at] *
                 w[(plane % kC * kEach + e) * uint(kKH * kKW) + uint(i * kKW + j)];
      }
    }
  return sum;
}

void main() {
  const uint at = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (at >= count) return;
  if (kMode >= 3) {
    const uint plane = at / uint(kH * kW), p = at % uint(kH * kW);
    y[at] = arrives(plane, int(p) / kW, int(p) % kW);
    return;
  }
  const uint plane = at / uint(kOH * kOW), p = at % uint(kOH * kOW);
  const int oy = int(p) / kOW, ox = int(p) % kOW;
  int which;
  if (kMode == 0) y[at] = largest(plane * uint(kH * kW), oy, ox, which);
  if (kMode == 1) y[at] = average(plane * uint(kH * kW), oy, ox);
  if (kMode == 2) y[at] = finished(kFinish, convolved(plane / kEach * uint(kH * kW), plane % (kC * kEach), oy, ox), finish_a, finish_b);
}

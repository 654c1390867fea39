#version 450
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif
// What normalises rows, one a work group. Element i of row r lies at
//   r / kPer * outer + r % kPer * inner + i / run * far + i % run * near.

layout(local_size_x_id = 0) in;
// 0 Softmax, 1 LogSoftmax, 2 by mean and deviation, 3 by the root of the mean square, 4 cross-entropy of each row,
// 5 the weighted mean of rows' losses
layout(constant_id = 1) const uint kMode = 0;
layout(constant_id = 2) const uint kFlags = 0;  // 1 a scale, 2 a bias, 4 means are written, 8 deviations, 16 running ones
layout(constant_id = 3) const uint kMostThreads = 256;

layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer S { float scale[]; };  // or targets
layout(binding = 2) readonly buffer B { float bias[]; };   // or weights
layout(binding = 3) readonly buffer M { float old_mean[]; };
layout(binding = 4) readonly buffer V { float old_variance[]; };
layout(binding = 5) writeonly buffer Y { float y[]; };
layout(binding = 6) writeonly buffer Mean { float means[]; };
layout(binding = 7) writeonly buffer Deviation { float deviations[]; };

layout(push_constant) uniform Push {
  uint rows, length;
  uint per, outer, inner, run, far, near;
  float epsilon, momentum;
  // The scale of element i of row r is at r / s_rows_by % s_rows * s_row + i / s_by * s_step.
  uint s_rows_by, s_rows, s_row, s_by, s_step;
};

shared float partial[kMostThreads];

float all(bool largest, float value) {
  const uint id = gl_LocalInvocationID.x;
#ifdef SUBGROUPS
  value = largest ? subgroupMax(value) : subgroupAdd(value);
  if (gl_NumSubgroups == 1) return value;
  if (subgroupElect()) partial[gl_SubgroupID] = value;
  barrier();
  float result = partial[0];
  for (uint i = 1; i < gl_NumSubgroups; ++i) result = largest ? max(result, partial[i]) : result + partial[i];
#else
  partial[id] = value;
  for (uint half_way = gl_WorkGroupSize.x / 2; half_way > 0; half_way /= 2) {
    barrier();
    if (id < half_way)
      partial[id] = largest ? max(partial[id], partial[id + half_way]) : partial[id] + partial[id + half_way];
  }
  barrier();
  const float result = partial[0];
#endif
  barrier();
  return result;
}

void main() {
  const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, id = gl_LocalInvocationID.x,
             threads = gl_WorkGroupSize.x;
  if (row >= rows) return;
  const uint base = row / per * outer + row % per * inner;
#define AT(i) (base + (i) / run * far + (i) % run * near)
  if (kMode == 5) {
    float sum = 0.0, total = 0.0;
    for (uint i = id; i < length; i += threads) {
      sum += x[i];
      total += (kFlags & 2) != 0 ? bias[i] : 1.0;
    }
    sum = all(false, sum);
    total = all(false, total);
    if (id == 0) y[0] = total != 0.0 ? sum / total : 0.0;
    return;
  }
  if (kMode <= 1 || kMode == 4) {
    float highest = -1.0 / 0.0;
    for (uint i = id; i < length; i += threads) highest = max(highest, x[AT(i)]);
    highest = all(true, highest);
    float sum = 0.0;
    for (uint i = id; i < length; i += threads) sum += exp(x[AT(i)] - highest);
    sum = all(false, sum);
    if (kMode == 4) {
      const float shift = highest + log(sum), weight = (kFlags & 2) != 0 ? bias[row] : 1.0;
      float loss = 0.0;
      for (uint i = id; i < length; i += threads) {
        const float target = scale[row * length + i];
        if (target != 0.0) loss -= target * (x[AT(i)] - shift);
      }
      loss = all(false, loss);
      if (id == 0) y[row] = weight == 0.0 ? 0.0 : weight * loss;
    } else if (kMode == 0) {
      const float factor = 1.0 / sum;
      for (uint i = id; i < length; i += threads) y[AT(i)] = exp(x[AT(i)] - highest) * factor;
    } else {
      const float shift = highest + log(sum);
      for (uint i = id; i < length; i += threads) y[AT(i)] = x[AT(i)] - shift;
    }
    return;
  }
  float mean = 0.0, square = 0.0;
  if (kMode == 2) {
    for (uint i = id; i < length; i += threads) mean += x[AT(i)];
    mean = all(false, mean) / float(length);
  }
  for (uint i = id; i < length; i += threads) {
    const float centred = x[AT(i)] - mean;
    square += centred * centred;
  }
  square = all(false, square) / float(length);
  const float factor = 1.0 / sqrt(square + epsilon);
  const uint parameters = row / s_rows_by % s_rows * s_row;
  for (uint i = id; i < length; i += threads) {
    const uint p = parameters + i / s_by * s_step;
    float value = (x[AT(i)] - mean) * factor;
    if ((kFlags & 1) != 0) value *= scale[p];
    if ((kFlags & 2) != 0) value += bias[p];
    y[AT(i)] = value;
  }
  if (id != 0) return;
  const bool running = (kFlags & 16) != 0;
  if ((kFlags & 4) != 0) means[row] = running ? momentum * old_mean[row] + (1.0 - momentum) * mean : mean;
  if ((kFlags & 8) != 0)
    deviations[row] = running ? momentum * old_variance[row] + (1.0 - momentum) * square : factor;
}

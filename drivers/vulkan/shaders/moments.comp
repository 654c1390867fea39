#version 450
// OscillatorMoments: the sum of a_t w_{t-1}' over sequences and time, [2, 2, channels].

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool kReverse = false;
layout(constant_id = 2) const uint kChannels = 8;
layout(constant_id = 3) const uint kThreads = 256;

layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer W { float w[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push { uint sequences, steps, channels; };

shared vec4 partial[kThreads];

void main() {
  const uint id = gl_LocalInvocationID.x, lane = id / kChannels, lanes = gl_WorkGroupSize.x / kChannels;
  const uint channel = gl_WorkGroupID.x * kChannels + id % kChannels;
  const bool there = channel < channels;
  vec4 sum = vec4(0.0);
  const uint pairs = steps - 1;
  for (uint i = lane; there && i < sequences * pairs; i += lanes) {
    const uint n = i / pairs, t = i % pairs;
    const uint now = kReverse ? t : t + 1, before = kReverse ? t + 1 : t;
    const uint at = (n * steps + now) * 2 * channels + channel, from = (n * steps + before) * 2 * channels + channel;
    const vec2 left = vec2(a[at], a[at + channels]), right = vec2(w[from], w[from + channels]);
    sum += vec4(left.x * right, left.y * right);
  }
  partial[id] = sum;
  for (uint half_way = lanes / 2; half_way > 0; half_way /= 2) {
    barrier();
    if (lane < half_way) partial[id] += partial[id + half_way * kChannels];
  }
  if (lane != 0 || !there) return;
  for (uint i = 0; i < 4; ++i) y[i * channels + channel] = partial[id][i];
}

#version 450
// OscillatorScan: w_t = M w_{t-1} + x_t, a 2 x 2 system for every channel. Time is cut into kChunks, each scanned for itself
// from rest; what they end in is scanned in log(kChunks) steps by powers of M; then each is scanned anew from where it begins.

layout(local_size_x_id = 0) in;  // kChannels * kChunks
layout(constant_id = 1) const uint kFlags = 0;  // 1 time runs backwards, 2 there is a state to begin with
layout(constant_id = 2) const uint kChannels = 8;
layout(constant_id = 3) const uint kChunks = 32;

layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer M { float m[]; };
layout(binding = 2) readonly buffer Before { float before[]; };
layout(binding = 3) writeonly buffer W { float w[]; };

layout(push_constant) uniform Push { uint steps, channels; };

shared vec2 ends[kChannels * kChunks];

uint channel, sequence;

uint place(uint t) {
  const uint step = (kFlags & 1) != 0 ? steps - 1 - t : t;
  return (sequence * steps + step) * 2 * channels + channel;
}

void main() {
  const uint id = gl_LocalInvocationID.x, own = id % kChannels, chunk = id / kChannels;
  channel = gl_WorkGroupID.x * kChannels + own;
  sequence = gl_WorkGroupID.y;
  const bool there = channel < channels;
  const uint c = there ? channel : 0;
  mat2 matrix = mat2(m[c], m[2 * channels + c], m[channels + c], m[3 * channels + c]);
  vec2 start = vec2(0.0);
  if ((kFlags & 2) != 0)
    start = vec2(before[sequence * 2 * channels + c], before[(sequence * 2 + 1) * channels + c]);
  const uint length = (steps + kChunks - 1) / kChunks;
  const uint first = min(chunk * length, steps), last = there ? min(first + length, steps) : first;

  vec2 state = chunk == 0 ? start : vec2(0.0);
  for (uint t = first; t < last; ++t) {
    const uint at = place(t);
    state = matrix * state + vec2(x[at], x[at + channels]);
  }
  mat2 power = mat2(1.0), square = matrix;  // M^length
  for (uint left = length; left > 0; left /= 2) {
    if ((left & 1) != 0) power = power * square;
    square = square * square;
  }
  ends[id] = state;
  for (uint apart = 1; apart < kChunks; apart *= 2) {
    barrier();
    const vec2 earlier = chunk >= apart ? ends[id - apart * kChannels] : vec2(0.0);
    barrier();
    ends[id] += power * earlier;
    power = power * power;
  }
  barrier();
  state = chunk == 0 ? start : ends[id - kChannels];
  for (uint t = first; t < last; ++t) {
    const uint at = place(t);
    state = matrix * state + vec2(x[at], x[at + channels]);
    w[at] = state.x;
    w[at + channels] = state.y;
  }
}

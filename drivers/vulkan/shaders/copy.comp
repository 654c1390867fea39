#version 450
// Elements from where they lie to where they go, both by strides: transposes, slices, parts put together, repeats.

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint kRank = 1;

layout(binding = 0) readonly buffer In { uint from[]; };
layout(binding = 1) writeonly buffer Out { uint to[]; };

layout(push_constant) uniform Push {
  uint count;
  uint from_offset, to_offset;
  uint extents[8];
  uint from_strides[8];  // which wrap where they are negative
  uint to_strides[8];
};

void main() {
  const uint at = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (at >= count) return;
  uint source = from_offset, target = to_offset, rest = at;
  for (uint k = 0; k < kRank; ++k) {
    const uint d = kRank - 1 - k;
    const uint here = d == 0 ? rest : rest % extents[d];
    rest /= extents[d];
    source += here * from_strides[d];
    target += here * to_strides[d];
  }
  to[target] = from[source];
}

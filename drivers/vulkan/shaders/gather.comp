#version 450
// Slices of `data` [outer, extent, inner] by indices along the middle, of which those outside give zeros; and the gradient:
// what arrives at each slice that was gathered, added up in their order.

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const bool kGradient = false;

layout(binding = 0) readonly buffer X { float x[]; };
layout(binding = 1) readonly buffer Indices { int indices[]; };
layout(binding = 2) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push { uint count, extent, inner, many; };

int index(uint i) {
  const int at = indices[i];
  return at < 0 ? at + int(extent) : at;
}

void main() {
  const uint at = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (at >= count) return;
  const uint i = at % inner, slice = at / inner;
  if (kGradient) {
    const uint outer = slice / extent, here = slice % extent;
    float sum = 0.0;
    for (uint k = 0; k < many; ++k)
      if (index(k) == int(here)) sum += x[(outer * many + k) * inner + i];
    y[at] = sum;
  } else {
    const int from = index(slice % many);
    const bool there = from >= 0 && from < int(extent);
    y[at] = there ? x[(slice / many * extent + uint(from)) * inner + i] : 0.0;
  }
}

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/dtype.h"

/// The numbers of onnx.proto3 that we read and write.
namespace dormouse::engine {

struct ModelField {
  enum : std::uint32_t {
    ir_version = 1,
    opset_import = 8,
    producer_name = 2,
    graph = 7,
    metadata_props = 14,
    functions = 25
  };
};
struct OpsetField {
  enum : std::uint32_t { domain = 1, version = 2 };
};
struct EntryField {
  enum : std::uint32_t { key = 1, value = 2 };
};
struct GraphField {
  enum : std::uint32_t {
    node = 1,
    name = 2,
    initializer = 5,
    input = 11,
    output = 12,
    sparse_initializer = 15
  };
};
struct FunctionField {
  enum : std::uint32_t {
    name = 1,
    input = 4,
    output = 5,
    node = 7,
    opset_import = 9,
    domain = 10,
    attribute_proto = 11
  };
};
struct NodeField {
  enum : std::uint32_t { input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7 };
};
struct AttributeField {
  enum : std::uint32_t {
    name = 1,
    f = 2,
    i = 3,
    s = 4,
    t = 5,
    g = 6,
    floats = 7,
    ints = 8,
    strings = 9,
    type = 20,
    ref_attr_name = 21
  };
};
enum class AttributeKind : std::int64_t {
  undefined = 0,
  real = 1,
  integer = 2,
  string = 3,
  tensor = 4,
  graph = 5,
  reals = 6,
  integers = 7,
  strings = 8
};
struct TensorField {
  enum : std::uint32_t {
    dims = 1,
    data_type = 2,
    segment = 3,
    float_data = 4,
    int32_data = 5,
    string_data = 6,
    int64_data = 7,
    name = 8,
    raw_data = 9,
    double_data = 10,
    uint64_data = 11,
    external_data = 13,
    data_location = 14
  };
};
struct ValueField {
  enum : std::uint32_t { name = 1, type = 2 };
};
struct TypeField {
  enum : std::uint32_t { tensor_type = 1 };
};
struct TensorTypeField {
  enum : std::uint32_t { elem_type = 1, shape = 2 };
};
struct ShapeField {
  enum : std::uint32_t { dim = 1 };
};
struct DimField {
  enum : std::uint32_t { dim_value = 1 };
};

inline constexpr std::array<std::pair<std::int64_t, DType>, 13> kOnnxTypes{{{1, DType::f32},
                                                                            {2, DType::u8},
                                                                            {3, DType::i8},
                                                                            {4, DType::u16},
                                                                            {5, DType::i16},
                                                                            {6, DType::i32},
                                                                            {7, DType::i64},
                                                                            {9, DType::boolean},
                                                                            {10, DType::f16},
                                                                            {11, DType::f64},
                                                                            {12, DType::u32},
                                                                            {13, DType::u64},
                                                                            {16, DType::bf16}}};

constexpr std::optional<DType> dtype_of_onnx(std::int64_t number) {
  for (const auto& [known, type] : kOnnxTypes) {
    if (known == number) return type;
  }
  return std::nullopt;
}

constexpr std::int64_t onnx_number(DType type) {
  for (const auto& [number, known] : kOnnxTypes) {
    if (known == type) return number;
  }
  return 0;
}

}  // namespace dormouse::engine

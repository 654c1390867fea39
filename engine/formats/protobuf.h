#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace dormouse::engine {

/// Walks the fields of one untrusted protobuf message; nested messages and strings are views on it.
///
/// Every reading function throws Failure(corrupt) naming `where` when the bytes do not fit. Fields that are
/// not asked for are skipped, as protobuf wants it.
class ProtobufReader {
 public:
  ProtobufReader(std::string_view message, std::string where) : rest_(message), where_(std::move(where)) {}

  /// Moves to the next field; false at the end.
  bool next();
  std::uint32_t field() const { return field_; }

  std::string_view bytes() const;
  std::string text() const { return std::string(bytes()); }
  std::int64_t integer() const;
  float real() const;

  /// Appends this field of a repeated one, packed or not.
  void append_to(std::vector<std::int64_t>& values) const;
  void append_to(std::vector<std::uint64_t>& values) const;
  void append_to(std::vector<float>& values) const;
  void append_to(std::vector<double>& values) const;

  const std::string& where() const { return where_; }
  [[noreturn]] void corrupt(std::string_view what) const;

 private:
  enum class Kind : std::uint8_t { varint, fixed64, length_delimited, fixed32 };
  void require(Kind kind) const;
  [[noreturn]] void refuse(const std::exception& error) const;

  std::string_view rest_;
  std::string where_;
  std::uint32_t field_ = 0;
  Kind kind_ = Kind::varint;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
};

}  // namespace dormouse::engine

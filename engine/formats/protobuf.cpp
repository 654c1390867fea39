#include "engine/formats/protobuf.h"

#include <bit>
#include <cstring>
#include <protozero/pbf_reader.hpp>

#include "config/error.h"

namespace dormouse::engine {
namespace {

template <class T>
bool append_fixed(std::string_view bytes, std::vector<T>& values) {
  if (bytes.size() % sizeof(T) != 0) return false;
  const std::size_t before = values.size();
  values.resize(before + bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data() + before, bytes.data(), bytes.size());
  return true;
}

}  // namespace

void ProtobufReader::refuse(const std::exception& error) const {
  if (dynamic_cast<const protozero::end_of_buffer_exception*>(&error))
    corrupt("ends inside a field: cut short or damaged; fetch or export the file again");
  corrupt("not what protobuf looks like: another kind of file, or damaged");
}

bool ProtobufReader::next() try {
  protozero::pbf_reader reader(rest_.data(), rest_.size());
  if (!reader.next()) return false;
  field_ = reader.tag();
  bytes_ = {};
  number_ = 0;
  switch (reader.wire_type()) {
    case protozero::pbf_wire_type::varint:
      kind_ = Kind::varint;
      number_ = reader.get_uint64();
      break;
    case protozero::pbf_wire_type::fixed64:
      kind_ = Kind::fixed64;
      number_ = reader.get_fixed64();
      break;
    case protozero::pbf_wire_type::fixed32:
      kind_ = Kind::fixed32;
      number_ = reader.get_fixed32();
      break;
    case protozero::pbf_wire_type::length_delimited: {
      kind_ = Kind::length_delimited;
      const protozero::data_view view = reader.get_view();
      bytes_ = {view.data(), view.size()};
      break;
    }
    default:
      corrupt("a field of an unknown kind");
  }
  const protozero::data_view rest = reader.data();
  rest_ = {rest.data(), rest.size()};
  return true;
} catch (const protozero::exception& error) {
  refuse(error);
}

void ProtobufReader::require(Kind kind) const {
  if (kind_ != kind) corrupt("field " + std::to_string(field_) + " is not of its kind: damaged, or another kind of file");
}

std::string_view ProtobufReader::bytes() const {
  require(Kind::length_delimited);
  return bytes_;
}

std::int64_t ProtobufReader::integer() const {
  require(Kind::varint);
  return static_cast<std::int64_t>(number_);
}

float ProtobufReader::real() const {
  require(Kind::fixed32);
  return std::bit_cast<float>(static_cast<std::uint32_t>(number_));
}

void ProtobufReader::append_to(std::vector<std::uint64_t>& values) const try {
  if (kind_ == Kind::varint) return values.push_back(number_);
  require(Kind::length_delimited);
  const char* at = bytes_.data();
  while (at != bytes_.data() + bytes_.size()) {
    values.push_back(protozero::decode_varint(&at, bytes_.data() + bytes_.size()));
  }
} catch (const protozero::exception& error) {
  refuse(error);
}

void ProtobufReader::append_to(std::vector<std::int64_t>& values) const {
  std::vector<std::uint64_t> raw;
  append_to(raw);
  values.insert(values.end(), raw.begin(), raw.end());
}

void ProtobufReader::append_to(std::vector<float>& values) const {
  if (kind_ == Kind::fixed32) return values.push_back(real());
  require(Kind::length_delimited);
  if (!append_fixed(bytes_, values)) corrupt("a packed field ends inside a number");
}

void ProtobufReader::append_to(std::vector<double>& values) const {
  if (kind_ == Kind::fixed64) return values.push_back(std::bit_cast<double>(number_));
  require(Kind::length_delimited);
  if (!append_fixed(bytes_, values)) corrupt("a packed field ends inside a number");
}

void ProtobufReader::corrupt(std::string_view what) const {
  throw Failure(Errc::corrupt, where_ + ": " + std::string(what));
}

}  // namespace dormouse::engine

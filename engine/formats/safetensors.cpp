#include "engine/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <tuple>

#include "engine/formats/atomic_file.h"
#include "engine/formats/bytes.h"
#include "engine/formats/safetensors_header.h"

namespace dormouse::engine {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::size_t kAlignment = 64;

constexpr std::array<std::pair<std::string_view, DType>, 13> kTypes{{{"F32", DType::f32},
                                                                     {"F64", DType::f64},
                                                                     {"F16", DType::f16},
                                                                     {"BF16", DType::bf16},
                                                                     {"I8", DType::i8},
                                                                     {"U8", DType::u8},
                                                                     {"I16", DType::i16},
                                                                     {"U16", DType::u16},
                                                                     {"I32", DType::i32},
                                                                     {"U32", DType::u32},
                                                                     {"I64", DType::i64},
                                                                     {"U64", DType::u64},
                                                                     {"BOOL", DType::boolean}}};

DType type_called(const std::string& name, const std::string& where) {
  const auto found = std::ranges::find(kTypes, name, &std::pair<std::string_view, DType>::first);
  if (found == kTypes.end()) throw Failure(Errc::unsupported, where + ": element type " + name.substr(0, 40));
  return found->second;
}

std::string_view name_of(DType type) {
  return std::ranges::find(kTypes, type, &std::pair<std::string_view, DType>::second)->first;
}

void require(bool condition, const std::string& where, std::string_view what) {
  if (!condition) throw Failure(Errc::corrupt, where + ": " + std::string(what));
}

using Entry = SafetensorsHeader::Entry;

// Tensors must tile the data: a hole or an overlap could hide other content.
void require_tiling(std::vector<Entry>& entries, std::uint64_t data_size, const std::string& file) {
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::tuple(entry.offsets, entry.name); });
  std::uint64_t end = 0;
  for (const Entry& entry : entries) {
    require(entry.offsets[0] == end, file + ": tensor " + entry.name, "a gap before it, or an overlap");
    end = entry.offsets[1];
  }
  require(end == data_size, file,
          "the tensors end at " + std::to_string(end) + " of " + std::to_string(data_size) + " data bytes");
}

Tensor read_entry(const Entry& entry, const std::shared_ptr<Buffer>& bytes, std::uint64_t data_start,
                  const std::string& where) {
  const DType type = type_called(*entry.dtype, where);
  const std::uint64_t size = byte_size(type, *entry.shape, where);
  require(entry.offsets[1] - entry.offsets[0] == size, where, "its offsets do not fit its shape");
  return tensor_at(bytes, data_start + entry.offsets[0], type, *entry.shape, where);
}

using Named = std::pair<const std::string, Tensor>;

std::vector<const Named*> in_file_order(const NamedTensors& content) {
  std::vector<const Named*> order;
  for (const Named& tensor : content.tensors) order.push_back(&tensor);
  // Widest first keeps every tensor aligned without holes.
  std::ranges::stable_sort(order, std::greater{},
                           [](const Named* named) { return size_of(named->second.dtype()); });
  return order;
}

std::string header_for(const std::vector<const Named*>& order,
                       const std::map<std::string, std::string>& metadata) {
  boost::json::object root;
  if (!metadata.empty()) {
    boost::json::object& about = root["__metadata__"].emplace_object();
    for (const auto& [key, value] : metadata) about[key] = value;
  }
  std::size_t offset = 0;
  for (const Named* named : order) {
    const auto& [name, tensor] = *named;
    if (name == "__metadata__") throw Failure(Errc::invalid, "no tensor may be called __metadata__");
    boost::json::object& entry = root[name].emplace_object();
    entry["dtype"] = name_of(tensor.dtype());
    entry["shape"] = boost::json::array(tensor.shape().begin(), tensor.shape().end());
    entry["data_offsets"] = {offset, offset + tensor.byte_size()};
    offset += tensor.byte_size();
  }
  std::string text = boost::json::serialize(root);
  const std::size_t misaligned = (sizeof(std::uint64_t) + text.size()) % kAlignment;
  if (misaligned != 0) text.append(kAlignment - misaligned, ' ');
  return text;
}

}  // namespace

bool is_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < 10 || bytes[8] != std::byte{'{'}) return false;
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header >= 2 && header <= kMaxHeader;
}

NamedTensors read_safetensors(const std::string& path) { return read_safetensors(map_file(path), path); }

NamedTensors read_safetensors(std::shared_ptr<Buffer> bytes, const std::string& name) {
  ByteReader reader({bytes->data(), bytes->size()}, name);
  const auto header_size = reader.read<std::uint64_t>("the header's length");
  if (header_size > kMaxHeader)
    reader.corrupt("a header of " + std::to_string(header_size) + " bytes, over 100 MB");
  const std::string_view json = reader.text(header_size, "the header");
  if (!json.starts_with('{')) reader.corrupt("no JSON header");
  SafetensorsHeader header = parse_safetensors_header(json, name);
  for (const Entry& entry : header.entries) {
    require(entry.dtype && entry.shape && entry.offsets.size() == 2 && entry.offsets[0] <= entry.offsets[1],
            name + ": tensor " + entry.name, "dtype, shape and two ascending data_offsets are needed");
  }
  require_tiling(header.entries, reader.remaining(), name);

  NamedTensors content{.tensors = {}, .metadata = std::move(header.metadata)};
  for (const Entry& entry : header.entries) {
    content.tensors.emplace(entry.name,
                            read_entry(entry, bytes, reader.position(), name + ": tensor " + entry.name));
  }
  return content;
}

void write_safetensors(const std::string& path, const NamedTensors& content) {
  const std::vector<const Named*> order = in_file_order(content);
  const std::string header = header_for(order, content.metadata);
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const Named* named : order) file.write(named->second.bytes());
  file.commit();
}

}  // namespace dormouse::engine

#include <limits>

#include "engine/formats/bytes.h"
#include "engine/formats/npy.h"

namespace dormouse::engine {
namespace {

// A zip archive is read from its end: end record → central directory → local headers → content.
constexpr std::uint32_t kEndRecord = 0x06054b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::size_t kEndRecordSize = 22;
constexpr std::uint32_t kInZip64 = 0xffffffff;
constexpr std::uint16_t kZip64Extra = 1;

struct Directory {
  std::uint64_t entries = 0, offset = 0;
};

struct Member {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint64_t stored_size = 0, size = 0, local_header = 0;
};

std::span<const std::byte> from(const Buffer& bytes, std::uint64_t offset, const std::string& file) {
  if (offset > bytes.size()) throw Failure(Errc::corrupt, file + ": zip offset beyond the end of the file");
  return std::span(bytes.data(), bytes.size()).subspan(static_cast<std::size_t>(offset));
}

// NumPy writes no archive comment, so the end record is the last thing in the file.
Directory read_end(const Buffer& bytes, const std::string& file) {
  if (bytes.size() < kEndRecordSize) throw Failure(Errc::corrupt, file + ": too short for a zip archive");
  ByteReader reader(from(bytes, bytes.size() - kEndRecordSize, file), file);
  if (reader.read<std::uint32_t>("the end record") != kEndRecord) {
    reader.corrupt("no zip end record at the end: the file is cut short");
  }
  reader.take(6, "the end record");
  Directory directory;
  directory.entries = reader.read<std::uint16_t>("the end record");
  reader.take(4, "the end record");
  directory.offset = reader.read<std::uint32_t>("the end record");
  if (directory.offset == kInZip64) throw Failure(Errc::unsupported, file + ": a zip archive over 4 GiB");
  return directory;
}

// numpy.savez always asks for zip64: sizes that do not fit, or need not, stand in an extra field.
void read_zip64(ByteReader extra, Member& member) {
  while (extra.remaining() >= 4) {
    const auto tag = extra.read<std::uint16_t>("an extra field");
    const auto length = extra.read<std::uint16_t>("an extra field");
    if (tag != kZip64Extra) {
      extra.take(length, "an extra field");
      continue;
    }
    for (std::uint64_t* field : {&member.size, &member.stored_size, &member.local_header}) {
      if (*field == kInZip64) *field = extra.read<std::uint64_t>("a zip64 size");
    }
    return;
  }
}

Member read_member(ByteReader& reader, const std::string& file) {
  if (reader.read<std::uint32_t>("a directory entry") != kDirectoryEntry)
    reader.corrupt("not a directory entry");
  Member member;
  reader.take(4, "a directory entry");
  member.flags = reader.read<std::uint16_t>("a directory entry");
  member.method = reader.read<std::uint16_t>("a directory entry");
  reader.take(8, "a directory entry");
  member.stored_size = reader.read<std::uint32_t>("a directory entry");
  member.size = reader.read<std::uint32_t>("a directory entry");
  const auto name_length = reader.read<std::uint16_t>("a directory entry");
  const auto extra_length = reader.read<std::uint16_t>("a directory entry");
  const auto comment_length = reader.read<std::uint16_t>("a directory entry");
  reader.take(8, "a directory entry");
  member.local_header = reader.read<std::uint32_t>("a directory entry");
  member.name = reader.text(name_length, "a member's name");
  read_zip64(ByteReader(reader.take(extra_length, "an extra field"), file), member);
  reader.take(comment_length, "a member's comment");
  return member;
}

Tensor read_content(const std::shared_ptr<Buffer>& bytes, const Member& member, const std::string& where) {
  if (member.method != 0 || (member.flags & 1) != 0) {
    throw Failure(Errc::unsupported, where + ": compressed or encrypted; save it with numpy.savez");
  }
  ByteReader local(from(*bytes, member.local_header, where), where);
  if (local.read<std::uint32_t>("the local header") != kLocalHeader) local.corrupt("not a local header");
  local.take(22, "the local header");
  const auto name_length = local.read<std::uint16_t>("the local header");
  const auto extra_length = local.read<std::uint16_t>("the local header");
  local.take(std::uint64_t{name_length} + extra_length, "the local header");
  const std::size_t start = static_cast<std::size_t>(member.local_header) + local.position();
  const auto content = local.take(member.stored_size, "the content");
  if (member.size != member.stored_size) local.corrupt("stored, but of two sizes");
  return read_npy_at(bytes, start, content.size(), where);
}

}  // namespace

bool is_npz(std::span<const std::byte> bytes) { return as_text(bytes).starts_with("PK\x03\x04"); }

std::map<std::string, Tensor> read_npz(const std::string& path) { return read_npz(map_file(path), path); }

std::map<std::string, Tensor> read_npz(std::shared_ptr<Buffer> bytes, const std::string& name) {
  const Directory directory = read_end(*bytes, name);
  ByteReader reader(from(*bytes, directory.offset, name), name);
  std::map<std::string, Tensor> arrays;
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const Member member = read_member(reader, name);
    if (!member.name.ends_with(".npy")) reader.corrupt("a member that is no array: " + member.name);
    // Members that share bytes would multiply what a small file makes us copy.
    if (member.stored_size > bytes->size() - total) reader.corrupt("the members overlap");
    total += member.stored_size;
    std::string array = member.name.substr(0, member.name.size() - 4);
    Tensor tensor = read_content(bytes, member, name + ": " + member.name);
    if (!arrays.emplace(std::move(array), std::move(tensor)).second) reader.corrupt("the same name twice");
  }
  return arrays;
}

}  // namespace dormouse::engine

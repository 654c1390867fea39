#include "memory/graph_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/crc.hpp>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>

#include "config/error.h"
#include "engine/formats/atomic_file.h"
#include "memory/graph.h"

namespace dormouse::memory {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

// Header; ids, u64; norms, f32; levels, u8; the length of each list, u8; links, u32. All of it in blocks of
// 64 KiB (the last may be shorter), each followed by its CRC32C.
constexpr std::size_t kBlock = 64 << 10;
constexpr std::array<char, 8> kMagic = {'d', 'o', 'r', 'm', 'h', 'n', 's', 'w'};
constexpr std::uint32_t kFormat = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format = kFormat;
  std::uint32_t beam = 0;
  std::int64_t embedding_version = 0;
  std::uint64_t nodes = 0;
  std::uint64_t lists = 0;
  std::uint64_t links = 0;
  std::uint64_t high_water = 0;  ///< the highest id
  std::uint64_t entry = 0;
};
static_assert(sizeof(Header) == 64);

using Crc = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;  // Castagnoli

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  Crc crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

/// Cuts what it is given into blocks.
class BlockWriter {
 public:
  explicit BlockWriter(const std::filesystem::path& file) : file_(file.string()) { block_.reserve(kBlock); }

  template <class T>
  void write(std::span<const T> values) {
    for (auto bytes = std::as_bytes(values); !bytes.empty();) {
      const auto part = bytes.first(std::min(bytes.size(), kBlock - block_.size()));
      block_.insert(block_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (block_.size() == kBlock) flush();
    }
  }
  void commit() {
    if (!block_.empty()) flush();
    file_.commit();
  }

 private:
  void flush() {
    const std::uint32_t crc = crc32c(block_);
    file_.write(block_);
    file_.write(std::as_bytes(std::span(&crc, 1)));
    block_.clear();
  }

  engine::AtomicFile file_;
  std::vector<std::byte> block_;
};

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Failure(Errc::corrupt, name + ": " + why);
}

/// The blocks put together again, every checksum right.
std::vector<std::byte> join_blocks(std::span<const std::byte> bytes, const std::string& name) {
  std::vector<std::byte> joined;
  joined.reserve(bytes.size());
  while (!bytes.empty()) {
    std::uint32_t expected = 0;
    if (bytes.size() <= sizeof(expected)) refuse(name, "it ends within a block");
    const auto block = bytes.first(std::min(kBlock, bytes.size() - sizeof(expected)));
    std::memcpy(&expected, bytes.data() + block.size(), sizeof(expected));
    if (crc32c(block) != expected) refuse(name, "a checksum does not match");
    joined.insert(joined.end(), block.begin(), block.end());
    bytes = bytes.subspan(block.size() + sizeof(expected));
  }
  return joined;
}

/// Hands out the sections of a file whose length has been checked.
class Sections {
 public:
  explicit Sections(std::span<const std::byte> bytes) : left_(bytes) {}
  template <class T>
  std::vector<T> take(std::size_t count) {
    std::vector<T> values(count);
    ensure(count * sizeof(T) <= left_.size(), "the sections' length was checked");
    if (count > 0) std::memcpy(values.data(), left_.data(), count * sizeof(T));
    left_ = left_.subspan(count * sizeof(T));
    return values;
  }

 private:
  std::span<const std::byte> left_;
};

Header parse_header(std::span<const std::byte> bytes, const std::string& name) {
  Header header;
  if (bytes.size() < sizeof(header)) refuse(name, "it is shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic) refuse(name, "it is not a graph of memory's neighbours");
  if (header.format != kFormat) refuse(name, "its format is another version's");
  const std::size_t size = bytes.size();
  // Each count is below the size first, so that their sum cannot overflow.
  if (header.nodes > size || header.lists > size || header.links > size ||
      sizeof(header) + header.nodes * 13 + header.lists + header.links * 4 != size)
    refuse(name, "its length is not that of its contents");
  if (header.beam == 0 || header.beam > header.nodes || header.entry >= header.nodes)
    refuse(name, "its header contradicts itself");
  return header;
}

bool has_duplicates(std::vector<EpisodeId> ids) {
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(std::ranges::upper_bound(ids, EpisodeId{0}), ids.end()) != ids.end();
}

}  // namespace

GraphCheckpoint checkpoint_of(const GraphBuilder& builder, std::size_t beam, std::int64_t embedding_version) {
  GraphCheckpoint checkpoint{builder.links(), {}, {}, beam, embedding_version};
  for (const std::uint32_t row : builder.nodes()) {
    checkpoint.ids.push_back(builder.rows()->id(row));
    checkpoint.norms.push_back(builder.rows()->measure(row).norm);
  }
  return checkpoint;
}

void write_checkpoint(const std::filesystem::path& file, const GraphCheckpoint& checkpoint) {
  const GraphLinks& graph = checkpoint.links;
  std::vector<std::uint8_t> lengths(graph.first.size() - 1);
  for (std::size_t i = 0; i < lengths.size(); ++i)
    lengths[i] = static_cast<std::uint8_t>(graph.first[i + 1] - graph.first[i]);
  Header header;
  header.beam = static_cast<std::uint32_t>(checkpoint.beam);
  header.embedding_version = checkpoint.embedding_version;
  header.nodes = graph.size();
  header.lists = lengths.size();
  header.links = graph.links.size();
  header.high_water = *std::ranges::max_element(checkpoint.ids);
  header.entry = graph.entry;
  BlockWriter writer(file);
  writer.write(std::span<const Header>(&header, 1));
  writer.write(std::span(checkpoint.ids));
  writer.write(std::span(checkpoint.norms));
  writer.write(std::span(graph.levels));
  writer.write(std::span<const std::uint8_t>(lengths));
  writer.write(std::span(graph.links));
  writer.commit();
}

GraphCheckpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& name) {
  const std::vector<std::byte> joined = join_blocks(bytes, name);
  const Header header = parse_header(joined, name);
  Sections sections{std::span(joined).subspan(sizeof(Header))};
  GraphCheckpoint checkpoint;
  checkpoint.beam = header.beam;
  checkpoint.embedding_version = header.embedding_version;
  checkpoint.ids = sections.take<EpisodeId>(header.nodes);
  checkpoint.norms = sections.take<float>(header.nodes);
  GraphLinks& graph = checkpoint.links;
  graph.entry = static_cast<std::uint32_t>(header.entry);
  graph.levels = sections.take<std::uint8_t>(header.nodes);
  graph.first = {0};
  for (const std::uint8_t length : sections.take<std::uint8_t>(header.lists))
    graph.first.push_back(graph.first.back() + length);
  graph.links = sections.take<std::uint32_t>(header.links);
  if (const std::string fault = fault_of(graph); !fault.empty()) refuse(name, fault);
  if (*std::ranges::max_element(checkpoint.ids) != header.high_water || has_duplicates(checkpoint.ids))
    refuse(name, "its ids contradict its header or each other");
  return checkpoint;
}

GraphCheckpoint read_checkpoint(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) throw Failure(Errc::not_found, file.string() + ": cannot be opened");
  std::vector<std::byte> bytes(static_cast<std::size_t>(stream.tellg()));
  stream.seekg(0);
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream) throw Failure(Errc::io, file.string() + ": cannot be read");
  return parse_checkpoint(bytes, file.string());
}

namespace {

/// Finds the row of a node. Vectors of the seed have no id: they are told by their norm, each found once.
class RowsByNode {
 public:
  explicit RowsByNode(const VectorRows& rows) {
    const std::size_t count = rows.rows();
    for (std::uint32_t row = 0; row < count; ++row) {
      if (rows.is_gone(row)) continue;
      if (const EpisodeId id = rows.id(row); id != 0)
        episodes_.emplace_back(id, row);
      else
        seeds_.emplace(rows.measure(row).norm, row);
    }
    std::ranges::sort(episodes_);
  }
  std::optional<std::uint32_t> find(EpisodeId id, float norm) {
    if (id == 0) {
      const auto seed = seeds_.extract(norm);
      return seed ? std::optional(seed.mapped()) : std::nullopt;
    }
    const auto found = std::ranges::lower_bound(episodes_, std::pair(id, std::uint32_t{0}));
    return found != episodes_.end() && found->first == id ? std::optional(found->second) : std::nullopt;
  }

 private:
  std::vector<std::pair<EpisodeId, std::uint32_t>> episodes_;
  std::multimap<float, std::uint32_t> seeds_;
};

}  // namespace

IndexGraph matched(const GraphCheckpoint& checkpoint, std::shared_ptr<const VectorRows> rows,
                   const std::string& name) {
  RowsByNode by_node(*rows);
  IndexGraph made{std::move(rows), {}, nullptr, checkpoint.beam};
  std::vector<bool> lost(checkpoint.ids.size());
  for (std::size_t node = 0; node < lost.size(); ++node) {
    const auto row = by_node.find(checkpoint.ids[node], checkpoint.norms[node]);
    lost[node] = !row;
    if (!row) continue;
    if (made.rows->measure(*row).norm != checkpoint.norms[node])
      refuse(name, "episode " + std::to_string(checkpoint.ids[node]) + " has another vector now");
    made.nodes.push_back(*row);
  }
  if (made.nodes.size() * 100 < lost.size() * 85) refuse(name, "too many of its episodes are gone");
  made.graph = std::make_shared<const Graph>(
      made.nodes.size() == lost.size() ? checkpoint.links : without(checkpoint.links, lost));
  return made;
}

}  // namespace dormouse::memory

#include <boost/crc.hpp>
#include <cstring>

#include "config/error.h"
#include "memory/graph.h"
#include "tests/fuzz/fuzz.h"
#include "tests/memory/sample_graph.h"

// The checkpoint of memory's graph: as it comes, and once more with its checksums put right, so that what
// lies behind them is reached too. Whatever is accepted is searched.
namespace {

using namespace dormouse;
using namespace dormouse::memory;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kBlock = 64 << 10;

Bytes with_right_checksums(Bytes bytes) {
  for (std::size_t at = 0; at + sizeof(std::uint32_t) < bytes.size();) {
    const std::size_t size = std::min(kBlock, bytes.size() - at - sizeof(std::uint32_t));
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
    crc.process_bytes(bytes.data() + at, size);
    const std::uint32_t sum = crc.checksum();
    std::memcpy(bytes.data() + at + size, &sum, sizeof(sum));
    at += size + sizeof(sum);
  }
  return bytes;
}

/// The index with the graph of this file; nothing when the file is refused.
std::unique_ptr<VectorIndex> opened(const VectorIndex& index, const Bytes& bytes) {
  try {
    return index.with(matched(parse_checkpoint(bytes, "fuzz"), index.rows(), "fuzz"));
  } catch (const Failure&) {
    return nullptr;
  }
}

bool same(const std::vector<Match>& a, const std::vector<Match>& b) {
  return std::ranges::equal(
      a, b, [](const Match& x, const Match& y) { return x.id == y.id && x.distance == y.distance; });
}

/// No result is invented: an exact search that goes on far enough has it too, at the same distance.
bool all_true(const std::vector<Match>& found, const std::vector<Match>& exact) {
  return std::ranges::all_of(found, [&](const Match& one) {
    return one.distance > exact.back().distance || std::ranges::any_of(exact, [&](const Match& other) {
             return other.id == one.id && other.distance == one.distance;
           });
  });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const VectorIndex index = sample_index();
  Bytes bytes(size);
  if (size > 0) std::memcpy(bytes.data(), data, size);
  std::mt19937 random(static_cast<unsigned>(size));
  std::vector<float> query;
  for (const std::int8_t code : sample_codes(random)) query.push_back(0.01f * static_cast<float>(code));
  const auto exact = index.search(query, VectorIndex::kMaxNeighbours);
  if (const auto intact = opened(index, bytes))
    ensure(same(intact->search(query, 10), index.search(query, 10)),
           "a file whose checksums hold misleads nobody");
  if (const auto forged = opened(index, with_right_checksums(bytes)))
    ensure(all_true(forged->search(query, 10), exact), "a forged graph finds less, never what is not there");
  return 0;
}

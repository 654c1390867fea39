#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "memory/graph_links.h"
#include "memory/index.h"

namespace dormouse::memory {

/// A graph as it waits on disk for the next start: links only, the vectors come from the database.
///
/// A cache that is never believed: the file's length, a CRC32C for every 64 KiB, the graph itself (fault_of)
/// and that each node still stands for the vector it was built over are checked before a search may walk it.
/// hnswlib's own files are neither written nor read: they have no checksum, and its reader trusts every
/// number in them.
struct GraphCheckpoint {
  GraphLinks links;
  std::vector<EpisodeId> ids;  ///< of each node; 0: a vector of the seed
  std::vector<float> norms;    ///< |x|² of each node's vector, which tells whether it is still the same
  std::size_t beam = 0;
  std::int64_t embedding_version = 0;
};

/// Of a builder that is done, whose graph passed with this beam.
GraphCheckpoint checkpoint_of(const GraphBuilder& builder, std::size_t beam, std::int64_t embedding_version);

/// Whole and durable under its name, or not at all. Throws Failure(io).
void write_checkpoint(const std::filesystem::path& file, const GraphCheckpoint& checkpoint);
/// Throws Failure(not_found / io), or corrupt saying what is wrong with it.
GraphCheckpoint read_checkpoint(const std::filesystem::path& file);
/// The same from bytes; `name` is for errors.
GraphCheckpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& name);

/// The graph over the rows that its nodes stand for. Nodes whose episode has gone are bridged: see without().
/// Throws Failure(corrupt) when a vector is another now, or more than 15% are gone; `name` is for errors.
IndexGraph matched(const GraphCheckpoint& checkpoint, std::shared_ptr<const VectorRows> rows,
                   const std::string& name);

}  // namespace dormouse::memory

#include "memory/graph_file.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "config/error.h"
#include "memory/graph.h"
#include "tests/memory/sample_graph.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::memory;

namespace {

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

GraphCheckpoint parse(const std::string& bytes) {
  return parse_checkpoint(std::as_bytes(std::span(bytes)), "graph");
}

std::vector<EpisodeId> ids(const VectorIndex& index, std::size_t k) {
  std::vector<EpisodeId> found;
  for (const Match& match : index.search(std::vector(kSampleWidth, 0.1f), k)) found.push_back(match.id);
  return found;
}

}  // namespace

TEST_CASE("a graph comes back from its checkpoint and answers as before", "[memory]") {
  const TemporaryFolder folder;
  const auto file = folder / "words.hnsw";
  VectorIndex index = sample_index();
  const auto saved = checkpoint_of(sample_graph(index), kSampleBeam, 3);
  write_checkpoint(file, saved);

  const GraphCheckpoint read = read_checkpoint(file);
  CHECK(read.beam == kSampleBeam);
  CHECK(read.embedding_version == 3);
  CHECK(read.ids == saved.ids);
  CHECK(read.links.links == saved.links.links);
  const auto with_graph = index.with(matched(read, index.rows(), "words"));
  REQUIRE(with_graph);
  CHECK(with_graph->has_graph());
  CHECK(ids(*with_graph, 20) == ids(index, 20));
}

TEST_CASE("episodes that went since the checkpoint are bridged, and found no more", "[memory]") {
  VectorIndex index = sample_index();
  const auto saved = checkpoint_of(sample_graph(index), kSampleBeam, 0);
  SECTION("some") {
    for (EpisodeId id = 1; id < 120; id += 6) REQUIRE(index.remove(id));
    const auto with_graph = index.with(matched(saved, index.rows(), "words"));
    REQUIRE(with_graph);
    CHECK(ids(*with_graph, 20) == ids(index, 20));
  }
  SECTION("too many") {
    for (EpisodeId id = 1; id < 120; id += 3) REQUIRE(index.remove(id));
    CHECK_THROWS_WITH(matched(saved, index.rows(), "words"),
                      Catch::Contains("too many of its episodes are gone"));
  }
}

TEST_CASE("a checkpoint over other vectors is refused", "[memory]") {
  VectorIndex index = sample_index();
  auto saved = checkpoint_of(sample_graph(index), kSampleBeam, 0);
  saved.norms[50] += 1.0f;
  CHECK_THROWS_WITH(matched(saved, index.rows(), "words"), Catch::Contains("has another vector now"));
}

TEST_CASE("every damaged byte of a checkpoint is noticed", "[memory]") {
  const std::string whole = bytes_of(DORMOUSE_TEST_DATA "/fuzz/graph/sample.hnsw");
  REQUIRE_NOTHROW(parse(whole));
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    REQUIRE_THROWS_AS(parse(damaged), Failure);
    REQUIRE_THROWS_AS(parse(whole.substr(0, at)), Failure);
  }
  CHECK_THROWS_AS(parse(whole + "x"), Failure);
}

TEST_CASE("the fuzz corpus is what is written today", "[memory]") {
  const TemporaryFolder folder;
  write_checkpoint(folder / "sample.hnsw", checkpoint_of(sample_graph(sample_index()), kSampleBeam, 0));
  CHECK(bytes_of(folder / "sample.hnsw") == bytes_of(DORMOUSE_TEST_DATA "/fuzz/graph/sample.hnsw"));
}

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iterator>

#include "config/error.h"
#include "memory/dot.h"
#include "memory/graph_file.h"
#include "tests/bench/memory/bench.h"
#include "tests/bench/memory/vectors.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNeighbours = 10;
constexpr unsigned kSeed = 1;

/// Queries with their answers.
struct Exam {
  Exam(const memory::VectorIndex& index, Vectors& vectors, std::size_t count) {
    const Truth truth(index);
    for (std::size_t i = 0; i < count; ++i) {
      queries.push_back(vectors.draw());
      answers.push_back(truth.nearest(queries.back(), kNeighbours));
    }
  }
  std::vector<std::vector<float>> queries;
  std::vector<std::vector<memory::EpisodeId>> answers;
};

struct Searched {
  Samples latency;
  double recall = 0;
};

Searched search_all(const memory::VectorIndex& index, const Exam& exam) {
  for (std::size_t i = 0; i < 20; ++i) (void)index.search(exam.queries[i], kNeighbours);  // warm
  Searched result;
  std::size_t hits = 0;
  for (std::size_t i = 0; i < exam.queries.size(); ++i) {
    std::vector<memory::Match> matches;
    result.latency.time([&] { matches = index.search(exam.queries[i], kNeighbours); });
    std::vector<memory::EpisodeId> found, both;
    for (const memory::Match& match : matches) found.push_back(match.id);
    std::ranges::sort(found);
    std::ranges::set_intersection(found, exam.answers[i], std::back_inserter(both));
    hits += both.size();
  }
  result.recall = static_cast<double>(hits) / static_cast<double>(exam.queries.size() * kNeighbours);
  return result;
}

double cpu_seconds() {
  std::timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

memory::GraphBuilder built(const memory::VectorIndex& index) {
  memory::GraphBuilder builder = index.begin_graph();
  while (!builder.advance(4096)) {
  }
  return builder;
}

std::size_t count_option(const Options& options, const char* name, double fallback) {
  return static_cast<std::size_t>(options.number(name, fallback));
}

}  // namespace

bool measure_exact(const Options& options) {
  std::printf("100,000 x %zu scanned, k = %zu, kernel %s\n", kWidth, kNeighbours,
              std::string(memory::dot_kernels().front().name).c_str());
  bool held = true;
  for (const char* kind : {"clusters", "decaying", "white"}) {
    Vectors vectors(kind, kSeed);
    const auto index = filled_index(vectors, 100'000);
    const Searched found = search_all(index, Exam(index, vectors, count_option(options, "queries", 2000)));
    std::printf("  %-9s p50 %6.0f us  p99 %6.0f us  recall@10 %.4f  %.1f MB\n", kind, found.latency.median(),
                found.latency.quantile(0.99), found.recall, static_cast<double>(index.bytes()) / 1e6);
    held = judge(found.latency.quantile(0.99) < 600, "p99, us", found.latency.quantile(0.99), "under 600") &&
           held;
    held = judge(found.recall == 1.0, "recall@10", found.recall, "1.0") && held;
  }
  return held;
}

bool measure_crossover(const Options& options) {
  std::printf(
      "scan against graph, p50 us of a search; a graph pays from that many searches for a new episode\n");
  std::printf("  %-9s %7s %8s %8s %5s %7s %10s %8s\n", "data", "rows", "scan", "graph", "beam", "recall",
              "insert us", "pays at");
  for (const char* kind : {"clusters", "decaying"}) {
    for (const std::size_t rows : {10'000, 20'000, 50'000, 100'000}) {
      Vectors vectors(kind, kSeed);
      const auto index = filled_index(vectors, rows);
      const Exam exam(index, vectors, count_option(options, "queries", 1000));
      const Searched scanned = search_all(index, exam);
      const double began = cpu_seconds();
      const memory::GraphBuilder builder = built(index);
      const double insert_us = 1e6 * (cpu_seconds() - began) / static_cast<double>(builder.size());
      const memory::IndexGraph made = memory::examined(builder);
      const Searched found = search_all(*index.with(made), exam);
      const double gain = scanned.latency.median() - found.latency.median();
      std::printf("  %-9s %7zu %8.0f %8.0f %5zu %7.4f %10.0f %8.1f\n", kind, rows, scanned.latency.median(),
                  found.latency.median(), made.beam, found.recall, insert_us,
                  gain > 0 && made.beam > 0 ? insert_us / gain : -1.0);
      std::fflush(stdout);
    }
  }
  return true;
}

namespace {

/// The graph of an index, from the checkpoint that an earlier run left, or built and left there.
std::unique_ptr<memory::VectorIndex> kept_graph(const memory::VectorIndex& index, const fs::path& file) {
  if (!fs::exists(file)) {
    const double began = cpu_seconds();
    const memory::GraphBuilder builder = built(index);
    const double inserted = cpu_seconds();
    const std::size_t beam = memory::examined(builder).beam;
    std::printf("  inserts %.0f us of CPU each, the examination %.1f s\n",
                1e6 * (inserted - began) / static_cast<double>(builder.size()), cpu_seconds() - inserted);
    if (beam == 0) return nullptr;
    memory::write_checkpoint(file, memory::checkpoint_of(builder, beam, 0));
  }
  const double began = cpu_seconds();
  const memory::IndexGraph back = memory::matched(memory::read_checkpoint(file), index.rows(), file.string());
  std::printf("  back from its checkpoint of %.0f MB in %.2f s of CPU, beam %zu\n",
              static_cast<double>(fs::file_size(file)) / 1e6, cpu_seconds() - began, back.beam);
  return index.with(back);
}

}  // namespace

bool measure_million(const Options& options) {
  bool held = true;
  auto kinds = options.list("kinds");
  if (kinds.empty()) kinds = {"clusters", "decaying"};
  const std::size_t rows = count_option(options, "rows", 1e6);
  for (const std::string& kind : kinds) {
    std::printf("%zu x %zu, %s\n", rows, kWidth, kind.c_str());
    Vectors vectors(kind, kSeed);
    const auto index = filled_index(vectors, rows);
    const Exam exam(index, vectors, count_option(options, "queries", 500));
    const auto print = [&](const char* how, const memory::VectorIndex& searched) {
      Searched found = search_all(searched, exam);
      std::printf("  %s  p50 %6.0f us  p99 %6.0f us  recall@10 %.4f  %.0f MB\n", how, found.latency.median(),
                  found.latency.quantile(0.99), found.recall, static_cast<double>(searched.bytes()) / 1e6);
      return found;
    };
    print("scan ", index);
    const auto file = fs::path(options.text("work")) / (kind + "-" + std::to_string(rows) + ".hnsw");
    const auto with_graph = kept_graph(index, file);
    if (!with_graph) {
      std::printf("  no graph is worth having\n");
      continue;
    }
    const Searched found = print("graph", *with_graph);
    held =
        judge(found.latency.quantile(0.99) < 1000, "p99, us", found.latency.quantile(0.99), "under 1000") &&
        held;
    held = judge(found.recall >= 0.99, "recall@10", found.recall, "at least 0.99") && held;
  }
  return held;
}

}  // namespace dormouse::bench

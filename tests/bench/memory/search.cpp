#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iterator>

#include "config/error.h"
#include "memory/dot.h"
#include "tests/bench/memory/bench.h"
#include "tests/bench/memory/vectors.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

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

struct Built {
  std::unique_ptr<memory::VectorIndex> index;
  double insert_us = 0;
  double exam_seconds = 0;
  std::size_t beam = 0;
};

Built build_graph(const memory::VectorIndex& index) {
  const double began = cpu_seconds();
  memory::GraphBuilder builder = index.begin_graph();
  while (!builder.advance(4096)) {
  }
  const double built = cpu_seconds();
  const memory::IndexGraph made = memory::examined(builder);
  return {index.with(made), 1e6 * (built - began) / static_cast<double>(builder.size()),
          cpu_seconds() - built, made.beam};
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
      const Built built = build_graph(index);
      const Searched found = search_all(*built.index, exam);
      const double gain = scanned.latency.median() - found.latency.median();
      std::printf("  %-9s %7zu %8.0f %8.0f %5zu %7.4f %10.0f %8.1f\n", kind, rows, scanned.latency.median(),
                  found.latency.median(), built.beam, found.recall, built.insert_us,
                  gain > 0 && built.beam > 0 ? built.insert_us / gain : -1.0);
      std::fflush(stdout);
    }
  }
  return true;
}

bool measure_million(const Options& options) {
  bool held = true;
  auto kinds = options.list("kinds");
  if (kinds.empty()) kinds = {"clusters", "decaying"};
  const std::size_t rows = count_option(options, "rows", 1e6);
  for (const std::string& kind : kinds) {
    Vectors vectors(kind, kSeed);
    const auto index = filled_index(vectors, rows);
    const Exam exam(index, vectors, count_option(options, "queries", 500));
    const Searched scanned = search_all(index, exam);
    const Built built = build_graph(index);
    const Searched found = search_all(*built.index, exam);
    std::printf(
        "%zu x %zu, %s: inserts %.0f us of CPU each, examined in %.1f s, beam %zu, %.0f MB (scanned %.0f "
        "MB)\n",
        rows, kWidth, kind.c_str(), built.insert_us, built.exam_seconds, built.beam,
        static_cast<double>(built.index->bytes()) / 1e6, static_cast<double>(index.bytes()) / 1e6);
    std::printf("  scan  p50 %6.0f us  p99 %6.0f us  recall@10 %.4f\n", scanned.latency.median(),
                scanned.latency.quantile(0.99), scanned.recall);
    std::printf("  graph p50 %6.0f us  p99 %6.0f us  recall@10 %.4f\n", found.latency.median(),
                found.latency.quantile(0.99), found.recall);
    held =
        judge(found.latency.quantile(0.99) < 1000, "p99, us", found.latency.quantile(0.99), "under 1000") &&
        held;
    held = judge(found.recall >= 0.99, "recall@10", found.recall, "at least 0.99") && held;
  }
  return held;
}

}  // namespace dormouse::bench

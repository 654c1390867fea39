// What memory's index and store cost.
//
//   bench_memory exact     [--queries 2000]
//   bench_memory crossover [--queries 1000]
//   bench_memory million   --work FOLDER [--queries 500] [--rows 1000000] [--kinds clusters,decaying]
//   bench_memory start     --work FOLDER --dormouse BINARY --model FILE.onnx --seed FILE [--rows 100000]
//   bench_memory wear      --work FOLDER [--episodes 50000]
//   bench_memory steady    --work FOLDER [--inserts 10000000] [--episodes 1000000]
//
// Exits with 1 when a bound is missed. Latencies are wall time of one thread, building is CPU time.

#include <cstdio>
#include <functional>
#include <map>

#include "config/error.h"
#include "tests/bench/memory/bench.h"

namespace dormouse::bench {

bool judge(bool passed, const char* what, double value, const char* bound) {
  std::printf("%s  %s: %.4g (%s)\n", passed ? "PASS" : "FAIL", what, value, bound);
  std::fflush(stdout);
  return passed;
}

}  // namespace dormouse::bench

int main(int argc, char** argv) {
  using namespace dormouse::bench;
  const auto judged = [](bool (*measure)(const Options&)) -> Benchmark {
    return [measure](const Options& options) { return measure(options) ? 0 : 1; };
  };
  return guarded(argc, argv,
                 {{"exact", judged(measure_exact)},
                  {"crossover", judged(measure_crossover)},
                  {"million", judged(measure_million)},
                  {"start", judged(measure_start)},
                  {"wear", judged(measure_wear)},
                  {"steady", judged(measure_steady)}});
}

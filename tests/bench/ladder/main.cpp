// Continual learning on eleven standard streams, every strategy of the library beside what others measured.
//
//   bench_ladder prepare --raw FOLDER --data FOLDER      of what tests/bench/ladder/unpack left there
//   bench_ladder run --data FOLDER --results FILE [--rungs 1,3] [--rows ER,dormouse] [--seeds 1,2,3,4,5]
//   [--jobs 1]
//   bench_ladder count --data FOLDER --results FILE [--rungs 1,3] [--rows dormouse]
//   bench_ladder table --results FILE [--rungs 1,3]
//
// Each climb is a process of its own and leaves one line of JSON; those that are there already are not run
// again.

#include <algorithm>
#include <cstdio>

#include "config/error.h"
#include "tests/bench/ladder/dormouse_learner.h"
#include "tests/bench/ladder/instructions.h"
#include "tests/bench/ladder/jobs.h"
#include "tests/bench/ladder/prepare.h"
#include "tests/bench/ladder/results.h"
#include "tests/bench/ladder/rungs.h"
#include "tests/bench/ladder/strategy_learner.h"
#include "tests/bench/ladder/table.h"
#include "tests/bench/options.h"
#include "tests/temporary_folder.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;

int prepare(const Options& options) {
  for (const Preparation& preparation : preparations()) {
    const fs::path raw = fs::path(options.text("raw")) / preparation.name;
    const fs::path prepared = fs::path(options.text("data")) / preparation.name;
    if (!fs::exists(raw)) {
      std::printf("%s: left out, %s is not there\n", preparation.name.data(), raw.c_str());
      continue;
    }
    const DataSet data = preparation.prepare(raw);
    write_data(prepared, data);
    std::printf("%s: %zu to train, %zu to test, %zu values each\n", preparation.name.data(),
                data.train.size(), data.test.size(), data.train.width());
  }
  return 0;
}

std::vector<const Rung*> chosen_rungs(const Options& options) {
  std::vector<const Rung*> chosen;
  for (const std::string& name : options.list("rungs")) chosen.push_back(&rung_named(name));
  if (chosen.empty())
    for (const Rung& rung : rungs()) chosen.push_back(&rung);
  return chosen;
}

bool is_chosen(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

Place place_of(const Rung& rung, const Stream& stream, bool pixels, std::uint64_t seed) {
  Place place{stream.width, stream.classes, pixels, {}, rung.schedule.batch, rung.hidden, seed};
  if (rung.data == "fsdd") place.image = learning::ImageShape{20, 20};  // log-mel bands × time
  if (pixels && rung.split != permuted) place.image = learning::ImageShape{28, 28};
  return place;
}

Climb climb_once(const Rung& rung, const Way& way, const fs::path& data_folder, std::uint64_t seed) {
  const DataSet data = read_data(data_folder / rung.data);
  const Stream stream = rung.split(data, seed);
  const Place place = place_of(rung, stream, data.train.inputs.dtype() == engine::DType::u8, seed);
  const auto learner = way.dormouse ? dormouse_learner(way.bytes, place) : strategy_learner(way, place);
  return (way.jointly ? climb_jointly : climb)(*learner, stream, rung.schedule, seed);
}

int run(const Options& options) {
  const fs::path data = options.text("data"), file = options.text("results");
  const std::vector<Record> there = read_results(file);
  const auto rows = options.list("rows");
  std::vector<std::uint64_t> seeds;
  for (const std::string& seed : options.list("seeds")) seeds.push_back(std::stoull(seed));
  if (seeds.empty()) seeds = {1, 2, 3, 4, 5};
  std::vector<Job> jobs;
  for (const Rung* rung : chosen_rungs(options)) {
    if (!fs::exists(data / rung->data)) {
      std::printf("rung %s: skipped, %s is not there\n", rung->name.data(), (data / rung->data).c_str());
      continue;
    }
    for (const Row& row : rung->rows) {
      if (!is_chosen(rows, row.name)) continue;
      for (const std::uint64_t seed : seeds) {
        const Record result{std::string(rung->name), std::string(row.name), text(row.way), seed, {}};
        const auto is_this = [&](const Record& other) {
          return other.rung == result.rung && other.row == result.row && other.settings == result.settings &&
                 other.seed == seed;
        };
        if (std::ranges::any_of(there, is_this)) continue;
        jobs.push_back({"rung " + result.rung + ", " + result.row + ", seed " + std::to_string(seed), [=] {
                          Record done = result;
                          done.climb = climb_once(*rung, row.way, data, seed);
                          append(file, done);
                        }});
      }
    }
  }
  return run_jobs(jobs, static_cast<std::size_t>(options.number("jobs", 1))) ? 0 : 1;
}

/// Fills in the instructions of a sleep, by one climb of each row.
int count(const Options& options) {
  const fs::path file = options.text("results");
  std::vector<Record> results = read_results(file);
  const auto rungs = chosen_rungs(options);
  const auto rows = options.list("rows");
  const auto wanted = [&](const Record& result) {
    return result.seed == 1 && result.climb.sleep_seconds > 0 && !result.climb.sleep_instructions &&
           is_chosen(rows, result.row) &&
           std::ranges::any_of(rungs, [&](const Rung* rung) { return rung->name == result.rung; });
  };
  for (Record& result : results) {
    if (!wanted(result)) continue;
    const TemporaryFolder folder;
    result.climb.sleep_instructions = instructions_asleep(
        {fs::read_symlink("/proc/self/exe"), "run", "--data", options.text("data"), "--results",
         folder / "results", "--rungs", result.rung, "--rows", result.row, "--seeds", "1"},
        folder.path);
    write_results(file, results);
  }
  return 0;
}

int table(const Options& options) {
  const std::vector<Record> results = read_results(options.text("results"));
  const auto rungs = chosen_rungs(options);
  for (const Rung* rung : rungs) print_table(*rung, results);
  print_standings(rungs, results);
  return 0;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) {
  using namespace dormouse::bench;
  return guarded(argc, argv, {{"prepare", prepare}, {"run", run}, {"count", count}, {"table", table}});
}

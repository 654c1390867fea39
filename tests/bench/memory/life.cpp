#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "config/error.h"
#include "daemon/service/model_parts.h"
#include "drivers/all_drivers.h"
#include "memory/store.h"
#include "tests/bench/daemon_process.h"
#include "tests/bench/memory/bench.h"
#include "tests/bench/memory/vectors.h"
#include "tests/bench/samples.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
constexpr const char* kModel = "words";
constexpr std::size_t kCapacity = 100'000;

memory::StoreOptions store_options(const fs::path& folder, std::size_t capacity) {
  memory::StoreOptions options{folder / "dormouse.db", {}, ""};
  options.episodic.capacity = capacity;
  options.episodic.disk = config::Bytes{std::uint64_t{64} << 30};
  options.episodic.ram = config::Bytes{std::uint64_t{64} << 30};
  options.episodic.write = config::Bytes{std::uint64_t{1} << 40};  // a year in an hour
  return options;
}

fs::path fresh_folder(const Options& options, const char* name) {
  const fs::path folder = fs::path(options.text("work")) / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

/// Gives memory one episode after the other.
class Life {
 public:
  Life(memory::Store& store, const Clock& clock, std::size_t width)
      : store_(store), clock_(clock), width_(width), vectors_("clusters", 1) {}

  memory::Episode live() {
    if (block_.count == 0) block_ = store_.reserve_ids(memory::kIdBlock);
    --block_.count;
    memory::Episode episode;
    episode.id = block_.first++;
    episode.model = kModel;
    episode.time = episode.last_used = clock_.wall();
    auto latent = vectors_.draw();
    latent.resize(width_);
    episode.latent = memory::quantise(latent);
    episode.prediction = "class " + std::to_string(episode.id % 8);
    episode.confidence = share_(random_);
    episode.novelty = share_(random_);
    episode.importance = memory::surprise(episode.confidence, episode.novelty);
    store_.remember(episode);
    store_.tick();
    return episode;
  }

 private:
  memory::Store& store_;
  const Clock& clock_;
  std::size_t width_;
  Vectors vectors_;
  std::mt19937 random_{1};
  std::uniform_real_distribution<float> share_{0, 1};
  memory::IdBlock block_;
};

/// A number of /proc/self/FILE, after `name` and a colon.
double proc(const char* file, const std::string& name) {
  std::ifstream lines(std::string("/proc/self/") + file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1));
  throw Failure(Errc::io, std::string("/proc/self/") + file + " has no " + name);
}

/// A process that fills a memory and is killed over it.
void fill_and_die(const fs::path& folder, std::size_t episodes, std::size_t width) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto options = store_options(folder, 2 * episodes);
    options.episodic.commit_rows = 1000;
    const SystemClock clock;
    memory::Store store(options, clock);
    Life life(store, clock, width);
    for (std::size_t i = 0; i < episodes; ++i) life.live();
    store.flush();
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ensure(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child was killed");
}

/// What a start does with memory: opens it, recovers, and reads the index.
double load_ms(const fs::path& folder, std::size_t episodes, std::size_t width) {
  Samples taken;
  taken.time([&] {
    const SystemClock clock;
    const memory::Store store(store_options(folder, 2 * episodes), clock);
    memory::VectorIndex index(width, 2 * episodes);
    store.each_vector(kModel, 0, [&](const memory::StoredVector& stored) {
      ensure(index.load({.id = stored.id,
                         .label = static_cast<std::uint32_t>(stored.class_number),
                         .labelled = stored.labelled,
                         .time = stored.time.time_since_epoch().count()},
                        stored.latent),
             "room");
    });
    ensure(index.size() == episodes, "every episode is there after kill -9");
  });
  return taken.median() / 1000;
}

}  // namespace

bool measure_start(const Options& options) {
  const auto rows = static_cast<std::size_t>(options.number("rows", kCapacity));
  const double bound = rows <= kCapacity ? 200 : 2000;
  const std::string said = "under " + std::to_string(static_cast<int>(bound));
  const fs::path folder = fresh_folder(options, "start");
  fill_and_die(folder, rows, kWidth);
  bool held = true;
  double ms = load_ms(folder, rows, kWidth);
  std::printf("%zu x %zu after kill -9\n", rows, kWidth);
  held = judge(ms < bound, "store recovered and index in RAM, ms", ms, said.c_str()) && held;

  daemon::ModelOptions model;
  model.name = kModel;
  model.path = options.text("model");
  model.seed = options.text("seed");
  const std::size_t width = daemon::load_model(model, drivers::all_drivers())->learnable->latent_size;
  const fs::path home = fresh_folder(options, "daemon");
  fs::create_directories(home / "state");
  const auto serve = [&] {
    return std::make_unique<DaemonProcess>(
        options.text("dormouse"), home, DaemonProcess::Model{model.name, model.path, model.seed},
        "{episodic: {capacity: " + std::to_string(2 * rows) + ", disk: 64GiB, ram: 64GiB}}");
  };
  serve();  // its first day: what the seed knows becomes concepts
  fill_and_die(home / "state", rows, width);
  const auto process = serve();
  ms = std::chrono::duration<double, std::milli>(process->time_to_ready()).count();
  std::printf("%zu x %zu, the daemon; %.0f MiB resident\n", rows, width, process->memory("VmRSS"));
  return judge(ms < bound, "daemon ready, ms", ms, said.c_str()) && held;
}

bool measure_wear(const Options& options) {
  const auto episodes = static_cast<std::size_t>(options.number("episodes", 50'000));
  // Codes and scale; id, time, last use, weights' and trunk's version; prediction, confidence, novelty,
  // route, importance, uses: at the size of their C types.
  constexpr double kPayload = kWidth + 4 + 5 * 8 + 4 + 4 + 4 + 1 + 4 + 4;
  const SystemClock clock;
  memory::Store store(store_options(fresh_folder(options, "wear"), episodes), clock);
  Life life(store, clock, kWidth);
  std::printf("episodes of %zu codes in groups of 64, payload %.0f bytes\n", kWidth, kPayload);
  bool held = true;
  for (const char* when : {"while memory grows", "once it is full"}) {
    const double before = proc("io", "write_bytes");
    for (std::size_t i = 0; i < episodes; ++i) life.live();
    store.flush();
    store.checkpoint();
    const double each = (proc("io", "write_bytes") - before) / static_cast<double>(episodes);
    std::printf("%zu episodes %s: %.0f bytes written for each\n", episodes, when, each);
    held = judge(each <= 4 * kPayload, "times its payload", each / kPayload, "at most 4") && held;
  }
  return held;
}

namespace {

/// Lets `step` run `count` times; true when the process grew by less than a twentieth after the first fifth
/// of them.
template <class Step>
bool stays_flat(const char* what, std::size_t count, Step step) {
  double early = 0, late = 0;
  for (std::size_t i = 0; i < count; ++i) {
    step();
    if ((i + 1) % (count / 10) != 0) continue;
    const double now = proc("status", "VmRSS") / 1024;
    std::printf("  %s: after %9zu inserts %7.1f MiB resident\n", what, i + 1, now);
    std::fflush(stdout);
    (i < count / 5 ? early : late) = std::max(i < count / 5 ? early : late, now);
  }
  return judge(late <= 1.05 * early, "RAM at most, of that after a fifth of the inserts", late / early,
               "at most 1.05");
}

}  // namespace

bool measure_steady(const Options& options) {
  std::printf("inserts into a memory of %zu episodes\n", kCapacity);
  Vectors vectors("clusters", 1);
  std::vector<memory::CodedLatent> latents;
  for (int i = 0; i < 1000; ++i) latents.push_back(memory::quantise(vectors.draw()));
  auto index = std::make_unique<memory::VectorIndex>(kWidth, 2 * kCapacity);
  const auto replace_if_wanted = [&] {
    if (index->wants_compaction(memory::IndexKind::exact)) index = index->compacted();
  };
  memory::EpisodeId id = 0;
  const auto insert = [&] {
    ++id;
    if (id > kCapacity) index->remove(id - kCapacity);
    replace_if_wanted();
    ensure(index->add({.id = id}, latents[id % latents.size()]), "room");
  };
  bool held = stays_flat("index", static_cast<std::size_t>(options.number("inserts", 10e6)), insert);

  const SystemClock clock;
  memory::Store store(store_options(fresh_folder(options, "steady"), kCapacity), clock);
  Life life(store, clock, kWidth);
  index = std::make_unique<memory::VectorIndex>(kWidth, 2 * kCapacity);
  const auto remember = [&] {
    const memory::Episode episode = life.live();
    for (const memory::EpisodeId gone : store.take_evicted()) index->remove(gone);
    replace_if_wanted();
    ensure(index->add({.id = episode.id}, episode.latent), "room");
  };
  return stays_flat("index and store", static_cast<std::size_t>(options.number("episodes", 1e6)), remember) &&
         held;
}

}  // namespace dormouse::bench

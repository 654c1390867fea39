#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "memory/failing_vfs.h"
#include "memory/store.h"
#include "tests/temporary_folder.h"

using namespace dormouse;
using namespace dormouse::memory;

namespace {

Episode lived(EpisodeId id) {
  Episode episode;
  episode.id = id;
  episode.model = "activity";
  episode.latent = quantise(std::vector<float>(32, static_cast<float>(id)));
  episode.prediction = "walking";
  return episode;
}

/// What the store has said yes to.
struct Acknowledged {
  EpisodeId ids_end = 1;  ///< every id below may be in use
  std::map<EpisodeId, std::string> labels;
  std::map<EpisodeId, std::string> asked;  ///< without an answer: may or may not have happened
  std::set<EpisodeId> forgotten;
  std::int64_t version = 0;
};

/// A life in small: every kind of write, with what was promised noted after each.
void live(Store& store, Acknowledged& yes) {
  const auto teach = [&](EpisodeId id, const std::string& label) {
    yes.asked[id] = label;
    store.teach(lived(id), label);
    yes.labels[id] = label;
  };
  const auto forget = [&](EpisodeId id) {
    store.forget(std::array{id});
    yes.forgotten.insert(id);
  };
  const IdBlock block = store.reserve_ids(64);
  yes.ids_end = block.first + block.count;
  for (EpisodeId id = 0; id < 6; ++id) store.remember(lived(block.first + id));
  store.flush();
  teach(block.first + 10, "running");
  teach(block.first + 1, "jumping");
  teach(block.first + 10, "walking");
  store.remember(lived(block.first + 20));
  const auto night = store.begin_sleep("activity");
  forget(block.first + 2);
  VersionRecord version{
      "activity", static_cast<std::int64_t>(block.first), 0, night, {}, VersionState::accepted, "d"};
  store.end_sleep(night, SleepState::accepted, "{}", version);
  yes.version = version.version;
  store.checkpoint();
  teach(block.first + 11, "running");
  store.let_go_least_valuable(1);
}

void check_promises(const TemporaryFolder& folder, const Clock& clock, const Acknowledged& yes) {
  Store store({folder.path / "m.db", {}, {}}, clock);
  CHECK(store.check_integrity().empty());
  for (const auto& [id, label] : yes.labels) {
    const auto found = store.find(id);
    REQUIRE(found.has_value());
    CHECK((found->label == label || found->label == yes.asked.at(id)));
    CHECK(found->latent == lived(id).latent);
  }
  for (EpisodeId id : yes.forgotten) CHECK_FALSE(store.find(id).has_value());
  CHECK(store.active_version("activity") >= yes.version);
  CHECK(store.versions("activity").size() >= (yes.version == 0 ? 0 : 1));
  CHECK(store.reserve_ids().first >= yes.ids_end);
}

}  // namespace

TEST_CASE("whichever write fails, what was acknowledged is there after reopening", "[memory]") {
  const auto way = GENERATE(FailingVfs::Way::io_error, FailingVfs::Way::disk_full, FailingVfs::Way::torn);
  const ManualClock clock;
  bool survived = false;
  std::uint64_t n = 0;
  while (!survived) {
    ++n;
    INFO("operation " << n << ", way " << static_cast<int>(way));
    const TemporaryFolder folder;
    Acknowledged yes;
    {
      FailingVfs vfs;
      vfs.break_at(n, way);
      try {
        Store store({folder.path / "m.db", {}, vfs.name()}, clock);
        live(store, yes);
        survived = !vfs.broke();
      } catch (const Failure& failure) {
        const Errc code = failure.error().code;
        CHECK((code == Errc::io || code == Errc::unavailable));
        CHECK_THAT(failure.what(), Catch::Contains("m.db"));
      }
    }
    check_promises(folder, clock, yes);
  }
  CHECK(n > 40);  // the faults really fell inside the session
}

TEST_CASE("a full disk leaves the store readable, and it recovers", "[memory]") {
  const TemporaryFolder folder;
  ManualClock clock;
  FailingVfs vfs;
  Store store({folder.path / "m.db", {}, vfs.name()}, clock);
  store.reserve_ids();
  store.teach(lived(1), "running");

  vfs.break_at(1, FailingVfs::Way::disk_full);
  store.remember(lived(2));
  CHECK_THROWS_AS(store.label(1, "jumping"), Failure);
  CHECK_THROWS_AS(store.flush(), Failure);
  CHECK(store.find(1)->label == "running");
  CHECK(store.labels("activity") == std::vector<std::string>{"running"});
  CHECK(store.find(2).has_value());
  store.tick();  // not before an interval has passed
  CHECK(store.statistics().waiting == 1);
  for (EpisodeId id = 3; id < 3 + Store::kMaxWaiting; ++id) {
    if (id < kIdBlock) store.remember(lived(id));
  }
  CHECK(store.statistics().waiting <= Store::kMaxWaiting);

  vfs.repair();
  clock.advance(std::chrono::seconds(2));
  store.tick();
  CHECK(store.statistics().waiting == 0);
  CHECK(store.label(2, "jumping").new_class);
  CHECK(store.check_integrity().empty());
}

TEST_CASE("a queue that the disk refuses is bounded and keeps what matters", "[memory]") {
  const TemporaryFolder folder;
  const ManualClock clock;
  FailingVfs vfs;
  Store store({folder.path / "m.db", {}, vfs.name()}, clock);
  store.reserve_ids(4 * kIdBlock);
  for (EpisodeId id = 1; id <= Store::kMaxWaiting + 10; ++id) {
    Episode episode = lived(id);
    episode.importance = id == 5 ? 0.1f : id > Store::kMaxWaiting + 5 ? 0.0f : 1.0f;
    if (id == 7) episode.label = "running";
    store.remember(episode);
  }
  CHECK(store.statistics().waiting == Store::kMaxWaiting);
  CHECK(store.statistics().dropped == 10);
  CHECK_FALSE(store.find(5).has_value());
  CHECK(store.find(7)->label == "running");
}

TEST_CASE("a process killed at any moment loses no acknowledged label", "[memory]") {
  const TemporaryFolder folder;
  const ManualClock clock;
  EpisodeId used_end = 1;
  for (int kill_after : {1, 2, 5, 9, 17}) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Store store({folder.path / "m.db", {}, {}}, clock);
      const IdBlock block = store.reserve_ids();
      for (EpisodeId id = block.first;; ++id) {
        store.remember(lived(id + 500));
        store.teach(lived(id), "running");
        if (::write(pipe_ends[1], &id, sizeof id) != sizeof id) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    std::vector<EpisodeId> acknowledged;
    EpisodeId id = 0;
    while (static_cast<int>(acknowledged.size()) < kill_after &&
           ::read(pipe_ends[0], &id, sizeof id) == sizeof id) {
      acknowledged.push_back(id);
    }
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &id, sizeof id) == sizeof id) acknowledged.push_back(id);
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);

    const Store store({folder.path / "m.db", {}, {}}, clock);
    CHECK(store.check_integrity().empty());
    CHECK(acknowledged.front() >= used_end);
    for (EpisodeId taught : acknowledged) CHECK(store.find(taught)->label == "running");
    used_end = acknowledged.back() + 1;
  }
}

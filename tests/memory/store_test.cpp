#include "memory/store.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/memory/bench.h"

using namespace dormouse;
using namespace dormouse::memory;
using namespace std::chrono_literals;

namespace {

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("an episode comes back as it was remembered", "[memory]") {
  Bench bench;
  Episode kept = lived(1);
  {
    Store store = bench.open();
    store.reserve_ids();
    store.remember(kept);
  }
  const auto found = bench.open().find(1);
  REQUIRE(found.has_value());
  CHECK(found->model == "activity");
  CHECK(found->time == kept.time);
  CHECK(found->version == 2);
  CHECK(found->embedding_version == 1);
  CHECK(found->latent == kept.latent);
  CHECK(found->prediction == "walking");
  CHECK(found->confidence == 0.75f);
  CHECK(found->novelty == 0.25f);
  CHECK(found->route == 1);
  CHECK(found->importance == 1);
  CHECK(found->uses == 0);
  CHECK(found->last_used == kept.time);
  CHECK_FALSE(found->label.has_value());
}

TEST_CASE("the database is readable by its owner alone", "[memory]") {
  Bench bench;
  const Store store = bench.open();
  struct stat status {};
  REQUIRE(::stat(bench.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("ids are never reused, whether or not they were used", "[memory]") {
  Bench bench;
  EpisodeId end = 1;
  for (int opening = 0; opening < 3; ++opening) {
    Store store = bench.open();
    const IdBlock block = store.reserve_ids();
    CHECK(block.first == end);
    CHECK(block.count == kIdBlock);
    end = block.first + block.count;
  }
}

TEST_CASE("episodes are committed in groups, by number or by age", "[memory]") {
  Bench bench;
  bench.options.commit_rows = 3;
  Store store = bench.open();
  store.reserve_ids();
  const auto commits = [&] { return store.statistics().commits; };
  const auto before = commits();

  store.remember(lived(1));
  store.remember(lived(2));
  store.tick();
  CHECK(commits() == before);
  CHECK(store.statistics().waiting == 2);
  CHECK(store.find(2).has_value());
  store.remember(lived(3));
  store.tick();
  CHECK(commits() == before + 1);
  CHECK_FALSE(store.due().has_value());

  store.remember(lived(4));
  bench.clock.advance(999ms);
  store.tick();
  CHECK(commits() == before + 1);
  bench.clock.advance(1ms);
  store.tick();
  CHECK(commits() == before + 2);
  CHECK(store.statistics().episodes == 4);
  CHECK(store.statistics().bytes_written > 0);
}

TEST_CASE("labels are given in an order, and the order stays", "[memory]") {
  Bench bench;
  {
    Store store = bench.open();
    store.reserve_ids();
    for (EpisodeId id = 1; id <= 4; ++id) store.remember(lived(id));
    const Taught first = store.label(3, "jumping");
    CHECK(first.new_class);
    CHECK_FALSE(first.previous.has_value());
    CHECK(store.label(1, "running").new_class);
    CHECK_FALSE(store.label(2, "jumping").new_class);
    const Taught corrected = store.label(3, "running");
    CHECK(corrected.previous == "jumping");
  }
  const Store store = bench.open();
  CHECK(store.labels("activity") == std::vector<std::string>{"jumping", "running"});
  CHECK(ids(store.labelled("activity")) == std::vector<EpisodeId>{1, 2, 3});
  CHECK(store.labelled("activity").back().label == "running");
  const auto given = store.feedback("activity");
  REQUIRE(given.size() == 4);
  CHECK(given[0].episode == 3);
  CHECK(given[0].label == "jumping");
  CHECK(given[3].label == "running");
  CHECK(store.labels("other").empty());
  // Of the ids 1 to 4 only 3 is held out.
  const auto counts = store.counts("activity");
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].training == 1);
  CHECK(counts[0].held_out == 0);
  CHECK(counts[1].training == 1);
  CHECK(counts[1].held_out == 1);
}

TEST_CASE("teaching remembers and labels in one step, once", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  CHECK(store.teach(lived(7), "jumping").new_class);
  CHECK(store.teach(lived(7), "running").previous == "jumping");
  store.remember(lived(8));
  CHECK_FALSE(store.teach(lived(8), "running").previous.has_value());
  CHECK(store.statistics().episodes == 2);
}

TEST_CASE("what cannot be labelled or remembered is said, and nothing changes", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  store.remember(lived(1));
  CHECK(code_of([&] { store.label(5, "running"); }) == Errc::gone);
  CHECK(code_of([&] { store.label(5000, "running"); }) == Errc::not_found);
  CHECK(code_of([&] { store.label(0, "running"); }) == Errc::not_found);
  CHECK(code_of([&] { store.label(1, ""); }) == Errc::invalid);
  CHECK(code_of([&] { store.label(1, "a\nb"); }) == Errc::invalid);
  CHECK(code_of([&] { store.label(1, std::string(300, 'x')); }) == Errc::invalid);
  CHECK(code_of([&] { store.remember(lived(1)); }) == Errc::conflict);
  store.flush();
  CHECK(code_of([&] { store.remember(lived(1)); }) == Errc::conflict);
  CHECK(code_of([&] { store.remember(lived(5000)); }) == Errc::invalid);
  CHECK(code_of([&] { store.teach(lived(5000), "running"); }) == Errc::invalid);
  CHECK(store.labels("activity").empty());
  CHECK(store.statistics().episodes == 1);
}

TEST_CASE("models do not see each other's episodes", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  store.remember(lived(1));
  Episode other = lived(2);
  other.model = "digits";
  store.remember(other);
  store.flush();
  CHECK(ids(store.recent("activity", 9)) == std::vector<EpisodeId>{1});
  std::vector<EpisodeId> seen;
  store.each("digits", [&](const Episode& episode) { seen.push_back(episode.id); });
  CHECK(seen == std::vector<EpisodeId>{2});
}

TEST_CASE("vectors come in order of id with what names them, of one model and one embedding", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  Episode other_trunk = lived(2), other_model = lived(3);
  other_trunk.embedding_version = 9;
  other_model.model = "keywords";
  Episode heard = lived(4, "sitting");
  heard.stream = "porch";
  store.teach(heard, "standing");
  for (const Episode& episode : {lived(1), other_trunk, other_model}) store.remember(episode);
  store.flush();
  const auto names = store.class_names("activity");
  const auto streams = store.stream_names();
  CHECK(streams.size() == 1);
  std::vector<EpisodeId> found;
  store.each_vector("activity", 1, [&](const StoredVector& stored) {
    found.push_back(stored.id);
    const Episode episode = *store.find(stored.id);
    CHECK(std::ranges::equal(stored.latent.codes, episode.latent.codes));
    CHECK(stored.latent.scale == episode.latent.scale);
    CHECK(stored.time == episode.time);
    CHECK(stored.version == episode.version);
    CHECK(stored.labelled == episode.label.has_value());
    CHECK(names.at(stored.class_number) == episode.label.value_or(episode.prediction));
    CHECK((stored.stream_number == 0 ? "" : streams.at(stored.stream_number)) == episode.stream);
  });
  CHECK(found == std::vector<EpisodeId>{1, 4});
}

TEST_CASE("recent episodes come newest first", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  for (EpisodeId id = 1; id <= 5; ++id) store.remember(lived(id));
  store.flush();
  CHECK(ids(store.recent("activity", 2)) == std::vector<EpisodeId>{5, 4});
}

TEST_CASE("what is forgotten leaves no bytes behind", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  Episode secret = lived(1);
  secret.latent.codes.assign(64, 0);
  const std::string mark = "these bytes shall go away";
  std::memcpy(secret.latent.codes.data(), mark.data(), mark.size());
  store.teach(secret, "running");
  store.teach(lived(2), "running");
  store.checkpoint();
  REQUIRE(bytes_of(bench.file()).find(mark) != std::string::npos);

  const Entry distilled{"statistics", std::string("\0\x01", 2)};
  CHECK(store.forget(std::array<EpisodeId, 2>{1, 999}, std::span(&distilled, 1)) == 1);
  CHECK(bytes_of(bench.file()).find(mark) == std::string::npos);
  CHECK(bytes_of(bench.file().string() + "-wal").find(mark) == std::string::npos);
  CHECK_FALSE(store.find(1).has_value());
  CHECK(store.feedback("activity").size() == 1);
  CHECK(store.get("statistics") == distilled.value);
}

TEST_CASE("concepts are kept with their provenance", "[memory]") {
  Bench bench;
  Store store = bench.open();
  store.reserve_ids();
  store.teach(lived(1), "running");
  store.teach(lived(2), "running");
  ConceptBuilder builder(1);
  for (const Episode& episode : store.labelled("activity")) builder.add(episode);
  store.replace_semantics("activity", {builder.build(), {}, {}, {}});
  store.replace_semantics("activity", {builder.build(), {}, {}, {}});
  auto kept = store.concepts("activity");
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].label == "running");
  CHECK(kept[0].mean == builder.build()[0].mean);
  CHECK(kept[0].spread == builder.build()[0].spread);
  CHECK(kept[0].count == 2);
  CHECK(kept[0].sources == std::vector<EpisodeId>{1, 2});
  store.forget(std::array{EpisodeId{1}});
  CHECK(store.concepts("activity")[0].sources == std::vector<EpisodeId>{2});
}

TEST_CASE("a night ends with its version active, or with nothing changed", "[memory]") {
  Bench bench;
  Store store = bench.open();
  const auto night = store.begin_sleep("activity");
  CHECK(store.sleep(night)->state == SleepState::running);
  VersionRecord version{"activity", 1, 0, night, bench.clock.wall(), VersionState::accepted, "abc"};
  store.end_sleep(night, SleepState::accepted, "{}", version);
  CHECK(store.active_version("activity") == 1);
  CHECK(store.sleep(night)->state == SleepState::accepted);
  CHECK(store.sleep(night)->ended == bench.clock.wall());

  const auto second = store.begin_sleep("activity");
  CHECK(code_of([&] { store.end_sleep(second, SleepState::accepted, "{}", version); }) == Errc::conflict);
  CHECK(store.sleep(second)->state == SleepState::running);
  version.version = 2;
  version.parent = 1;
  version.state = VersionState::rejected;
  store.end_sleep(second, SleepState::rejected, "{\"why\": 1}", version);
  CHECK(store.active_version("activity") == 1);
  CHECK(store.versions("activity").size() == 2);
  CHECK(store.versions("activity")[1].parent == 1);
  CHECK(store.sleeps(1)[0].report == "{\"why\": 1}");
  CHECK(code_of([&] { store.end_sleep(second, SleepState::failed, "{}"); }) == Errc::conflict);

  CHECK(code_of([&] { store.activate("activity", 2); }) == Errc::conflict);
  CHECK(code_of([&] { store.activate("activity", 9); }) == Errc::not_found);
  store.activate("activity", 0);
  CHECK(store.active_version("activity") == 0);
}

TEST_CASE("a sleep that was cut off is found interrupted", "[memory]") {
  Bench bench;
  std::int64_t night = 0;
  {
    Store store = bench.open();
    night = store.begin_sleep("activity");
  }
  CHECK(bench.open().sleep(night)->state == SleepState::interrupted);
}

TEST_CASE("calibration points come back oldest first", "[memory]") {
  Bench bench;
  Store store = bench.open();
  std::vector<CalibrationPoint> points(3);
  for (std::size_t i = 0; i < 3; ++i) {
    points[i].model = "activity";
    points[i].score = static_cast<float>(i);
    points[i].audit = i == 2;
  }
  store.record_calibration(points);
  const auto newest = store.calibration("activity", 2);
  REQUIRE(newest.size() == 2);
  CHECK(newest[0].score == 1);
  CHECK(newest[1].audit);
}

TEST_CASE("a file that is not a memory is refused by name", "[memory]") {
  Bench bench;
  SECTION("text") {
    std::ofstream(bench.file()) << std::string(8192, 'x');
    CHECK(code_of([&] { bench.open(); }) == Errc::corrupt);
  }
  SECTION("a folder that is not there") {
    CHECK(code_of([&] { Store({bench.folder.path / "no" / "x.db", {}, {}}, bench.clock); }) == Errc::io);
  }
  SECTION("damage") {
    {
      Store store = bench.open();
      store.reserve_ids();
      for (EpisodeId id = 1; id <= 200; ++id) store.remember(lived(id));
      store.flush();
      store.checkpoint();
    }
    const auto size = std::filesystem::file_size(bench.file());
    std::fstream file(bench.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(size - 4096, '\xa5');
    file.close();
    const Errc code = code_of([&] {
      Store store = bench.open();
      store.each("activity", [](const Episode&) {});
    });
    CHECK(code == Errc::corrupt);
  }
}

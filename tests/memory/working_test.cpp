#include "memory/working.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <thread>

#include "tests/freed_bytes.h"

using namespace dormouse;
using namespace dormouse::memory;

namespace {

Inference inference(EpisodeId id) {
  Inference made;
  made.id = id;
  made.latent = {static_cast<float>(id)};
  return made;
}

}  // namespace

TEST_CASE("windows overlap by what is not consumed", "[memory]") {
  SampleRing ring(2, 4);
  CHECK(ring.push(std::vector<float>{1, 2, 3, 4, 5, 6}) == 3);
  std::vector<float> window(4);
  REQUIRE(ring.peek(window));
  CHECK(window == std::vector<float>{1, 2, 3, 4});
  ring.consume(1);
  REQUIRE(ring.peek(window));
  CHECK(window == std::vector<float>{3, 4, 5, 6});
  ring.consume(1);
  CHECK_FALSE(ring.peek(window));
}

TEST_CASE("samples are zeroed when they are consumed, and with their ring", "[memory]") {
  struct Shelf final : std::pmr::memory_resource {
    std::vector<float> floats = std::vector<float>(6);
    void* do_allocate(std::size_t, std::size_t) override { return floats.data(); }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  } shelf;
  {
    SampleRing ring(2, 3, &shelf);
    ring.push(std::vector<float>{1, 2, 3, 4, 5, 6});
    ring.consume(2);
    CHECK(shelf.floats == std::vector<float>{0, 0, 0, 0, 5, 6});
    ring.push(std::vector<float>{7, 8});
    ring.consume(1);
    CHECK(shelf.floats == std::vector<float>{7, 8, 0, 0, 0, 0});
    ring.push(std::vector<float>{9, 9, 9, 9});
    ring.consume(2);
    CHECK(shelf.floats == std::vector<float>{0, 0, 0, 0, 9, 9});
    ring.push(std::vector<float>{1, 2, 3, 4});
    ring.consume(2);  // the last row and, around the corner, the first
    CHECK(shelf.floats == std::vector<float>{0, 0, 3, 4, 0, 0});
  }
  CHECK(shelf.floats == std::vector<float>(6));
  FreedBytes memory;
  SampleRing(1, 4, &memory).push(std::vector<float>{1, 2, 3});
  CHECK(memory.freed() >= 16);
  CHECK(memory.left_behind() == 0);
}

namespace {

/// Counts how often it was wiped.
struct Secret {
  EpisodeId id = 0;
  int* wiped = nullptr;
};
void wipe(Secret& secret) {
  if (secret.wiped) ++*secret.wiped;
}

}  // namespace

TEST_CASE("whatever working memory lets go is wiped", "[memory]") {
  int first = 0, second = 0, third = 0;
  {
    Recent<Secret> recent(2);
    recent.put({1, &first});
    recent.put({2, &second});
    recent.put({3, &third});
    CHECK(first == 1);
    recent.erase(2);
    CHECK(second == 1);
    CHECK(third == 0);
  }
  CHECK(third == 1);
}

TEST_CASE("a full ring refuses the newest rows and counts them", "[memory]") {
  SampleRing ring(1, 3);
  CHECK(ring.push(std::vector<float>{1, 2, 3, 4, 5}) == 3);
  CHECK(ring.dropped() == 2);
  std::vector<float> window(3);
  REQUIRE(ring.peek(window));
  CHECK(window == std::vector<float>{1, 2, 3});
}

TEST_CASE("samples arrive once and in order when two threads share a ring", "[memory]") {
  SampleRing ring(3, 64);
  constexpr std::size_t total = 20'000;
  std::thread writer([&] {
    for (std::size_t sent = 0; sent < total;) {
      std::vector<float> rows(3 * std::min<std::size_t>(7, total - sent));
      std::iota(rows.begin(), rows.end(), static_cast<float>(3 * sent));
      const std::size_t taken = ring.push(rows);
      sent += taken;
      if (taken == 0) std::this_thread::yield();
    }
  });
  std::size_t wrong = 0;
  for (std::size_t read = 0; read < total; ++read) {
    std::array<float, 3> row{};
    while (!ring.peek(row)) std::this_thread::yield();
    ring.consume(1);
    for (std::size_t i = 0; i < 3; ++i) wrong += row[i] == static_cast<float>(3 * read + i) ? 0 : 1;
  }
  writer.join();
  CHECK(wrong == 0);
}

TEST_CASE("exactly the last ids are found", "[memory]") {
  RecentInferences recent(4, 0);
  for (EpisodeId id = 1; id <= 10; ++id) recent.put(inference(id));
  CHECK(recent.find(6) == nullptr);
  for (EpisodeId id = 7; id <= 10; ++id) {
    REQUIRE(recent.find(id) != nullptr);
    CHECK(recent.find(id)->latent.front() == static_cast<float>(id));
  }
  CHECK(recent.find(0) == nullptr);
  CHECK(recent.find(14) == nullptr);
}

TEST_CASE("recent inferences are visited from the newest, over gaps in their ids", "[memory]") {
  RecentInferences recent(8, 0);
  for (EpisodeId id : {3, 4, 1027, 1029}) recent.put(inference(id));
  std::vector<EpisodeId> seen;
  recent.newest_first([&](const Inference& item) {
    seen.push_back(item.id);
    return true;
  });
  CHECK(seen == std::vector<EpisodeId>{1029, 1027});
}

TEST_CASE("an erased inference is not found", "[memory]") {
  RecentInferences recent(4, 0);
  recent.put(inference(3));
  recent.erase(3);
  CHECK(recent.find(3) == nullptr);
}

TEST_CASE("an inference becomes the episode it was", "[memory]") {
  Inference lived = inference(5);
  lived.model = "activity";
  lived.prediction = "walk";
  lived.confidence = 0.75f;
  lived.latent = {1, -2};
  const Episode episode = to_episode(lived);
  CHECK(episode.id == 5);
  CHECK(episode.prediction == "walk");
  CHECK(episode.confidence == 0.75f);
  CHECK(episode.importance == 0.25f);
  CHECK(episode.latent.codes == std::vector<std::int8_t>{64, -127});
  CHECK_FALSE(episode.label.has_value());
}

TEST_CASE("raw inputs of the newest inferences are kept in a fixed share of memory", "[memory]") {
  RecentInferences recent(100, 10 * sizeof(float));
  for (EpisodeId id = 1; id <= 250; ++id) {
    Inference lived = inference(id);
    lived.input = {{1, 4}, {1, 2, 3, static_cast<float>(id)}};
    recent.put(lived);
    CHECK(recent.input_bytes() <= 10 * sizeof(float));
  }
  CHECK(recent.find(250)->input.values.back() == 250);
  CHECK_FALSE(recent.find(249)->input.empty());
  CHECK(recent.find(248)->input.empty());
  CHECK(recent.find(248)->latent.front() == 248);
  recent.erase(250);
  CHECK(recent.input_bytes() == 4 * sizeof(float));
}

TEST_CASE("wiping leaves zeros where an inference was", "[memory]") {
  Inference lived = inference(3);
  lived.input = {{2}, {7, 8}};
  wipe(lived);
  CHECK(lived.latent == std::vector<float>(lived.latent.size(), 0.0f));
  CHECK(lived.input.values == std::vector<float>{0, 0});
}

#include "learning/exemplars.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/learning/clusters.h"

using namespace dormouse;
using namespace dormouse::learning;

namespace {

constexpr std::uint64_t kSeed = 77;
constexpr std::size_t kPixels = 28 * 28;

ExemplarOptions holding(std::size_t exemplars, Selection selection, std::uint64_t seed = kSeed) {
  return {.budget_bytes = 5 * exemplars,
          .packing = {.code = Packing::Code::f32},
          .selection = selection,
          .seed = seed};
}

/// An example that is one number.
bool offer(ExemplarMemory& memory, float value, ClassIndex label, float importance = 1) {
  return memory.offer(std::span(&value, 1), label, {}, importance);
}

float value_of(const ExemplarMemory& memory, std::size_t row) {
  return memory.gather(std::array{row}).row(0)[0];
}

}  // namespace

TEST_CASE("an exemplar takes the bytes that its packing says, and the budget is never passed",
          "[exemplars]") {
  const ImageShape image{28, 28, 1};
  const Packing::Range pixels{0, 1};
  using enum Packing::Code;
  const auto item = [](Packing packing, std::size_t logits = 0) {
    ExemplarMemory memory(kPixels, {.budget_bytes = 157'000, .packing = packing, .logits = logits});
    return memory.item_bytes();
  };
  CHECK(item({.code = bits8, .range = pixels}) == 785);
  CHECK(item({.code = bits8, .range = pixels}, 10) == 805);
  CHECK(item({.code = bits4, .range = pixels, .image = image, .half = true}) == 99);
  CHECK(item({.code = bits4}) == 392 + 4 + 1);
  CHECK(item({.code = bits2, .range = pixels, .image = image, .half = true}) == 50);
  CHECK(item({.code = f16}) == 1569);
  CHECK(item({.code = f32}) == 3137);

  ExemplarMemory memory(kPixels, {.budget_bytes = 157'000, .packing = {.code = bits8, .range = pixels}});
  CHECK(memory.capacity() == 200);
  const std::vector<float> black(kPixels);
  for (int i = 0; i < 500; ++i) memory.offer(black, ClassIndex(i % 10));
  CHECK(memory.size() == 200);
  CHECK(memory.bytes() == 157'000);
  CHECK_THROWS_AS(ExemplarMemory(kPixels, {.budget_bytes = 700, .packing = {.code = bits8, .range = pixels}}),
                  Failure);
}

TEST_CASE("what is packed comes back within half a step", "[exemplars]") {
  const auto code = GENERATE(Packing::Code::bits8, Packing::Code::bits4, Packing::Code::bits2);
  const bool known = GENERATE(false, true);
  const float levels = code == Packing::Code::bits8 ? 255 : code == Packing::Code::bits4 ? 15 : 3;
  Random random(kSeed);
  std::vector<float> values(33);  // odd: the last nibble stands alone
  for (float& x : values) x = static_cast<float>(100 + 3 * random.normal());
  const auto [low, high] = std::ranges::minmax(values);
  const Packing packing{.code = code,
                        .range = known ? std::optional(Packing::Range{low, high}) : std::nullopt};
  const Packer packer(values.size(), packing);
  std::vector<std::byte> bytes(packer.bytes());
  std::vector<float> back(values.size());
  packer.pack(values, bytes);
  packer.unpack(bytes, back);
  // The own extremes are bfloat16, at most 1/128 of them away on either side.
  const float step = (known ? high - low : high - low + (std::abs(low) + std::abs(high)) / 128) / levels;
  float worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) worst = std::max(worst, std::abs(values[i] - back[i]));
  CHECK(worst <= 0.501f * step);
  CHECK(worst > 0);
}

TEST_CASE("four bits hold every code, low nibble first", "[exemplars]") {
  std::vector<float> values;
  for (int i = 0; i < 16; ++i) values.push_back(static_cast<float>(i));
  const Packer packer(16, {.code = Packing::Code::bits4, .range = Packing::Range{0, 15}});
  std::vector<std::byte> bytes(packer.bytes());
  packer.pack(values, bytes);
  CHECK(bytes == std::vector<std::byte>{std::byte{0x10}, std::byte{0x32}, std::byte{0x54}, std::byte{0x76},
                                        std::byte{0x98}, std::byte{0xba}, std::byte{0xdc}, std::byte{0xfe}});
  std::vector<float> back(16);
  packer.unpack(bytes, back);
  CHECK(back == values);
}

TEST_CASE("extremes of any size survive packing", "[exemplars]") {
  for (const std::vector<float>& values :
       {std::vector<float>{0, 0, 0}, {-3e38f, 0, 3e38f}, {1e-30f, 2e-30f, 3e-30f}, {-5, -5, -5}}) {
    const Packer packer(3, {.code = Packing::Code::bits8});
    std::vector<std::byte> bytes(packer.bytes());
    std::vector<float> back(3);
    packer.pack(values, bytes);
    packer.unpack(bytes, back);
    for (std::size_t i = 0; i < 3; ++i) {
      CAPTURE(values[i], back[i]);
      CHECK(std::isfinite(back[i]));
      CHECK(std::abs(double{back[i]} - double{values[i]}) <=
            0.01 * std::abs(double{values[2]}) + 0.01 * std::abs(double{values[0]}));
    }
  }
}

TEST_CASE("half resolution keeps means of two by two, and brings them back", "[exemplars]") {
  const std::vector<float> image{0, 2, 4,  //
                                 2, 4, 6,  //
                                 8, 8, 10};
  const auto through = [&](Packing::Upsampling upsampling) {
    const Packer packer(
        9,
        {.code = Packing::Code::f32, .image = ImageShape{3, 3, 1}, .half = true, .upsampling = upsampling});
    CHECK(packer.bytes() == 16);
    std::vector<std::byte> bytes(16);
    std::vector<float> back(9);
    packer.pack(image, bytes);
    packer.unpack(bytes, back);
    return back;
  };
  CHECK(through(Packing::Upsampling::nearest) == std::vector<float>{2, 2, 5, 2, 2, 5, 8, 8, 10});
  const auto smooth = through(Packing::Upsampling::bilinear);
  CHECK(smooth[0] == 2);  // the corner is its own only neighbour
  CHECK(smooth[4] == Approx(0.5625 * 2 + 0.1875 * (8 + 5) + 0.0625 * 10));
}

TEST_CASE("a reservoir keeps every example offered with the same probability", "[exemplars]") {
  constexpr std::size_t kOffered = 40, kKept = 10, kRuns = 4000;
  std::vector<double> kept(kOffered);
  for (std::size_t run = 0; run < kRuns; ++run) {
    ExemplarMemory memory(1, holding(kKept, Selection::reservoir, kSeed + run));
    for (std::size_t i = 0; i < kOffered; ++i) offer(memory, float(i), 0);
    for (std::size_t i = 0; i < kKept; ++i) ++kept[std::size_t(value_of(memory, i))];
  }
  const double expected = double(kRuns * kKept) / kOffered;
  double chi = 0;
  for (const double k : kept) chi += (k - expected) * (k - expected) / expected;
  INFO("seeds " << kSeed << " to " << kSeed + kRuns << ", chi-square " << chi);
  CHECK(chi < 62.4);  // 39 degrees of freedom, p = 0.01; sampling without replacement makes it smaller
}

TEST_CASE("a balanced memory gives a rare class all it has and the others equal shares", "[exemplars]") {
  const auto selection = GENERATE(Selection::balanced, Selection::greedy, Selection::diverse);
  INFO("seed " << kSeed);
  ExemplarMemory memory(1, holding(60, selection));
  Random random(kSeed);
  for (int i = 0; i < 3000; ++i)
    offer(memory, static_cast<float>(random.normal()), i % 300 == 7 ? 2 : ClassIndex(i % 10 == 0));
  const auto counts = memory.counts();
  CHECK(counts[2] == (selection == Selection::diverse ? counts[2] : 10));
  CHECK(counts[2] >= 5);
  CHECK(counts[0] + counts[1] + counts[2] == 60);
  CHECK(counts[0] >= 24);
  CHECK(counts[1] >= 24);
}

TEST_CASE("within a full class the balanced reservoir is uniform over time", "[exemplars]") {
  std::size_t early = 0;
  constexpr std::size_t kRuns = 1000;
  for (std::size_t run = 0; run < kRuns; ++run) {
    ExemplarMemory memory(1, holding(10, Selection::balanced, kSeed + run));
    for (std::size_t i = 0; i < 100; ++i) offer(memory, float(i), ClassIndex(i % 2));
    for (std::size_t i = 0; i < 10; ++i) early += value_of(memory, i) < 50;
  }
  const double share = double(early) / (10 * kRuns);
  INFO("seeds from " << kSeed << ", early share " << share);
  CHECK(share == Approx(0.5).margin(0.05));
}

TEST_CASE("prioritised memory prefers importance as its exponent says", "[exemplars]") {
  const auto important = [](double alpha) {
    std::size_t kept = 0;
    for (std::size_t run = 0; run < 400; ++run) {
      ExemplarMemory memory(1, {.budget_bytes = 9 * 10,
                                .packing = {.code = Packing::Code::f32},
                                .selection = Selection::prioritised,
                                .alpha = alpha,
                                .seed = kSeed + run});
      for (std::size_t i = 0; i < 100; ++i) offer(memory, float(i % 2), 0, i % 2 ? 4.0f : 1.0f);
      REQUIRE(memory.size() == 10);
      for (std::size_t i = 0; i < 10; ++i) kept += value_of(memory, i) == 1;
    }
    return double(kept) / 4000;
  };
  INFO("seeds from " << kSeed);
  CHECK(important(0) == Approx(0.5).margin(0.05));
  CHECK(important(1) > 0.72);
  CHECK(important(2) > important(1) + 0.05);
}

TEST_CASE("near-duplicates crowd nothing out of a diverse memory", "[exemplars]") {
  const auto distinct = [](Selection selection) {
    ExemplarMemory memory(1, holding(20, selection));
    Random random(kSeed);
    for (int i = 0; i < 20; ++i) offer(memory, static_cast<float>(10 * i), 0);
    for (int i = 0; i < 400; ++i) offer(memory, static_cast<float>(50 + 0.01 * random.normal()), 0);
    std::set<long> places;
    for (std::size_t i = 0; i < memory.size(); ++i) places.insert(std::lround(value_of(memory, i) / 10));
    return places.size();
  };
  INFO("seed " << kSeed);
  CHECK(distinct(Selection::diverse) == 20);
  CHECK(distinct(Selection::balanced) < 10);
}

TEST_CASE("draws are without replacement, and balanced ones give classes equal turns", "[exemplars]") {
  ExemplarMemory memory(1, holding(50, Selection::reservoir));
  for (int i = 0; i < 50; ++i) offer(memory, float(i), i < 45 ? 0 : 1);
  const auto some = memory.draw(30);
  CHECK(std::set<std::size_t>(some.begin(), some.end()).size() == 30);
  CHECK(memory.draw(500).size() == 50);
  const LabelledLatents even = memory.gather(memory.draw_balanced(20));
  CHECK(std::ranges::count(even.classes, 1u) == 10);
}

TEST_CASE("a memory goes on after a restart as if there had been none", "[exemplars]") {
  const auto selection = GENERATE(Selection::reservoir, Selection::balanced, Selection::prioritised,
                                  Selection::diverse, Selection::greedy);
  Clusters clusters(4, 6, 1.0, kSeed);
  const LabelledLatents first = clusters.draw(30, 0, 4), second = clusters.draw(30, 0, 4);
  const ExemplarOptions options{.budget_bytes = 400, .selection = selection, .logits = 3, .seed = kSeed};
  const std::vector<float> logits{1, 2, 3};
  const auto feed = [&](ExemplarMemory& memory, const LabelledLatents& data) {
    for (std::size_t i = 0; i < data.size(); ++i)
      memory.offer(data.row(i), data.classes[i], logits, float(i + 1));
  };
  ExemplarMemory one(6, options), other(6, options);
  feed(one, first);
  other.restore(one.state());
  feed(one, second);
  feed(other, second);
  CHECK(std::ranges::equal(one.all().latents.values<float>(), other.all().latents.values<float>()));
  CHECK(one.draw(5) == other.draw(5));
  CHECK(other.logits(std::array{std::size_t{0}}).values<float>()[2] == 3);
  ExemplarMemory wider(7, options);
  CHECK_THROWS_AS(wider.restore(one.state()), Failure);
}

TEST_CASE("a forgotten class leaves no exemplar and no byte of one", "[exemplars]") {
  ExemplarMemory memory(1, holding(20, Selection::balanced));
  for (int i = 0; i < 40; ++i) offer(memory, i % 2 ? 12345.0f : 1.0f, ClassIndex(i % 2));
  CHECK(memory.forget(1) == 10);
  CHECK(memory.size() == 10);
  for (std::size_t i = 0; i < memory.size(); ++i) CHECK(value_of(memory, i) == 1.0f);
  CHECK(memory.counts()[1] == 0);
}

TEST_CASE("what cannot be an exemplar is refused", "[exemplars]") {
  ExemplarMemory memory(2, {.budget_bytes = 1000, .logits = 2});
  const std::vector<float> logits{0, 0};
  CHECK_THROWS_AS(memory.offer(std::vector<float>{1}, 0, logits), Failure);
  CHECK_THROWS_AS(memory.offer(std::vector<float>{1, std::nanf("")}, 0, logits), Failure);
  CHECK_THROWS_AS(memory.offer(std::vector<float>{1, 2}, 0), Failure);
  CHECK_THROWS_AS(memory.offer(std::vector<float>{1, 2}, 256, logits), Failure);
  CHECK_THROWS_AS(Packer(4, Packing{.half = true}), Failure);
  CHECK_THROWS_AS(Packer(4, (Packing{.image = ImageShape{3, 3, 1}})), Failure);
}

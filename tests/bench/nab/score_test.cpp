#include "tests/bench/nab/score.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/bench/nab/baselines.h"

namespace dormouse::bench::nab {
namespace {

constexpr const Profile& kStandard = kProfiles[0];
constexpr std::size_t kRows = 1000;  // of which 150 are on probation

Series series_with(std::vector<Window> windows) {
  return {"made/up.csv", "made", std::vector<Row>(kRows), std::move(windows)};
}

Judged detecting(const Series& series, std::initializer_list<std::size_t> rows) {
  Judged judged{&series, std::vector<double>(series.rows.size())};
  for (const std::size_t row : rows) judged.scores[row] = 1;
  return judged;
}

double raw(const Judged& judged, const Profile& profile = kStandard) {
  return raw_score(std::span(&judged, 1), 1, profile);
}

double sigmoid_at(double position) { return 2 / (1 + std::exp(5 * position)) - 1; }

}  // namespace

TEST_CASE("probation is 15% of a file, at most 750 rows", "[nab]") {
  CHECK(probation(1243) == 186);
  CHECK(probation(4032) == 604);
  CHECK(probation(5000) == 750);
  CHECK(probation(22695) == 750);
}

TEST_CASE("the sigmoid has the published values", "[nab]") {
  CHECK(scaled_sigmoid(-1) == Approx(0.98661).margin(1e-5));
  CHECK(scaled_sigmoid(-0.5) == Approx(0.84828).margin(1e-5));
  CHECK(scaled_sigmoid(0) == 0);
  CHECK(scaled_sigmoid(1) == Approx(-0.98661).margin(1e-5));
  CHECK(scaled_sigmoid(3) == -1);
}

TEST_CASE("the null detector scores 0 and the perfect one 100 in every profile", "[nab]") {
  const Series series = series_with({{200, 299}, {600, 699}});
  for (const Profile& profile : kProfiles) {
    const std::vector<Judged> null{{&series, null_scores(series)}}, perfect{detecting(series, {200, 600})};
    INFO(profile.name);
    CHECK(normalised(best_threshold(null, profile).raw, null, profile) == Approx(0).margin(1e-9));
    CHECK(normalised(best_threshold(perfect, profile).raw, perfect, profile) == Approx(100));
  }
}

TEST_CASE("the first detection in a window counts by how early it is, later ones do not", "[nab]") {
  const Series series = series_with({{200, 299}});
  CHECK(raw(detecting(series, {200})) == Approx(1));
  CHECK(raw(detecting(series, {200, 201, 299})) == Approx(1));
  CHECK(raw(detecting(series, {250, 260})) == Approx(sigmoid_at(-0.5) / sigmoid_at(-1)));
  CHECK(raw(detecting(series, {299})) == Approx(sigmoid_at(-0.01) / sigmoid_at(-1)));
  CHECK(raw(detecting(series, {})) == -1);
  CHECK(raw(detecting(series, {}), kProfiles[2]) == -2);
}

TEST_CASE("a false positive costs by its distance to the window before it", "[nab]") {
  const Series series = series_with({{200, 299}});
  CHECK(raw(detecting(series, {199, 200})) == Approx(1 - 0.11));  // no window before it
  CHECK(raw(detecting(series, {200, 300})) == Approx(1 + 0.11 * sigmoid_at(1 / 99.0)));
  CHECK(raw(detecting(series, {200, 349})) == Approx(1 + 0.11 * sigmoid_at(50 / 99.0)));
  CHECK(raw(detecting(series, {200, 900})) == Approx(1 - 0.11));
  CHECK(raw(detecting(series, {200, 900, 901}), kProfiles[1]) == Approx(1 - 0.44));
}

TEST_CASE("what is detected on probation does not count", "[nab]") {
  const Series series = series_with({{200, 299}});
  CHECK(raw(detecting(series, {0, 149, 200})) == Approx(1));
  CHECK(raw(detecting(series, {150, 200})) == Approx(1 - 0.11));
}

TEST_CASE("one threshold over all files earns the most", "[nab]") {
  const Series one = series_with({{200, 299}}), other = series_with({{300, 399}});
  std::vector<Judged> corpus{detecting(one, {}), detecting(other, {})};
  corpus[0].scores[200] = 0.9;  // +2 with the window's cost given back
  corpus[1].scores[300] = 0.5;
  for (const std::size_t row : {900, 901, 902}) corpus[0].scores[row] = 0.7;  // -0.33 before 0.5 is reached

  const Optimum best = best_threshold(corpus, kStandard);
  CHECK(best.threshold == 0.5);
  CHECK(best.raw == Approx(2 - 0.33));
  CHECK(raw_score(corpus, best.threshold, kStandard) == Approx(best.raw));
  const Counts found = counts(corpus, best.threshold);
  CHECK(found.detected == 2);
  CHECK(found.missed == 0);
  CHECK(found.false_positives == 3);
}

TEST_CASE("rows of the same score are detected together", "[nab]") {
  const Series series = series_with({{200, 299}});
  Judged judged = detecting(series, {200});
  for (std::size_t row = 500; row < 600; ++row) judged.scores[row] = 1;  // -11 for what earns 2
  const Optimum best = best_threshold(std::span(&judged, 1), kStandard);
  CHECK(best.threshold == std::numeric_limits<double>::infinity());
  CHECK(best.raw == -1);
}

TEST_CASE("a file without anomalies has no scale of its own", "[nab]") {
  const Series series = series_with({});
  const std::vector<Judged> corpus{detecting(series, {500})};
  CHECK(raw(corpus[0]) == Approx(-0.11));
  CHECK(std::isnan(normalised(raw(corpus[0]), corpus, kStandard)));
}

}  // namespace dormouse::bench::nab

#include "hrm/certificate.h"

#include <cmath>
#include <random>
#include <vector>

#include "config/error.h"

using namespace dormouse;
using namespace dormouse::hrm;

namespace {

/// Cheap answers with scores evenly in [0, 1) that are wrong with probability 0.3·(1 − score)²: of those from
/// t on, 0.1·(1 − t)² are.
class Stream {
 public:
  explicit Stream(std::uint64_t seed) : random_(seed) {}
  Audit next() {
    const double score = uniform();
    return {static_cast<float>(score), uniform() < 0.3 * (1 - score) * (1 - score)};
  }
  static double error_from(double threshold) { return 0.1 * (1 - threshold) * (1 - threshold); }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  std::mt19937_64 random_;
};

std::vector<Audit> draw(std::uint64_t seed, std::size_t audits) {
  Stream stream(seed);
  std::vector<Audit> drawn(audits);
  for (Audit& audit : drawn) audit = stream.next();
  return drawn;
}

std::vector<float> grid() {
  std::vector<float> thresholds;
  for (int percent = 98; percent >= 0; percent -= 2) thresholds.push_back(static_cast<float>(percent) / 100);
  return thresholds;
}

}  // namespace

TEST_CASE("the exact limits of an error rate are those of Clopper and Pearson", "[certificate]") {
  CHECK(upper_limit(0, 100, 0.05) == Approx(1 - std::pow(0.05, 0.01)).epsilon(1e-9));
  CHECK(upper_limit(3, 50, 0.025) == Approx(0.1655).epsilon(1e-3));
  CHECK(lower_limit(3, 50, 0.025) == Approx(0.0125).epsilon(1e-2));
  CHECK(lower_limit(50, 50, 0.05) == Approx(std::pow(0.05, 0.02)).epsilon(1e-9));
  CHECK(upper_limit(0, 0, 0.05) == 1);
  CHECK(upper_limit(7, 7, 0.05) == 1);
  CHECK(lower_limit(0, 7, 0.05) == 0);
  CHECK(binomial_cdf(1, 3, 0.5) == Approx(0.5));
  CHECK(binomial_cdf(900, 100000, 0.01) == Approx(0.00066084).epsilon(1e-4));
}

TEST_CASE("a certificate breaks its promise in no more than delta of 1,000 samples of audits",
          "[certificate]") {
  struct Row {
    std::size_t audits;
    Promise promise;
    double accepted;  ///< at least so much on average; all that may be accepted is 1 − √(10·target_error)
  };
  const std::vector<Row> table{{300, {0.05, 0.05}, 0.08},
                               {1000, {0.02, 0.05}, 0.04},
                               {4000, {0.02, 0.05}, 0.30},
                               {4000, {0.02, 0.2}, 0.35},
                               {4000, {0.05, 0.05, 1}, 0.0}};
  for (const Row& row : table) {
    std::size_t broken = 0;
    double accepted = 0;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
      const Certificate certificate = certify(draw(seed, row.audits), grid(), row.promise);
      if (!certificate.threshold) continue;
      CHECK(certificate.bound <= row.promise.target_error);
      broken += Stream::error_from(double{*certificate.threshold}) > row.promise.target_error;
      accepted += 1 - double{*certificate.threshold};
    }
    INFO("seeds 0 to 999, audits " << row.audits << ", target " << row.promise.target_error << ", delta "
                                   << row.promise.delta << ", chains " << row.promise.starts);
    CHECK(static_cast<double>(broken) <= 1000 * row.promise.delta);
    CHECK(accepted / 1000 >= row.accepted);
  }
}

TEST_CASE("no chain of tests begins where there are too few audits to prove anything", "[certificate]") {
  std::vector<Audit> audits = draw(7, 300);
  for (Audit& audit : audits) audit.wrong = false;
  for (const std::size_t starts : {1, 2, 4}) {
    INFO("seed 7, chains " << starts);
    const Certificate certificate = certify(audits, grid(), {0.02, 0.05, starts});
    REQUIRE(certificate.threshold);
    CHECK(*certificate.threshold == 0);
    CHECK(certificate.accepted == 300);
  }
  CHECK_FALSE(certify(draw(7, 100), grid(), {0.02, 0.05}).threshold);
}

TEST_CASE("a chain that reaches the next one's start tests at what both may spend", "[certificate]") {
  // Of 20 thresholds tests begin at the 18th, where 240 audits are expected: at 0.025, 0.0125 and 0.0125.
  std::vector<float> thresholds;
  for (int i = 0; i < 20; ++i) thresholds.push_back(0.8f - 0.01f * static_cast<float>(i));
  std::vector<Audit> audits(280);
  for (std::size_t i = 0; i < 280; ++i) audits[i].score = i < 240 ? 0.9f : 0.625f;
  const Promise promise{0.02, 0.05, 4};
  audits[279].wrong = true;  // P(X <= 0 | 240, 0.02) = 0.0078; P(X <= 1 | 280, 0.02) = 0.0235
  const Certificate carried = certify(audits, thresholds, promise);
  REQUIRE(carried.threshold);
  CHECK(*carried.threshold == thresholds[19]);
  CHECK(carried.accepted == 280);
  CHECK(carried.errors == 1);
  CHECK(carried.bound <= 0.02);
  CHECK(carried.bound == Approx(upper_limit(1, 280, 0.05)));
  audits[279].wrong = false, audits[0].wrong = true;  // now the first chain fails, and has nothing to bring
  CHECK_FALSE(certify(audits, thresholds, promise).threshold);
}

TEST_CASE("chains of tests begin where earlier audits leave hope, and go on beyond", "[certificate]") {
  // 50 audits at each of 20 thresholds. Of the fifth to the seventh only the seventh has enough of them to
  // prove anything in spite of its one error; from the eighth on too many are wrong.
  std::vector<float> thresholds;
  for (int i = 0; i < 20; ++i) thresholds.push_back(0.9f - 0.01f * static_cast<float>(i));
  std::vector<Audit> audits;
  for (std::size_t i = 0; i < 1000; ++i)
    audits.push_back({thresholds[i / 50], i == 0 || (i >= 350 && i % 3 == 0)});
  const Promise promise{0.02, 0.05, 4};
  const std::size_t hope = hopeful(audits, thresholds, promise.target_error);
  CHECK(hope == 7);
  CHECK_FALSE(certify(audits, thresholds, promise).threshold);
  const Certificate certificate = certify(audits, thresholds, promise, {.hopeful = hope});
  REQUIRE(certificate.threshold);
  CHECK(*certificate.threshold == thresholds[6]);
  CHECK(certificate.bound == Approx(upper_limit(1, 350, 0.0125)));

  for (std::size_t i = 350; i < 1000; ++i) audits[i].wrong = false;
  CHECK(*certify(audits, thresholds, promise, {.hopeful = hope}).threshold == thresholds[19]);
  CHECK(hopeful(audits, thresholds, promise.target_error) == 20);
  CHECK(hopeful({}, thresholds, promise.target_error) == 20);
  for (Audit& audit : audits) audit.wrong = true;
  CHECK(hopeful(audits, thresholds, promise.target_error) == 0);
  CHECK_FALSE(certify(audits, thresholds, promise, {.hopeful = 0}).threshold);
  for (Audit& audit : audits) audit.wrong = false;
  const auto at_once = certify(std::span(audits).first(250), thresholds, promise, {.hopeful = 0});
  REQUIRE(at_once.threshold);  // all chains at the one where they are expected to begin
  CHECK(at_once.bound == Approx(upper_limit(0, 250, 0.05)));
}

TEST_CASE("where every threshold errs more than promised, one is certified in at most delta of samples",
          "[certificate]") {
  for (const std::size_t starts : {1, 2, 4, 7}) {
    const Promise promise{0.05, 0.1, starts};
    std::mt19937_64 random(starts);
    const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    std::size_t falsely = 0;
    constexpr std::size_t kSamples = 2000;
    for (std::size_t sample = 0; sample < kSamples; ++sample) {
      std::vector<Audit> audits(250);
      for (Audit& audit : audits) audit = {static_cast<float>(uniform()), uniform() < 0.0501};
      falsely += certify(audits, grid(), promise).threshold.has_value();
    }
    INFO("seed and chains " << starts);
    CHECK(lower_limit(falsely, kSamples, 0.001) <= promise.delta);
  }
}

TEST_CASE("nothing is certified without audits or thresholds, or where all is wrong", "[certificate]") {
  CHECK_FALSE(certify({}, grid(), {}).threshold);
  CHECK_FALSE(certify(draw(1, 1000), {}, {}).threshold);
  std::vector<Audit> wrong = draw(1, 1000);
  for (Audit& audit : wrong) audit.wrong = true;
  const Certificate certificate = certify(wrong, grid(), {});
  CHECK_FALSE(certificate.threshold);
  CHECK(certificate.audits == 1000);
  CHECK(certificate.bound == 1);
}

TEST_CASE("however often one looks, a rate as promised is hardly ever taken for less", "[certificate]") {
  CHECK(anytime_p(0, 100, 0.02) < anytime_p(0, 50, 0.02));
  CHECK(anytime_p(0, 100, 0.02) < anytime_p(1, 100, 0.02));
  CHECK(anytime_p(0, 100, 0.02) > binomial_cdf(0, 100, 0.02));
  CHECK(anytime_p(100, 100, 0.02) == 1);
  std::mt19937_64 random(3);
  int taken = 0, smaller = 0;
  constexpr int kStreams = 1000;
  for (int stream = 0; stream < kStreams; ++stream) {
    for (const double rate : {0.1, 0.02}) {
      std::size_t errors = 0;
      bool ever = false;
      for (std::size_t n = 1; n <= 500 && !ever; ++n) {
        errors += static_cast<double>(random() >> 11) * 0x1p-53 < rate;
        ever = anytime_p(errors, n, 0.1) <= 0.1;
      }
      (rate < 0.1 ? smaller : taken) += ever;
    }
  }
  INFO("seed 3");
  CHECK(lower_limit(static_cast<std::size_t>(taken), kStreams, 0.01) <= 0.1);
  CHECK(smaller > 0.95 * kStreams);
}

TEST_CASE("a promise out of range and audits that are none are refused", "[certificate]") {
  const auto audits = draw(1, 10);
  const std::vector<float> rising{0.1f, 0.2f}, twice{0.2f, 0.2f};
  CHECK_THROWS_AS(certify(audits, grid(), {.target_error = 0}), Failure);
  CHECK_THROWS_AS(certify(audits, grid(), {.delta = 1}), Failure);
  CHECK_THROWS_AS(certify(audits, grid(), {.starts = 0}), Failure);
  CHECK_THROWS_AS(certify(audits, rising, {}), Failure);
  CHECK_THROWS_AS(certify(audits, twice, {}), Failure);
  CHECK_THROWS_AS(certify(std::vector{Audit{std::nanf(""), false}}, grid(), {}), Failure);
}

// How well the library notices what is new in a stream: its StreamNovelty on the Numenta Anomaly Benchmark.
//
//   bench_nab --data FOLDER [--at-least 58]
//   bench_nab --data FOLDER --detector anomaly     the detector of `dormouse new anomaly` instead
//
// The folder holds NAB's data/ and labels/. Every series is a stream of its own, judged sample by sample by
// one detector with its default options. Exits with 1 when a bound is missed.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>

#include "learning/anomaly_detector.h"
#include "memory/stream_novelty.h"
#include "tests/bench/nab/baselines.h"
#include "tests/bench/nab/score.h"
#include "tests/bench/options.h"
#include "tests/bench/samples.h"

namespace dormouse::bench::nab {
namespace {

using memory::NoveltyOptions;
using memory::StreamNovelty;
using Corpus = std::vector<Series>;
using Answers = std::vector<Judged>;

constexpr std::uint64_t kSeed = 42;
constexpr const Profile& kStandard = kProfiles[0];

Answers judge(const Corpus& corpus, const std::function<std::vector<double>(const Series&)>& detector) {
  Answers answers;
  for (const Series& series : corpus) answers.push_back({&series, detector(series)});
  return answers;
}

/// A sample's strength where it is news, else 0.
Answers judge_novelty(const Corpus& corpus, const NoveltyOptions& options) {
  return judge(corpus, [&](const Series& series) {
    StreamNovelty stream(options);
    std::vector<double> scores;
    for (const Row& row : series.rows) {
      const memory::Novelty novelty = stream.observe(static_cast<float>(row.value));
      scores.push_back(novelty.news ? novelty.strength : 0);
    }
    return scores;
  });
}

constexpr std::size_t kQuiet = 100;  // samples for which only something stranger still counts

/// A sample's strength where it is the highest for a while, else 0.
Answers judge_anomalies(const Corpus& corpus) {
  return judge(corpus, [](const Series& series) {
    learning::AnomalyDetector detector({});
    std::vector<double> strengths, scores;
    for (const Row& row : series.rows) {
      const double strength = detector.observe(std::array{static_cast<float>(row.value)}).strength;
      const auto before = std::span(strengths).last(std::min(kQuiet, strengths.size()));
      scores.push_back(before.empty() || strength > std::ranges::max(before) ? strength : 0);
      strengths.push_back(strength);
    }
    return scores;
  });
}

/// 1 where the detector itself raises an alarm.
Answers judge_alarms(const Corpus& corpus) {
  return judge(corpus, [](const Series& series) {
    StreamNovelty stream;
    std::vector<double> scores;
    for (const Row& row : series.rows)
      scores.push_back(stream.observe(static_cast<float>(row.value)).alarm ? 1 : 0);
    return scores;
  });
}

std::map<std::string, Answers> by_category(const Answers& answers) {
  std::map<std::string, Answers> parts;
  for (const Judged& each : answers) parts[each.series->category].push_back(each);
  return parts;
}

Answers without(const Answers& answers, const std::string& category) {
  Answers rest;
  for (const Judged& each : answers)
    if (each.series->category != category) rest.push_back(each);
  return rest;
}

double best_score(const Answers& answers, const Profile& profile) {
  return normalised(best_threshold(answers, profile).raw, answers, profile);
}

void print_row(const std::string& name, const std::array<double, 3>& scores) {
  std::printf("%-44s", name.c_str());
  for (const double score : scores) std::isnan(score) ? std::printf("      -") : std::printf(" %6.2f", score);
}

std::array<double, 3> best_scores(const Answers& answers) {
  return {best_score(answers, kProfiles[0]), best_score(answers, kProfiles[1]),
          best_score(answers, kProfiles[2])};
}

void print_counts(const Answers& answers, double threshold) {
  const Counts found = counts(answers, threshold);
  std::printf("   %3zu found, %3zu missed, %3zu false\n", found.detected, found.missed,
              found.false_positives);
}

/// Ours, under the threshold that suits each profile best over all files; the counts are the standard one's.
void print_table(const Answers& answers) {
  std::printf("%-44s %6s %6s %6s\n", "", "std", "low FP", "low FN");
  std::array<double, 3> thresholds{};
  for (std::size_t i = 0; i < kProfiles.size(); ++i)
    thresholds[i] = best_threshold(answers, kProfiles[i]).threshold;
  for (const auto& [category, part] : by_category(answers)) {
    std::array<double, 3> scores{};
    for (std::size_t i = 0; i < kProfiles.size(); ++i)
      scores[i] = normalised(raw_score(part, thresholds[i], kProfiles[i]), part, kProfiles[i]);
    print_row("  " + category, scores);
    print_counts(part, thresholds[0]);
  }
  print_row("all, threshold by NAB's optimiser", best_scores(answers));
  print_counts(answers, thresholds[0]);
  std::printf("  thresholds %.4f, %.4f, %.4f\n", thresholds[0], thresholds[1], thresholds[2]);
}

/// Each category under the threshold that is best for the others.
std::array<double, 3> across_categories(const Answers& answers) {
  std::array<double, 3> scores{};
  for (std::size_t i = 0; i < kProfiles.size(); ++i) {
    double raw = 0;
    for (const auto& [category, part] : by_category(answers))
      raw +=
          raw_score(part, best_threshold(without(answers, category), kProfiles[i]).threshold, kProfiles[i]);
    scores[i] = normalised(raw, answers, kProfiles[i]);
  }
  return scores;
}

std::vector<NoveltyOptions> settings() {
  std::vector<NoveltyOptions> all;
  for (const std::size_t memory : {2048, 4096, 8192})
    for (const std::size_t window : {128, 256, 512})
      for (const double weight : {0.1, 0.2, 0.4})
        for (const std::size_t quiet : {50, 100, 200})
          all.push_back(
              {.memory = memory, .activity_window = window, .activity_weight = weight, .quiet = quiet});
  return all;
}

/// Each category under the settings and the threshold that are best for the others; the standard profile.
double settings_across_categories(const Corpus& corpus) {
  struct Choice {
    double others = -INFINITY;  ///< what the others score
    double own = 0;             ///< what the category itself scores then
  };
  std::map<std::string, Choice> choices;
  double least = INFINITY, most = -INFINITY;
  for (const NoveltyOptions& options : settings()) {
    const Answers answers = judge_novelty(corpus, options);
    const double score = best_score(answers, kStandard);
    least = std::min(least, score), most = std::max(most, score);
    for (const auto& [category, part] : by_category(answers)) {
      const Optimum best = best_threshold(without(answers, category), kStandard);
      Choice& choice = choices[category];
      if (best.raw > choice.others) choice = {best.raw, raw_score(part, best.threshold, kStandard)};
    }
  }
  std::printf("  %zu settings score %.2f to %.2f, each with its best threshold\n", settings().size(), least,
              most);
  double raw = 0;
  for (const auto& [category, choice] : choices) raw += choice.own;
  return normalised(raw, judge(corpus, null_scores), kStandard);
}

void print_baselines(const Corpus& corpus) {
  print_row("null (published 0, 0, 0)", best_scores(judge(corpus, null_scores)));
  std::printf("\n");
  print_row("random (11.0, 1.2, 19.5)",
            best_scores(judge(corpus, [](const Series& each) { return random_scores(each, kSeed); })));
  std::printf("\n");
  print_row("windowed Gaussian (39.6, 20.9, 47.4)", best_scores(judge(corpus, windowed_gaussian_scores)));
  std::printf("\n");
}

/// Blocks of a thousand samples of the longest series, over and over.
void print_time(const Corpus& corpus) {
  const Series& longest =
      *std::ranges::max_element(corpus, {}, [](const Series& each) { return each.rows.size(); });
  constexpr std::size_t kBlock = 1000;
  StreamNovelty stream;
  Samples samples;
  for (std::size_t first = 0; first + kBlock <= longest.rows.size(); first += kBlock)
    samples.time([&] {
      for (std::size_t i = first; i < first + kBlock; ++i)
        stream.observe(static_cast<float>(longest.rows[i].value));
    });
  std::printf("time of %zu samples: %s\n", kBlock, samples.text().c_str());
}

int conclude(double score, double bound) {
  const bool passed = score >= bound;
  std::printf("%s  standard profile: %.2f (at least %.0f)\n", passed ? "PASS" : "FAIL", score, bound);
  return passed ? 0 : 1;
}

int run(const Options& options) {
  const Corpus corpus = load_corpus(options.text("data"));
  const double bound = options.number("at-least", 58);
  if (options.text("detector", "novelty") == "anomaly") {
    const Answers answers = judge_anomalies(corpus);
    print_table(answers);
    print_row("threshold chosen on the other categories", across_categories(answers));
    std::printf("\n");
    return conclude(best_score(answers, kStandard), bound);
  }
  const Answers answers = judge_novelty(corpus, {});
  print_table(answers);
  print_row("threshold chosen on the other categories", across_categories(answers));
  std::printf("\n");
  std::array<double, 3> own{};
  const Answers alarms = judge_alarms(corpus);
  for (std::size_t i = 0; i < kProfiles.size(); ++i)
    own[i] = normalised(raw_score(alarms, 1, kProfiles[i]), alarms, kProfiles[i]);
  print_row("its own alarms", own);
  print_counts(alarms, 1);
  std::printf("%-44s %6.2f\n", "settings and threshold on the others", settings_across_categories(corpus));
  print_baselines(corpus);
  print_time(corpus);

  return conclude(best_score(answers, kStandard), bound);
}

}  // namespace
}  // namespace dormouse::bench::nab

int main(int argc, char** argv) { return dormouse::bench::guarded(argc, argv, dormouse::bench::nab::run); }

#include "tests/bench/ladder/rungs.h"

#include <algorithm>
#include <cstdio>

#include "config/error.h"

namespace dormouse::bench {
namespace {

using enum learning::Strategy;

/// Measured with a reference implementation on these data, three seeds.
Reference own(double mean, double deviation) { return {mean, deviation, "own"}; }
/// DER paper, code and table of its first release (Buzzega et al. 2020).
Reference der(double mean) { return {mean, 0, "DER"}; }
/// Three types of incremental learning (van de Ven et al. 2022): another optimiser, see the rung.
Reference types(double mean) { return {mean, 0, "3 types"}; }

/// DER++'s rows: rate, replay, α and β as its authors chose them for each size of memory.
Way derpp_way(float rate, std::size_t items, std::size_t replay, float alpha, float beta) {
  return {.strategy = derpp, .rate = rate, .items = items, .replay = replay, .alpha = alpha, .beta = beta};
}

Way dormouse_way(std::size_t bytes) { return {.bytes = bytes, .dormouse = true}; }

constexpr std::size_t k200Images = 157'000, k500Images = 392'500,
                      k1000Images = 785'000;  // bytes, labels included

Rung mnist_200() {
  return {
      .name = "1",
      .title = "Split-MNIST, five tasks of two classes, 157 kB",
      .data = "mnist",
      .split = two_classes_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10},
      .target = 90,
      .moonshot = 94.5,
      .rows = {
          {"joint", {.strategy = finetune, .rate = 0.1f, .jointly = true}, own(96.08, 0.27)},
          {"naive", {.strategy = finetune}, own(19.64, 0.08)},
          {"EWC", {.strategy = ewc, .lambda = 90.0f}, der(20.46)},
          {"SI", {.strategy = si, .rate = 0.1f, .lambda = 1.0f}, der(19.27)},
          {"LwF", {.strategy = lwf, .rate = 0.03f}, der(19.62)},
          {"ER", {.strategy = replay, .rate = 0.01f, .items = 200}, own(80.40, 2.20)},
          {"ER λ=0", {.strategy = replay_ewc, .items = 200, .lambda = 0.0f}, own(78.19, 1.01)},
          {"ER + EWC", {.strategy = replay_ewc, .items = 200, .lambda = 100.0f}, own(80.46, 0.77)},
          {"ER + sleep",
           {.strategy = replay,
            .rate = 0.01f,
            .items = 200,
            .balanced = true,
            .sleep = 500,
            .sleep_rate = 0.001f},
           own(85.63, 0.80)},
          {"ER-ACE", {.strategy = ace, .items = 200, .replay = 32}, own(85.06, 0.59)},
          {"ER-ACE + sleep",
           {.strategy = ace, .items = 200, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(87.00, 0.56)},
          {"DER++", derpp_way(0.03f, 200, 128, 0.2f, 1.0f), own(85.79, 0.58)},
          {"GDumb", {.strategy = gdumb, .rate = 0.05f, .items = 200}, own(81.31, 0.59)},
          {"ER-ACE packed",
           {.strategy = ace, .bytes = k200Images, .small = true, .replay = 32},
           own(91.38, 0.40)},
          {"ER-ACE packed + sleep",
           {.strategy = ace,
            .bytes = k200Images,
            .small = true,
            .replay = 32,
            .balanced = true,
            .sleep = 500,
            .sleep_rate = 0.01f},
           own(92.53, 0.31)},
          {"SLDA", {.strategy = slda}, own(87.31, 0)},
          {"ridge 500 features", {.strategy = ridge, .lift = 500}, own(91.71, 0.10)},
          {"dormouse", dormouse_way(k200Images)},
      }};
}

Rung mnist_500() {
  Rung rung = mnist_200();
  rung.name = "1b";
  rung.title = "Split-MNIST, five tasks of two classes, 392 kB";
  rung.target = 92.5;
  rung.moonshot = 95;
  rung.rows = {
      {"ER", {.strategy = replay, .rate = 0.1f, .items = 500}, own(86.84, 1.62)},
      {"DER++", derpp_way(0.03f, 500, 10, 1.0f, 0.5f), own(91.28, 0.75)},
      {"ER-ACE", {.strategy = ace, .items = 500, .replay = 32}, own(88.55, 0.51)},
      {"ER-ACE + sleep",
       {.strategy = ace, .items = 500, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
       own(89.78, 0.71)},
      {"GDumb", {.strategy = gdumb, .rate = 0.05f, .items = 500}, own(86.37, 0.79)},
      {"dormouse", dormouse_way(k500Images)},
  };
  return rung;
}

/// The references take 2000 steps of Adam at 0.001; ours are of plain SGD, as on the other rungs.
Rung mnist_1000() {
  return {.name = "2",
          .title = "Split-MNIST, five tasks of two classes, 785 kB, 2000 steps a task",
          .data = "mnist",
          .split = two_classes_a_task,
          .hidden = {400, 400},
          .schedule = {.batch = 128, .steps = 2000},
          .target = 94.4,
          .moonshot = 97,
          .rows = {
              {"joint", {.strategy = finetune, .rate = 0.1f, .jointly = true}, types(98.2)},
              {"naive", {.strategy = finetune, .rate = 0.1f}, types(19.9)},
              {"ER", {.strategy = replay, .rate = 0.1f, .items = 1000, .replay = 128}, types(88.8)},
              {"DER++",
               {.strategy = derpp, .rate = 0.1f, .items = 1000, .replay = 128, .alpha = 0.5f, .beta = 0.5f}},
              {"dormouse", dormouse_way(k1000Images)},
          }};
}

Rung fashion() {
  return {.name = "3",
          .title = "Split-Fashion-MNIST, five tasks of two classes, 157 kB",
          .data = "fashion",
          .split = two_classes_a_task,
          .hidden = {100, 100},
          .schedule = {.batch = 10},
          .target = 83,
          .moonshot = 84.8,
          .rows = {
              {"joint", {.strategy = finetune, .rate = 0.1f, .jointly = true}, own(83.04, 1.48)},
              {"naive", {.strategy = finetune}, own(19.94, 0.01)},
              {"EWC", {.strategy = ewc, .lambda = 90.0f}, own(19.99, 0.14)},
              {"ER", {.strategy = replay, .rate = 0.01f, .items = 200}, own(73.32, 0.25)},
              {"ER λ=0", {.strategy = replay_ewc, .items = 200, .lambda = 0.0f}, own(73.32, 0.35)},
              {"ER + EWC", {.strategy = replay_ewc, .items = 200, .lambda = 100.0f}, own(75.24, 1.02)},
              {"ER-ACE", {.strategy = ace, .items = 200, .replay = 32}, own(75.10, 1.77)},
              {"DER++", derpp_way(0.03f, 200, 128, 0.2f, 1.0f), own(76.30, 1.73)},
              {"GDumb", {.strategy = gdumb, .rate = 0.05f, .items = 200}, own(74.25, 1.33)},
              {"ER-ACE packed",
               {.strategy = ace, .bytes = k200Images, .small = true, .replay = 32},
               own(80.84, 0.91)},
              {"ER-ACE packed + sleep",
               {.strategy = ace,
                .bytes = k200Images,
                .small = true,
                .replay = 32,
                .balanced = true,
                .sleep = 500,
                .sleep_rate = 0.01f},
               own(81.92, 0.42)},
              {"SLDA", {.strategy = slda}, own(81.57, 0)},
              {"ridge 500 features", {.strategy = ridge, .lift = 500}, own(82.82, 0.16)},
              {"dormouse", dormouse_way(k200Images)},
          }};
}

Rung mnist_parity() {
  return {
      .name = "4",
      .title = "Split-MNIST, five tasks of two digits, even or odd, 157 kB",
      .data = "mnist",
      .split = parity,
      .hidden = {100, 100},
      .schedule = {.batch = 10},
      .target = 93,
      .moonshot = 95.7,
      .rows = {
          {"joint", {.strategy = finetune, .rate = 0.1f, .jointly = true}, own(98.24, 0.08)},
          {"naive", {.strategy = finetune}, own(60.51, 0.16)},
          {"EWC", {.strategy = ewc, .lambda = 90.0f}, own(64.49, 1.10)},
          {"SI", {.strategy = si, .rate = 0.1f, .lambda = 1.0f}, {63.8, 0, "vdV"}},
          {"LwF", {.strategy = lwf, .rate = 0.03f}, {71.0, 0, "vdV"}},
          {"ER", {.strategy = replay, .rate = 0.1f, .items = 200}, own(89.08, 0.05)},
          {"ER λ=0", {.strategy = replay_ewc, .items = 200, .lambda = 0.0f}, own(87.33, 2.06)},
          {"ER + EWC", {.strategy = replay_ewc, .items = 200, .lambda = 100.0f}, own(87.69, 2.66)},
          {"ER-ACE", {.strategy = ace, .items = 200, .replay = 32}, own(87.69, 0.54)},
          {"ER-ACE + sleep",
           {.strategy = ace, .items = 200, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(91.79, 0.17)},
          {"DER++", derpp_way(0.03f, 200, 64, 0.2f, 0.5f), own(90.66, 0.60)},
          {"GDumb", {.strategy = gdumb, .rate = 0.05f, .items = 200}, own(85.14, 1.77)},
          {"SLDA", {.strategy = slda}, own(89.35, 0)},
          {"dormouse", dormouse_way(k200Images)},
      }};
}

Rung mnist_permuted() {
  return {.name = "5",
          .title = "Permuted MNIST, ten tasks, 392 kB",
          .data = "mnist",
          .split = permuted,
          .hidden = {100, 100},
          .schedule = {.batch = 128},
          .target = 92.5,
          .moonshot = 94,
          .rows = {
              {"joint", {.strategy = finetune, .rate = 0.2f, .jointly = true}, own(94.92, 0)},
              {"naive", {.strategy = finetune, .rate = 0.2f}, own(65.67, 0)},
              {"EWC", {.strategy = ewc, .rate = 0.1f, .lambda = 0.7f}, own(81.33, 0)},
              {"ER", {.strategy = replay, .rate = 0.2f, .items = 500, .replay = 128}, own(89.27, 0)},
              {"ER + EWC",
               {.strategy = replay_ewc, .rate = 0.2f, .items = 500, .replay = 128, .lambda = 0.7f},
               own(90.74, 0.36)},
              {"DER++", derpp_way(0.2f, 500, 128, 1.0f, 0.5f), own(92.48, 0)},
              {"dormouse", dormouse_way(k500Images)},
          }};
}

/// ER and DER++ again in the bytes that Dormouse has, packed alike: a byte a value.
Way er_in(std::size_t bytes) { return {.strategy = replay, .bytes = bytes}; }
Way derpp_in(std::size_t bytes) {
  return {.strategy = derpp, .bytes = bytes, .replay = 64, .alpha = 0.2f, .beta = 0.5f};
}

constexpr std::size_t kActivityBytes = 51'000;

/// What the sensors' rungs have in common, by the sizes and references of each.
Rung activities() {
  return {
      .name = "6",
      .title = "UCI-HAR, three tasks of two activities, unseen people, 51 kB",
      .data = "hapt",
      .split = two_classes_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10, .epochs = 5},
      .target = 95,
      .moonshot = 96,
      .rows = {
          {"joint", {.strategy = finetune, .jointly = true}, own(94.55, 0.41)},
          {"naive", {.strategy = finetune}, own(52.49, 1.01)},
          {"EWC", {.strategy = ewc, .lambda = 30.0f}, own(57.58, 0.57)},
          {"ER 60", {.strategy = replay, .items = 60}, own(85.44, 0.78)},
          {"ER 240", {.strategy = replay, .items = 240}, own(90.59, 2.76)},
          {"ER + EWC 240", {.strategy = replay_ewc, .items = 240, .lambda = 1.0f}, own(90.77, 2.61)},
          {"ER-ACE 60", {.strategy = ace, .items = 60, .replay = 32}, own(85.20, 2.55)},
          {"ER-ACE 240", {.strategy = ace, .items = 240, .replay = 32}, own(90.94, 1.42)},
          {"ER-ACE + sleep 240",
           {.strategy = ace, .items = 240, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(92.12, 0.54)},
          {"DER++ 60", derpp_way(0.03f, 60, 64, 0.2f, 0.5f), own(87.96, 2.29)},
          {"DER++ 240", derpp_way(0.03f, 240, 64, 0.2f, 0.5f), own(89.24, 2.86)},
          {"GDumb 240", {.strategy = gdumb, .rate = 0.05f, .items = 240}, own(90.12, 0.50)},
          {"SLDA", {.strategy = slda}, own(95.68, 0)},
          {"ridge 300 features", {.strategy = ridge, .lift = 300}, own(94.42, 0.09)},
          {"ER 51 kB", er_in(kActivityBytes)},
          {"DER++ 51 kB", derpp_in(kActivityBytes)},
          {"dormouse", dormouse_way(kActivityBytes)},
      }};
}

Rung people() {
  return {
      .name = "7",
      .title = "UCI-HAR, seven tasks of three people, 51 kB",
      .data = "hapt",
      .split = three_people_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10, .epochs = 5},
      .target = 96.8,
      .moonshot = 97.5,
      .rows = {
          {"joint", {.strategy = finetune, .jointly = true}, own(95.81, 0.13)},
          {"naive", {.strategy = finetune}, own(91.90, 1.65)},
          {"EWC", {.strategy = ewc, .lambda = 1.0f}, own(91.82, 1.39)},
          {"ER 240", {.strategy = replay, .items = 240}, own(94.84, 0.32)},
          {"ER + EWC 240", {.strategy = replay_ewc, .items = 240, .lambda = 1.0f}, own(94.17, 0.47)},
          {"ER-ACE 240", {.strategy = ace, .items = 240, .replay = 32}, own(95.55, 0.35)},
          {"ER-ACE + sleep 240",
           {.strategy = ace, .items = 240, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(94.91, 0.61)},
          {"DER++ 240", derpp_way(0.03f, 240, 64, 0.2f, 0.5f), own(96.06, 0.08)},
          {"GDumb 240", {.strategy = gdumb, .rate = 0.05f, .items = 240}, own(91.14, 1.72)},
          {"SLDA", {.strategy = slda}, own(96.78, 0.05)},
          {"ridge 300 features", {.strategy = ridge, .lift = 300}, own(96.85, 0.28)},
          {"ER 51 kB", er_in(kActivityBytes)},
          {"DER++ 51 kB", derpp_in(kActivityBytes)},
          {"dormouse", dormouse_way(kActivityBytes)},
      }};
}

constexpr std::size_t kPhoneBytes = 240 * (43 * 4 + 1);

Rung phones() {
  return {
      .name = "8",
      .title = "WISDM, three tasks of two activities, unseen people, 42 kB",
      .data = "wisdm",
      .split = two_classes_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10, .epochs = 5},
      .target = 70,
      .moonshot = 73,
      .rows = {
          {"joint", {.strategy = finetune, .jointly = true}, own(73.02, 2.14)},
          {"naive", {.strategy = finetune}, own(38.89, 0.35)},
          {"EWC", {.strategy = ewc, .lambda = 30.0f}, own(41.01, 2.56)},
          {"ER", {.strategy = replay, .items = 240}, own(67.30, 1.01)},
          {"ER + EWC", {.strategy = replay_ewc, .items = 240, .lambda = 1.0f}, own(67.08, 1.70)},
          {"ER-ACE", {.strategy = ace, .items = 240, .replay = 32}, own(52.89, 2.86)},
          {"ER-ACE + sleep",
           {.strategy = ace, .items = 240, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(60.02, 1.71)},
          {"DER++", derpp_way(0.03f, 240, 64, 0.2f, 0.5f), own(69.56, 2.19)},
          {"GDumb", {.strategy = gdumb, .rate = 0.05f, .items = 240}, own(54.86, 3.39)},
          {"SLDA", {.strategy = slda}, own(66.27, 0)},
          {"ridge 300 features", {.strategy = ridge, .lift = 300}, own(67.83, 1.65)},
          {"ER 42 kB", er_in(kPhoneBytes)},
          {"DER++ 42 kB", derpp_in(kPhoneBytes)},
          {"dormouse", dormouse_way(kPhoneBytes)},
      }};
}

constexpr std::size_t kDigitBytes = 193'000;

Rung digits() {
  return {
      .name = "9",
      .title = "FSDD, five tasks of two digits, 193 kB",
      .data = "fsdd",
      .split = two_classes_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10, .epochs = 5},
      .target = 95.5,
      .moonshot = 97,
      .rows = {
          {"joint", {.strategy = finetune, .jointly = true}, own(95.78, 0.96)},
          {"naive", {.strategy = finetune}, own(27.11, 1.39)},
          {"EWC", {.strategy = ewc, .lambda = 30.0f}, own(28.89, 1.35)},
          {"ER 100", {.strategy = replay, .items = 100}, own(78.33, 1.20)},
          {"ER 300", {.strategy = replay, .items = 300}, own(89.22, 1.07)},
          {"ER + EWC 300", {.strategy = replay_ewc, .items = 300, .lambda = 1.0f}, own(89.67, 1.20)},
          {"ER-ACE 100", {.strategy = ace, .items = 100, .replay = 32}, own(81.22, 2.22)},
          {"ER-ACE 300", {.strategy = ace, .items = 300, .replay = 32}, own(87.78, 0.84)},
          {"ER-ACE + sleep 300",
           {.strategy = ace, .items = 300, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(89.22, 0.84)},
          {"DER++ 100", derpp_way(0.03f, 100, 64, 0.2f, 0.5f), own(88.11, 1.64)},
          {"DER++ 300", derpp_way(0.03f, 300, 64, 0.2f, 0.5f), own(92.89, 1.02)},
          {"GDumb 300", {.strategy = gdumb, .rate = 0.05f, .items = 300}, own(87.67, 1.33)},
          {"SLDA", {.strategy = slda}, own(94.00, 0)},
          {"ridge 300 features", {.strategy = ridge, .lift = 300}, own(94.44, 1.39)},
          {"ridge 1000 features", {.strategy = ridge, .lift = 1000}, own(96.78, 0.51)},
          {"ER 193 kB", er_in(kDigitBytes)},
          {"DER++ 193 kB", derpp_in(kDigitBytes)},
          {"dormouse", dormouse_way(kDigitBytes)},
      }};
}

Rung speakers() {
  return {
      .name = "9b",
      .title = "FSDD, six tasks of one speaker, 193 kB",
      .data = "fsdd",
      .split = one_speaker_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10, .epochs = 5},
      .target = 96,
      .moonshot = 97.5,
      .rows = {
          {"joint", {.strategy = finetune, .jointly = true}, own(96.89, 0.51)},
          {"naive", {.strategy = finetune}, own(88.78, 1.35)},
          {"EWC", {.strategy = ewc, .lambda = 30.0f}, own(90.11, 1.95)},
          {"ER 300", {.strategy = replay, .items = 300}, own(94.78, 0.69)},
          {"ER + EWC 300", {.strategy = replay_ewc, .items = 300, .lambda = 1.0f}, own(95.22, 0.84)},
          {"ER-ACE 300", {.strategy = ace, .items = 300, .replay = 32}, own(94.33, 1.00)},
          {"ER-ACE + sleep 300",
           {.strategy = ace, .items = 300, .replay = 32, .balanced = true, .sleep = 300, .sleep_rate = 0.03f},
           own(93.22, 1.35)},
          {"DER++ 300", derpp_way(0.03f, 300, 64, 0.2f, 0.5f), own(95.56, 1.07)},
          {"GDumb 300", {.strategy = gdumb, .rate = 0.05f, .items = 300}, own(85.33, 0.33)},
          {"SLDA", {.strategy = slda}, own(94.00, 0)},
          {"ridge 300 features", {.strategy = ridge, .lift = 300}, own(94.44, 1.39)},
          {"ER 193 kB", er_in(kDigitBytes)},
          {"DER++ 193 kB", derpp_in(kDigitBytes)},
          {"dormouse", dormouse_way(kDigitBytes)},
      }};
}

}  // namespace

std::string text(const Way& way) {
  std::string text;
  const auto add = [&](bool told, const char* format, auto... values) {
    char piece[48];
    std::snprintf(piece, sizeof(piece), format, values...);
    if (told) text += (text.empty() ? "" : " ") + std::string(piece);
  };
  const learning::Recipe& how = learning::recipe(way.strategy);
  add(!how.analytic && !way.dormouse, "lr=%g", double{way.rate});
  add(way.items > 0, "M=%zu", way.items);
  add(way.bytes > 0, "%.0f kB", double(way.bytes) / 1000);
  add(way.small, "14x14 4 bits");
  add(way.bytes > 0 && !way.small && !way.dormouse, "8 bits");
  add(how.rehearses && !how.starts_over && !way.dormouse, "mbs=%zu", way.replay);
  add(how.logits, "α=%g β=%g", double{way.alpha}, double{way.beta});
  add(way.lambda.has_value(), "λ=%g", double{way.lambda.value_or(0)});
  add(way.balanced, "balanced");
  add(way.sleep > 0, "sleep %zu @ %g", way.sleep, double{way.sleep_rate});
  add(way.lift > 0, "%zu features", way.lift);
  return text;
}

std::span<const Rung> rungs() {
  static const std::vector<Rung> kLadder{mnist_200(),    mnist_500(),      mnist_1000(), fashion(),
                                         mnist_parity(), mnist_permuted(), activities(), people(),
                                         phones(),       digits(),         speakers()};
  return kLadder;
}

const Rung& rung_named(std::string_view name) {
  const auto found = std::ranges::find(rungs(), name, &Rung::name);
  if (found != rungs().end()) return *found;
  std::string known;
  for (const Rung& rung : rungs()) known += (known.empty() ? "" : ", ") + std::string(rung.name);
  throw Failure(Errc::invalid, "no rung is called '" + std::string(name) + "'; there are " + known);
}

}  // namespace dormouse::bench

#include "tests/bench/ladder/rung_parts.h"

namespace dormouse::bench {
namespace {

using enum learning::Strategy;

// Bytes of so many raw images with their labels.
constexpr std::size_t k200Images = 157'000, k500Images = 392'500, k1000Images = 785'000;

Rung split_mnist() {
  return {
      .name = "1",
      .title = "Split-MNIST, five tasks of two classes, 157 kB",
      .data = "mnist",
      .split = two_classes_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10},
      .target = 90,
      .moonshot = 94.5,
      .rows = {{"joint", jointly(0.1f), own(96.08, 0.27)},
               {"naive", plain(finetune), own(19.64, 0.08)},
               {"EWC", plain(ewc, 0.03f, 90.0f), der(20.46)},
               {"SI", {.strategy = si, .rate = 0.1f, .lambda = 1.0f, .damping = 1.0f}, der(19.27)},
               {"LwF", plain(lwf), der(19.62)},
               rival({"ER", er(200, 0.01f), own(80.40, 2.20)}),
               {"ER λ=0", er_ewc(200, 0), own(78.19, 1.01)},
               {"ER + EWC", er_ewc(200, 100), own(80.46, 0.77)},
               {"ER + sleep", with_sleep(er(200, 0.01f), 500, 0.001f), own(85.63, 0.80)},
               {"ER-ACE", er_ace(200), own(85.06, 0.59)},
               {"ER-ACE + sleep", with_sleep(er_ace(200), 300, 0.03f), own(87.00, 0.56)},
               rival({"DER++", der_pp(200, 128, 0.2f, 1.0f), own(85.79, 0.58)}),
               {"GDumb", g_dumb(200), own(81.31, 0.59)},
               rival({"ER packed", packed(er(0, 0.03f, 32), k200Images, true), own(84.50, 2.23)}),
               rival({"DER++ packed", packed(der_pp(0, 32, 0.2f, 1.0f), k200Images, true), own(66.84, 4.76)}),
               {"ER-ACE packed", packed(er_ace(0), k200Images, true), own(91.38, 0.40)},
               {"ER-ACE packed + sleep", with_sleep(packed(er_ace(0), k200Images, true), 500, 0.01f),
                own(92.53, 0.31)},
               {"SLDA", plain(slda), own(87.31, 0)},
               {"ridge 500 features", ridge_on(500), own(91.71, 0.10)},
               dormouse_row(k200Images)}};
}

Rung split_mnist_500() {
  Rung rung = split_mnist();
  rung.name = "1b";
  rung.title = "Split-MNIST, five tasks of two classes, 392 kB";
  rung.target = 92.5;
  rung.moonshot = 95;
  rung.rows = {rival({"ER", er(500, 0.1f), own(86.84, 1.62)}),
               rival({"DER++", der_pp(500, 10, 1.0f, 0.5f), own(91.28, 0.75)}),
               {"ER-ACE", er_ace(500), own(88.55, 0.51)},
               {"ER-ACE + sleep", with_sleep(er_ace(500), 300, 0.03f), own(89.78, 0.71)},
               {"GDumb", g_dumb(500), own(86.37, 0.79)},
               dormouse_row(k500Images)};
  return rung;
}

/// The references take 2000 steps of Adam at 0.001; ours are of plain SGD, as on the other rungs.
Rung split_mnist_1000() {
  return {.name = "2",
          .title = "Split-MNIST, five tasks of two classes, 785 kB, 2000 steps a task",
          .data = "mnist",
          .split = two_classes_a_task,
          .hidden = {400, 400},
          .schedule = {.batch = 128, .steps = 2000},
          .target = 94.4,
          .moonshot = 97,
          .rows = {{"joint", jointly(0.1f), types(98.2)},
                   {"naive", plain(finetune, 0.1f), types(19.9)},
                   rival({"ER", er(1000, 0.1f, 128), types(88.8)}),
                   rival({"DER++", der_pp(1000, 128, 0.5f, 0.5f, 0.1f)}),
                   dormouse_row(k1000Images)}};
}

Rung split_fashion() {
  return {
      .name = "3",
      .title = "Split-Fashion-MNIST, five tasks of two classes, 157 kB",
      .data = "fashion",
      .split = two_classes_a_task,
      .hidden = {100, 100},
      .schedule = {.batch = 10},
      .target = 83,
      .moonshot = 84.8,
      .rows = {{"joint", jointly(0.1f), own(83.04, 1.48)},
               {"naive", plain(finetune), own(19.94, 0.01)},
               {"EWC", plain(ewc, 0.03f, 90.0f), own(19.99, 0.14)},
               rival({"ER", er(200, 0.01f), own(73.32, 0.25)}),
               {"ER λ=0", er_ewc(200, 0), own(73.32, 0.35)},
               {"ER + EWC", er_ewc(200, 100), own(75.24, 1.02)},
               {"ER-ACE", er_ace(200), own(75.10, 1.77)},
               rival({"DER++", der_pp(200, 128, 0.2f, 1.0f), own(76.30, 1.73)}),
               {"GDumb", g_dumb(200), own(74.25, 1.33)},
               rival({"ER packed", packed(er(0, 0.03f, 32), k200Images, true), own(62.16, 3.35)}),
               rival({"DER++ packed", packed(der_pp(0, 32, 0.2f, 1.0f), k200Images, true), own(60.34, 1.85)}),
               {"ER-ACE packed", packed(er_ace(0), k200Images, true), own(80.84, 0.91)},
               {"ER-ACE packed + sleep", with_sleep(packed(er_ace(0), k200Images, true), 500, 0.01f),
                own(81.92, 0.42)},
               {"SLDA", plain(slda), own(81.57, 0)},
               {"ridge 500 features", ridge_on(500), own(82.82, 0.16)},
               dormouse_row(k200Images)}};
}

Rung mnist_parity() {
  return {.name = "4",
          .title = "Split-MNIST, five tasks of two digits, even or odd, 157 kB",
          .data = "mnist",
          .split = parity,
          .hidden = {100, 100},
          .schedule = {.batch = 10},
          .target = 93,
          .moonshot = 95.7,
          .rows = {{"joint", jointly(0.1f), own(98.24, 0.08)},
                   {"naive", plain(finetune), own(60.51, 0.16)},
                   {"EWC", plain(ewc, 0.03f, 90.0f), own(64.49, 1.10)},
                   rival({"ER", er(200, 0.1f), own(89.08, 0.05)}),
                   {"ER λ=0", er_ewc(200, 0), own(87.33, 2.06)},
                   {"ER + EWC", er_ewc(200, 100), own(87.69, 2.66)},
                   {"ER-ACE", er_ace(200), own(87.69, 0.54)},
                   {"ER-ACE + sleep", with_sleep(er_ace(200), 300, 0.03f), own(91.79, 0.17)},
                   rival({"DER++", der_pp(200, 64, 0.2f, 0.5f), own(90.66, 0.60)}),
                   {"GDumb", g_dumb(200), own(85.14, 1.77)},
                   {"SLDA", plain(slda), own(89.35, 0)},
                   dormouse_row(k200Images)}};
}

Rung permuted_mnist() {
  return {.name = "5",
          .title = "Permuted MNIST, ten tasks, 392 kB",
          .data = "mnist",
          .split = permuted,
          .hidden = {100, 100},
          .schedule = {.batch = 128},
          .target = 92.5,
          .moonshot = 94,
          .rows = {{"joint", jointly(0.2f), own(94.92, 0)},
                   {"naive", plain(finetune, 0.2f), own(65.67, 0)},
                   {"EWC", plain(ewc, 0.1f, 0.7f), own(81.33, 0)},
                   rival({"ER", er(500, 0.2f, 128), own(89.27, 0)}),
                   {"ER + EWC", er_ewc(500, 0.7f, 0.2f, 128), own(90.74, 0.36)},
                   rival({"DER++", der_pp(500, 128, 1.0f, 0.5f, 0.2f), own(92.48, 0)}),
                   dormouse_row(k500Images)}};
}

}  // namespace

std::vector<Rung> image_rungs() {
  return {split_mnist(),   split_mnist_500(), split_mnist_1000(),
          split_fashion(), mnist_parity(),    permuted_mnist()};
}

}  // namespace dormouse::bench

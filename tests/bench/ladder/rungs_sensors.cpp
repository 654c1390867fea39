#include "tests/bench/ladder/rung_parts.h"

namespace dormouse::bench {
namespace {

using enum learning::Strategy;

constexpr std::size_t kActivityBytes = 51'000, kPhoneBytes = 240 * (43 * 4 + 1), kDigitBytes = 193'000;

/// Five passes, networks and steps alike on all of these.
Rung sensor_rung(std::string_view name, std::string_view title, std::string_view data, Split split) {
  return {.name = name,
          .title = title,
          .data = data,
          .split = split,
          .hidden = {100, 100},
          .schedule = {.batch = 10, .epochs = 5},
          .rows = {}};
}

/// ER and DER++ in the bytes that Dormouse has, a byte a value.
Row er_in(std::string_view name, std::size_t bytes) { return rival({name, packed(er(0), bytes, false)}); }
Row der_in(std::string_view name, std::size_t bytes) {
  return rival({name, packed(der_pp(0, 64, 0.2f, 0.5f), bytes, false)});
}

Rung activities() {
  Rung rung = sensor_rung("6", "UCI-HAR, three tasks of two activities, unseen people, 51 kB", "hapt",
                          two_classes_a_task);
  rung.target = 95;
  rung.moonshot = 96;
  rung.rows = {{"joint", jointly(), own(94.55, 0.41)},
               {"naive", plain(finetune), own(52.49, 1.01)},
               {"EWC", plain(ewc, 0.03f, 30.0f), own(56.36, 1.72)},
               {"ER 60", er(60), own(86.83, 1.04)},
               {"ER 240", er(240), own(90.59, 2.76)},
               {"ER + EWC 240", er_ewc(240, 1), own(90.77, 2.61)},
               {"ER-ACE 60", er_ace(60), own(85.20, 2.55)},
               {"ER-ACE 240", er_ace(240), own(90.94, 1.42)},
               {"ER-ACE + sleep 240", with_sleep(er_ace(240), 300, 0.03f), own(92.12, 0.54)},
               {"DER++ 60", der_pp(60, 64, 0.2f, 0.5f), own(87.96, 2.29)},
               {"DER++ 240", der_pp(240, 64, 0.2f, 0.5f), own(89.24, 2.86)},
               {"GDumb 240", g_dumb(240), own(90.12, 0.50)},
               {"SLDA", plain(slda), own(95.68, 0)},
               {"ridge 300 features", ridge_on(300), own(94.42, 0.09)},
               er_in("ER 51 kB", kActivityBytes),
               der_in("DER++ 51 kB", kActivityBytes),
               dormouse_row(kActivityBytes)};
  return rung;
}

Rung people() {
  Rung rung = sensor_rung("7", "UCI-HAR, seven tasks of three people, 51 kB", "hapt", three_people_a_task);
  rung.target = 96.8;
  rung.moonshot = 97.5;
  rung.rows = {{"joint", jointly(), own(95.81, 0.13)},
               {"naive", plain(finetune), own(91.90, 1.65)},
               {"EWC", plain(ewc, 0.03f, 1.0f), own(91.82, 1.39)},
               {"ER 240", er(240), own(94.84, 0.32)},
               {"ER + EWC 240", er_ewc(240, 1), own(94.17, 0.47)},
               {"ER-ACE 240", er_ace(240), own(95.55, 0.35)},
               {"ER-ACE + sleep 240", with_sleep(er_ace(240), 300, 0.03f), own(94.91, 0.61)},
               {"DER++ 240", der_pp(240, 64, 0.2f, 0.5f), own(96.06, 0.08)},
               {"GDumb 240", g_dumb(240), own(91.14, 1.72)},
               {"SLDA", plain(slda), own(96.78, 0.05)},
               {"ridge 300 features", ridge_on(300), own(96.85, 0.28)},
               er_in("ER 51 kB", kActivityBytes),
               der_in("DER++ 51 kB", kActivityBytes),
               dormouse_row(kActivityBytes)};
  return rung;
}

Rung phones() {
  Rung rung = sensor_rung("8", "WISDM, three tasks of two activities, unseen people, 42 kB", "wisdm",
                          two_classes_a_task);
  rung.target = 70;
  rung.moonshot = 73;
  rung.rows = {{"joint", jointly(), own(73.02, 2.14)},
               {"naive", plain(finetune), own(38.89, 0.35)},
               {"EWC", plain(ewc, 0.03f, 30.0f), own(41.01, 2.56)},
               rival({"ER", er(240), own(67.30, 1.01)}),
               {"ER + EWC", er_ewc(240, 1), own(67.08, 1.70)},
               {"ER-ACE", er_ace(240), own(52.89, 2.86)},
               {"ER-ACE + sleep", with_sleep(er_ace(240), 300, 0.03f), own(60.02, 1.71)},
               rival({"DER++", der_pp(240, 64, 0.2f, 0.5f), own(69.56, 2.19)}),
               {"GDumb", g_dumb(240), own(54.86, 3.39)},
               {"SLDA", plain(slda), own(66.27, 0)},
               {"ridge 300 features", ridge_on(300), own(67.83, 1.65)},
               er_in("ER 42 kB", kPhoneBytes),
               der_in("DER++ 42 kB", kPhoneBytes),
               dormouse_row(kPhoneBytes)};
  return rung;
}

Rung digits() {
  Rung rung = sensor_rung("9", "FSDD, five tasks of two digits, 193 kB", "fsdd", two_classes_a_task);
  rung.target = 95.5;
  rung.moonshot = 97;
  rung.rows = {{"joint", jointly(), own(95.78, 0.96)},
               {"naive", plain(finetune), own(27.11, 1.39)},
               {"EWC", plain(ewc, 0.03f, 30.0f), own(28.89, 1.35)},
               {"ER 100", er(100), own(78.33, 1.20)},
               {"ER 300", er(300), own(89.22, 1.07)},
               {"ER + EWC 300", er_ewc(300, 1), own(89.67, 1.20)},
               {"ER-ACE 100", er_ace(100), own(81.22, 2.22)},
               {"ER-ACE 300", er_ace(300), own(87.78, 0.84)},
               {"ER-ACE + sleep 300", with_sleep(er_ace(300), 300, 0.03f), own(89.22, 0.84)},
               {"DER++ 100", der_pp(100, 64, 0.2f, 0.5f), own(88.11, 1.64)},
               {"DER++ 300", der_pp(300, 64, 0.2f, 0.5f), own(92.89, 1.02)},
               {"GDumb 300", g_dumb(300), own(87.67, 1.33)},
               {"SLDA", plain(slda), own(94.00, 0)},
               {"ridge 300 features", ridge_on(300), own(94.44, 1.39)},
               {"ridge 1000 features", ridge_on(1000), own(96.78, 0.51)},
               er_in("ER 193 kB", kDigitBytes),
               der_in("DER++ 193 kB", kDigitBytes),
               dormouse_row(kDigitBytes)};
  return rung;
}

Rung speakers() {
  Rung rung = sensor_rung("9b", "FSDD, six tasks of one speaker, 193 kB", "fsdd", one_speaker_a_task);
  rung.target = 96;
  rung.moonshot = 97.5;
  rung.rows = {{"joint", jointly(), own(96.89, 0.51)},
               {"naive", plain(finetune), own(88.78, 1.35)},
               {"EWC", plain(ewc, 0.03f, 30.0f), own(90.11, 1.95)},
               {"ER 300", er(300), own(94.78, 0.69)},
               {"ER + EWC 300", er_ewc(300, 1), own(95.22, 0.84)},
               {"ER-ACE 300", er_ace(300), own(94.33, 1.00)},
               {"ER-ACE + sleep 300", with_sleep(er_ace(300), 300, 0.03f), own(93.22, 1.35)},
               {"DER++ 300", der_pp(300, 64, 0.2f, 0.5f), own(95.56, 1.07)},
               {"GDumb 300", g_dumb(300), own(85.33, 0.33)},
               {"SLDA", plain(slda), own(94.00, 0)},
               {"ridge 300 features", ridge_on(300), own(94.44, 1.39)},
               er_in("ER 193 kB", kDigitBytes),
               der_in("DER++ 193 kB", kDigitBytes),
               dormouse_row(kDigitBytes)};
  return rung;
}

}  // namespace

std::vector<Rung> sensor_rungs() { return {activities(), people(), phones(), digits(), speakers()}; }

}  // namespace dormouse::bench

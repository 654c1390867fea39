#pragma once

#include "tests/bench/ladder/rungs.h"

// The words in which rungs_images.cpp and rungs_sensors.cpp write rows down.
namespace dormouse::bench {

std::vector<Rung> image_rungs();
std::vector<Rung> sensor_rungs();

/// Measured with a reference implementation on these data, three seeds.
inline Reference own(double mean, double deviation) { return {mean, deviation, "own"}; }
/// The DER paper's code and table, in its first release (Buzzega et al. 2020).
inline Reference der(double mean) { return {mean, 0, "DER"}; }
/// Three types of incremental learning (van de Ven et al. 2022): by Adam, see the rung.
inline Reference types(double mean) { return {mean, 0, "3 types"}; }

using learning::Strategy;

/// Strategies that keep no exemplars.
inline Way plain(Strategy strategy, float rate = 0.03f, std::optional<float> lambda = {}) {
  return {.strategy = strategy, .rate = rate, .lambda = lambda};
}
inline Way jointly(float rate = 0.03f) { return {.rate = rate, .jointly = true}; }
inline Way ridge_on(std::size_t features) { return {.strategy = Strategy::ridge, .lift = features}; }

/// Raw exemplars, as the references count them.
inline Way er(std::size_t items, float rate = 0.03f, std::size_t replay = 10) {
  return {.strategy = Strategy::replay, .rate = rate, .items = items, .replay = replay};
}
inline Way er_ewc(std::size_t items, float lambda, float rate = 0.03f, std::size_t replay = 10) {
  return {.strategy = Strategy::replay_ewc, .rate = rate, .items = items, .replay = replay, .lambda = lambda};
}
inline Way er_ace(std::size_t items) { return {.strategy = Strategy::ace, .items = items, .replay = 32}; }
/// Rate, replay, α and β as the DER paper chose them for each size of memory.
inline Way der_pp(std::size_t items, std::size_t replay, float alpha, float beta, float rate = 0.03f) {
  return {.strategy = Strategy::derpp,
          .rate = rate,
          .items = items,
          .replay = replay,
          .alpha = alpha,
          .beta = beta};
}
/// On a class-balanced reservoir, as the reference: a greedily balanced memory is full before the second
/// person comes.
inline Way g_dumb(std::size_t items) {
  return {.strategy = Strategy::gdumb, .rate = 0.05f, .items = items, .balanced = true};
}

/// The same with a class-balanced memory, and with nights of class-balanced rehearsal.
inline Way with_sleep(Way way, std::size_t steps, float rate) {
  way.balanced = true;
  way.sleep = steps;
  way.sleep_rate = rate;
  return way;
}
/// The same on packed exemplars under a budget: images small, other values a byte each.
inline Way packed(Way way, std::size_t bytes, bool small) {
  way.items = 0;
  way.bytes = bytes;
  way.small = small;
  return way;
}

inline Row dormouse_row(std::size_t bytes) { return {"dormouse", {.bytes = bytes, .dormouse = true}}; }
inline Row rival(Row row) {
  row.rival = true;
  return row;
}

}  // namespace dormouse::bench

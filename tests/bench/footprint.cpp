// How long a model takes from its file to its first answer, and what memory that costs, beside ONNX Runtime.
//
//   bench_footprint compare --models FOLDER --peer LIBRARY --work FOLDER [--only NAME] [--repeat 7]
//   bench_footprint once --engine dormouse|peer --file MODEL.onnx --model NUMBER [--peer LIBRARY] [--packed
//   FOLDER]
//
// Each load is a process of its own, on one thread, with the file in the page cache; engines are opened
// before the clock starts, as a process opens them once. Medians. RSS is what the process has grown by when
// the answer is there, the peak what it grew by at most. A second load finds weights packed in files, whose
// pages, shared by all who map them, count as RSS too.
// Held to: time and RSS of at most half of the peer's, and RSS of at most 1.3 times the constants' bytes
// after folding and 10 MB.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "drivers/xnnpack/driver.h"
#include "engine/formats/onnx.h"
#include "engine/session.h"
#include "tests/bench/options.h"
#include "tests/bench/peers/onnxruntime.h"
#include "tests/bench/real_models.h"
#include "tests/resident.h"

namespace dormouse::bench {
namespace {

using drivers::xnnpack::XnnpackDriver;
using engine::Tensor;

constexpr double kHighestRatio = 0.5, kHighestGrowth = 1.3, kSlack = 10e6;

struct Footprint {
  double ms = 0, rss = 0, peak = 0;  ///< memory in bytes
  double constants = 0;              ///< bytes of them after folding; ours only
};

/// Runs `load`, which gives the first answer, and measures it.
template <class Load>
Footprint measured(Load load) {
  std::ofstream("/proc/self/clear_refs") << "5\n";  // the peak begins here
  const std::size_t before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const auto loaded = load();
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  const auto grown = [&](std::size_t now) { return static_cast<double>(now) - static_cast<double>(before); };
  return {time.count(), grown(resident_bytes()), grown(proc_bytes("/proc/self/status", "VmHWM")), 0};
}

double constant_bytes(const engine::Graph& graph) {
  std::size_t bytes = 0;
  std::vector<bool> read(graph.value_count());
  for (const engine::Node& node : graph.nodes())
    for (const engine::ValueId id : node.inputs)
      if (id != engine::kAbsent && !read[static_cast<std::size_t>(id)]) {
        read[static_cast<std::size_t>(id)] = true;
        if (const auto& constant = graph.value(id).constant) bytes += constant->byte_size();
      }
  return static_cast<double>(bytes);
}

Footprint ours(const std::string& packed, const std::string& file, const std::vector<Tensor>& inputs) {
  const XnnpackDriver driver({.packed = packed});
  const engine::Driver* const drivers[] = {&driver};
  double constants = 0;
  Footprint result = measured([&] {
    auto session = std::make_unique<engine::Session>(engine::read_onnx(file), drivers);
    session->run(inputs);
    constants = constant_bytes(session->graph());
    return session;
  });
  result.constants = constants;
  return result;
}

Footprint theirs(const std::string& library, const std::string& file, const std::vector<Tensor>& inputs) {
  OnnxRuntime runtime(library);
  return measured([&] {
    auto session = std::make_unique<OnnxRuntime::Session>(runtime, file, 1);
    session->bind(inputs);
    session->run();
    return session;
  });
}

int once(const Options& options) {
  const auto inputs = random_inputs(real_models().at(static_cast<std::size_t>(options.number("model", 0))));
  const std::string& file = options.text("file");
  const bool peer = options.text("engine") == "peer";
  const Footprint it =
      peer ? theirs(options.text("peer"), file, inputs) : ours(options.text("packed", ""), file, inputs);
  std::printf("%.6f %.0f %.0f %.0f\n", it.ms, it.rss, it.peak, it.constants);
  return 0;
}

/// What `once` prints, in a process of its own.
Footprint spawned(const std::string& arguments) {
  const std::string command = std::filesystem::read_symlink("/proc/self/exe").string() + " once " + arguments;
  std::FILE* const child = ::popen(command.c_str(), "r");
  if (!child) throw Failure(Errc::io, "cannot start " + command);
  Footprint it;
  const int read = std::fscanf(child, "%lf %lf %lf %lf", &it.ms, &it.rss, &it.peak, &it.constants);
  if (::pclose(child) != 0 || read != 4) throw Failure(Errc::unavailable, "did not run: " + command);
  return it;
}

/// Medians over `repeat` processes, after one that is not counted.
Footprint median(const std::string& arguments, int repeat) {
  std::vector<Footprint> all;
  spawned(arguments);
  for (int i = 0; i < repeat; ++i) all.push_back(spawned(arguments));
  const auto middle = [&](double Footprint::*field) {
    std::ranges::sort(all, {}, field);
    return all[all.size() / 2].*field;
  };
  return {middle(&Footprint::ms), middle(&Footprint::rss), middle(&Footprint::peak),
          middle(&Footprint::constants)};
}

const char* verdict(bool passes) { return passes ? "PASS" : "FAIL"; }

/// Geometric means of what is ours by what is theirs.
class Means {
 public:
  void add(double time, double memory) {
    time_ += std::log(time);
    memory_ += std::log(memory);
    ++count_;
  }
  double time() const { return std::exp(time_ / count_); }
  double memory() const { return std::exp(memory_ / count_); }
  double count() const { return count_; }

 private:
  double time_ = 0, memory_ = 0, count_ = 0;
};

bool compare(const RealModel& model, std::size_t number, const Options& options, Means& means) {
  const auto file = file_of(model, options.text("models"), options.text("work"));
  const std::string arguments = "--model " + std::to_string(number) + " --file '" + file.string() + "' ";
  const int repeat = static_cast<int>(options.number("repeat", 7));
  const Footprint a = median(arguments + "--engine dormouse", repeat);
  const auto packed = std::filesystem::path(options.text("work")) / "packed";
  const Footprint again = median(arguments + "--engine dormouse --packed '" + packed.string() + "'", repeat);
  const Footprint b = median(arguments + "--engine peer --peer '" + options.text("peer") + "'", repeat);
  const double time = a.ms / b.ms, memory = std::max(a.rss, 1.0) / b.rss;
  means.add(time, memory);
  const bool small = a.rss <= kHighestGrowth * a.constants + kSlack;
  const bool passes = time <= kHighestRatio && memory <= kHighestRatio && small;
  std::printf("%s  %-44s %8.2f %8.2f %5.2f   %7.2f %7.2f %5.2f   %7.2f %7.2f   %7.2f   %8.2f %7.2f %s\n",
              verdict(passes), model.file.c_str(), a.ms, b.ms, time, a.rss / 1e6, b.rss / 1e6, memory,
              a.peak / 1e6, b.peak / 1e6, a.constants / 1e6, again.ms, again.rss / 1e6, small ? "" : "large");
  std::fflush(stdout);
  return passes;
}

int compare_all(const Options& options) {
  std::printf(
      "file to first answer in ms, RSS and its peak in MB: Dormouse, ONNX Runtime, ratio; constants in MB; a "
      "second load\n");
  const auto models = real_models();
  bool held = true;
  Means means;
  for (std::size_t i = 0; i < models.size(); ++i)
    if (models[i].file.find(options.text("only", "")) != std::string::npos)
      held &= compare(models[i], i, options, means);
  std::printf("geometric means over %.0f models and shapes: time %.3f, RSS %.3f\n", means.count(),
              means.time(), means.memory());
  return held ? 0 : 1;
}

}  // namespace
}  // namespace dormouse::bench

int main(int argc, char** argv) {
  using namespace dormouse::bench;
  return guarded(argc, argv, {{"compare", compare_all}, {"once", once}});
}

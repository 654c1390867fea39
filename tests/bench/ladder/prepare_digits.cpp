#include <algorithm>
#include <array>
#include <cmath>

#include "engine/formats/wav.h"
#include "engine/session.h"
#include "learning/layers.h"
#include "tests/bench/ladder/prepare.h"

namespace dormouse::bench {
namespace {

namespace fs = std::filesystem;
using engine::DType;
using engine::Shape;
using engine::Tensor;

constexpr std::array<std::string_view, 6> kSpeakers = {"george",  "jackson", "lucas",
                                                       "nicolas", "theo",    "yweweler"};
constexpr std::size_t kMoments = 20, kBands = 20, kFrame = 256;

/// Frames [N, kFrame] → log-mel [N, kBands, 1].
engine::Session front_end() {
  engine::Graph graph;
  const engine::Value frames{
      &graph, graph.add_input("frames", DType::f32, Shape{std::int64_t{kMoments}, std::int64_t{kFrame}})};
  const engine::Value bands =
      learning::log_mel(frames, {.rate = 8000, .frame = kFrame, .hop = kFrame, .bands = kBands});
  graph.mark_output(bands.id);
  return {std::move(graph), {}};
}

/// kMoments frames of the recording, the first at its start and the last at its end.
Tensor frames_of(const Tensor& sound) {
  const auto samples = sound.values<float>();
  Tensor frames(DType::f32, Shape{std::int64_t{kMoments}, std::int64_t{kFrame}});
  const auto out = frames.mutable_values<float>();
  const double span = static_cast<double>(std::max(samples.size(), kFrame) - kFrame);
  for (std::size_t moment = 0; moment < kMoments; ++moment) {
    const auto start = static_cast<std::size_t>(span * static_cast<double>(moment) / (kMoments - 1));
    const auto count = std::min(kFrame, samples.size() - start);
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(start), count,
                out.begin() + static_cast<std::ptrdiff_t>(moment * kFrame));
  }
  return frames;
}

/// DIGIT_SPEAKER_INDEX.wav
struct Name {
  learning::ClassIndex digit = 0;
  std::uint32_t speaker = 0;
  int index = 0;
};

Name parse(const fs::path& file) {
  const std::string name = file.stem().string();
  const std::size_t first = name.find('_'), last = name.rfind('_');
  const auto speaker = first == last ? kSpeakers.end()
                                     : std::ranges::find(kSpeakers, name.substr(first + 1, last - first - 1));
  if (first != 1 || !std::isdigit(static_cast<unsigned char>(name[0])) || speaker == kSpeakers.end())
    throw Failure(Errc::corrupt, file.string() + ": expected DIGIT_SPEAKER_INDEX.wav");
  return {static_cast<learning::ClassIndex>(name[0] - '0'),
          static_cast<std::uint32_t>(speaker - kSpeakers.begin()), std::stoi(name.substr(last + 1))};
}

Examples read(std::span<const fs::path> files, const engine::Session& session) {
  Examples examples;
  examples.inputs =
      Tensor(DType::f32, Shape{static_cast<std::int64_t>(files.size()), std::int64_t{kMoments * kBands}});
  auto out = examples.inputs.mutable_values<float>().begin();
  for (const fs::path& file : files) {
    const Tensor frames = frames_of(engine::read_wav(file.string()).frames);
    const Tensor bands = session.run(std::span(&frames, 1)).front();
    out = std::ranges::copy(bands.values<float>(), out).out;
    const Name name = parse(file);
    examples.classes.push_back(name.digit);
    examples.groups.push_back(name.speaker);
  }
  return examples;
}

}  // namespace

DataSet prepare_digits(const fs::path& folder) {
  std::vector<fs::path> train, test;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".wav")
      (parse(entry.path()).index < 5 ? test : train).push_back(entry.path());
  if (train.empty() || test.empty()) throw Failure(Errc::not_found, folder.string() + ": no recordings");
  std::ranges::sort(train);
  std::ranges::sort(test);
  const engine::Session session = front_end();
  return {read(train, session), read(test, session)};
}

}  // namespace dormouse::bench

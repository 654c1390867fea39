#include <catch2/catch.hpp>

#include "engine/formats/wav.h"
#include "tests/engine/damage.h"

#include <algorithm>
#include <cmath>

namespace dormouse::engine {
namespace {

using Catch::Contains;

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string chunk(std::string_view id, std::string_view content) {
  std::string text = std::string(id) + raw(static_cast<std::uint32_t>(content.size())) + std::string(content);
  return content.size() % 2 == 1 ? text + '\0' : text;
}

std::string format(std::uint16_t tag, std::uint16_t channels, std::uint16_t bits) {
  return raw(tag) + raw(channels) + raw(std::uint32_t{8000}) + std::string(6, '\0') + raw(bits);
}

std::string wav(std::string_view chunks) {
  return "RIFF" + raw(static_cast<std::uint32_t>(chunks.size() + 4)) + "WAVE" + std::string(chunks);
}

Recording parse(std::string_view file) { return parse_wav(std::as_bytes(std::span(file)), "a.wav"); }

std::vector<float> samples(std::string_view file) {
  const Recording recording = parse(file);
  const auto span = recording.frames.values<float>();
  return {span.begin(), span.end()};
}

TEST_CASE("wav comes back to within a 16-bit step", "[formats]") {
  const ScratchFolder folder;
  const Recording written{Tensor::from<float>({3, 2}, {0, 0.5f, -0.5f, 1, -1, 2}), 16000};
  write_wav(folder.file("a.wav"), written);
  const Recording back = read_wav(folder.file("a.wav"));
  CHECK(back.rate == 16000);
  CHECK(back.frames.shape() == Shape{3, 2});
  const std::vector<float> expected{0, 0.5f, -0.5f, 32767.0f / 32768, -1, 32767.0f / 32768};
  CHECK(std::ranges::equal(back.frames.values<float>(), expected));
}

TEST_CASE("every width of wav samples is scaled to [-1, 1)", "[formats]") {
  const auto file = [](std::uint16_t tag, std::uint16_t bits, std::string_view data) {
    return wav(chunk("fmt ", format(tag, 1, bits)) + chunk("data", data));
  };
  CHECK(samples(file(1, 8, std::string_view("\x00\x80\xc0", 3))) == std::vector<float>{-1, 0, 0.5f});
  CHECK(samples(file(1, 16, std::string_view("\x00\x80\x00\x40", 4))) == std::vector<float>{-1, 0.5f});
  CHECK(samples(file(1, 24, std::string_view("\x00\x00\x80\x00\x00\x40\x00\x00\x00", 9))) ==
        std::vector<float>{-1, 0.5f, 0});
  CHECK(samples(file(1, 32, std::string_view("\x00\x00\x00\xc0", 4))) == std::vector<float>{-0.5f});
  CHECK(samples(file(3, 32, raw(0.25f))) == std::vector<float>{0.25f});
}

TEST_CASE("wav of other writers is read: extensible, odd chunks, cut data", "[formats]") {
  const std::string extensible = format(0xfffe, 2, 16) + raw(std::uint16_t{22}) + std::string(6, '\0') +
                                 raw(std::uint16_t{1}) + std::string(14, '\0');
  const std::string chunks = chunk("LIST", "odd") + chunk("fmt ", extensible) + "data" + raw(0xffffffffu);
  const Recording recording = parse(wav(chunks + std::string(10, '\0')));  // two frames and a half
  CHECK(recording.frames.shape() == Shape{2, 2});
  CHECK(recording.rate == 8000);
}

TEST_CASE("wav that is wrong is refused with the reason", "[formats]") {
  const auto refused = [](std::string_view file) { return refusal([&] { parse(file); }); };
  const std::string data = chunk("data", "1234");
  CHECK_THAT(refused("RIFFxxxxAVI "), Contains("not a WAVE file"));
  CHECK_THAT(refused(wav(data)), Contains("before its format"));
  CHECK_THAT(refused(wav(chunk("fmt ", format(1, 1, 16)))), Contains("no data"));
  CHECK_THAT(refused(wav(chunk("fmt ", format(1, 0, 16)) + data)), Contains("no channels"));
  CHECK_THAT(refused(wav(chunk("fmt ", format(1, 1, 12)) + data)), Contains("encoding 1 of 12 bits"));
  CHECK_THAT(refused(wav(chunk("fmt ", format(85, 1, 16)) + data)), Contains("encoding 85"));
  CHECK_THAT(refused(wav(chunk("fmt ", "short") + data)), Contains("ends inside the format"));
  CHECK_THAT(refused(wav(chunk("fmt ", format(3, 1, 32)) + chunk("data", raw(NAN)))), Contains("finite"));
  CHECK_THAT(refused(wav("LIST" + raw(0xffffffffu))), Contains("ends inside a chunk"));
}

TEST_CASE("a damaged wav file never does more than fail", "[formats]") {
  const std::string file =
      wav(chunk("fmt ", format(1, 2, 16)) + chunk("LIST", "abc") + chunk("data", "12345678"));
  survive_damage(file, file.size(), [](const std::shared_ptr<Buffer>& buffer) {
    parse_wav({buffer->data(), buffer->size()}, "damaged");
  });
}

}  // namespace
}  // namespace dormouse::engine

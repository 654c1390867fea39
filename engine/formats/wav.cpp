#include "engine/formats/wav.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "engine/formats/atomic_file.h"
#include "engine/formats/bytes.h"

namespace dormouse::engine {
namespace {

constexpr std::uint16_t kPcm = 1, kFloat = 3, kExtensible = 0xfffe;

struct Encoding {
  std::uint16_t tag = 0, channels = 0, bits = 0;
  std::uint32_t rate = 0;
};

Encoding read_encoding(ByteReader chunk) {
  Encoding encoding;
  encoding.tag = chunk.read<std::uint16_t>("the format");
  encoding.channels = chunk.read<std::uint16_t>("the format");
  encoding.rate = chunk.read<std::uint32_t>("the format");
  chunk.take(6, "the format");
  encoding.bits = chunk.read<std::uint16_t>("the format");
  if (encoding.tag == kExtensible) {
    chunk.take(8, "the extended format");
    encoding.tag = chunk.read<std::uint16_t>("the sub-format");  // the rest of its GUID is fixed
  }
  if (encoding.channels == 0 || encoding.rate == 0) chunk.corrupt("no channels, or a rate of zero");
  return encoding;
}

float sample_u8(const std::byte* at) { return (static_cast<float>(*at) - 128.0f) / 128.0f; }

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

float sample_i16(const std::byte* at) { return static_cast<float>(load<std::int16_t>(at)) / 32768.0f; }

float sample_i24(const std::byte* at) {
  std::uint32_t raised = 0;  // the three bytes on top of a word, so that its sign is theirs
  std::memcpy(reinterpret_cast<std::byte*>(&raised) + 1, at, 3);
  return static_cast<float>(static_cast<std::int32_t>(raised)) / 2147483648.0f;
}

float sample_i32(const std::byte* at) { return static_cast<float>(load<std::int32_t>(at)) / 2147483648.0f; }

float sample_f32(const std::byte* at) { return load<float>(at); }

struct Decoder {
  std::uint16_t tag, bits;
  float (*sample)(const std::byte*);
};

constexpr std::array<Decoder, 5> kDecoders{{{kPcm, 8, sample_u8},
                                            {kPcm, 16, sample_i16},
                                            {kPcm, 24, sample_i24},
                                            {kPcm, 32, sample_i32},
                                            {kFloat, 32, sample_f32}}};

const Decoder& decoder_for(const Encoding& encoding, const std::string& name) {
  for (const Decoder& decoder : kDecoders) {
    if (decoder.tag == encoding.tag && decoder.bits == encoding.bits) return decoder;
  }
  throw Failure(Errc::unsupported, name + ": WAVE encoding " + std::to_string(encoding.tag) + " of " +
                                       std::to_string(encoding.bits) +
                                       " bits; 8, 16, 24 or 32-bit PCM and 32-bit float can be read");
}

Recording decode(const Encoding& encoding, std::span<const std::byte> data, const std::string& name) {
  const Decoder& decoder = decoder_for(encoding, name);
  const std::size_t width = decoder.bits / 8;
  const std::size_t frames = data.size() / (width * encoding.channels);
  Recording recording{Tensor(DType::f32, Shape{static_cast<std::int64_t>(frames), encoding.channels}),
                      encoding.rate};
  const std::byte* at = data.data();
  for (float& value : recording.frames.mutable_values<float>()) {
    value = decoder.sample(at);
    if (!std::isfinite(value)) throw Failure(Errc::corrupt, name + ": a sample that is not a finite number");
    at += width;
  }
  return recording;
}

std::int16_t to_pcm(float value) {
  if (!std::isfinite(value)) throw Failure(Errc::invalid, "a recording holds finite numbers only");
  return static_cast<std::int16_t>(std::lround(std::clamp(value * 32768.0f, -32768.0f, 32767.0f)));
}

template <class T>
void append(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string header_for(std::uint32_t data_size, std::uint16_t channels, std::uint32_t rate) {
  const auto frame_size = static_cast<std::uint16_t>(channels * sizeof(std::int16_t));
  std::string header = "RIFF";
  append(header, data_size + 36);
  header += "WAVEfmt ";
  append(header, std::uint32_t{16});
  append(header, kPcm);
  append(header, channels);
  append(header, rate);
  append(header, rate * frame_size);
  append(header, frame_size);
  append(header, std::uint16_t{16});
  header += "data";
  append(header, data_size);
  return header;
}

}  // namespace

bool is_wav(std::span<const std::byte> bytes) {
  const std::string_view text = as_text(bytes);
  return text.size() >= 12 && text.starts_with("RIFF") && text.substr(8, 4) == "WAVE";
}

Recording read_wav(const std::string& path) {
  const std::shared_ptr<Buffer> bytes = map_file(path);
  return parse_wav({bytes->data(), bytes->size()}, path);
}

Recording parse_wav(std::span<const std::byte> bytes, const std::string& name) {
  if (!is_wav(bytes)) throw Failure(Errc::corrupt, name + ": not a WAVE file");
  ByteReader reader(bytes, name);
  reader.take(12, "the RIFF header");
  std::optional<Encoding> encoding;
  while (reader.remaining() > 0) {
    const std::string_view id = reader.text(4, "a chunk's name");
    const auto size = reader.read<std::uint32_t>("a chunk's size");
    if (id == "data") {
      if (!encoding) reader.corrupt("data before its format");
      // Recorders that stream leave 2^32-1 here; what is there is what was recorded.
      return decode(*encoding, reader.take(std::min<std::uint64_t>(size, reader.remaining()), "the data"),
                    name);
    }
    const auto content = reader.take(size, "a chunk");
    if (id == "fmt ") encoding = read_encoding(ByteReader(content, name));
    if (size % 2 == 1 && reader.remaining() > 0) reader.take(1, "padding");
  }
  reader.corrupt("no data chunk");
}

void write_wav(const std::string& path, const Recording& recording) {
  const Shape& shape = recording.frames.shape();
  if (shape.rank() != 2 || shape[1] < 1 || shape[1] > 0x7fff || recording.rate == 0) {
    throw Failure(Errc::invalid, path + ": a recording has [frames, channels] and a rate");
  }
  const std::span<const float> samples = recording.frames.values<float>();
  if (samples.size() > (0xffffffffu - 36) / sizeof(std::int16_t)) {
    throw Failure(Errc::too_large, path + ": a WAVE file holds at most 4 GiB");
  }
  std::vector<std::int16_t> pcm(samples.size());
  std::ranges::transform(samples, pcm.begin(), to_pcm);
  AtomicFile file(path);
  file.write(header_for(static_cast<std::uint32_t>(pcm.size() * sizeof(std::int16_t)),
                        static_cast<std::uint16_t>(shape[1]), recording.rate));
  file.write(std::as_bytes(std::span(pcm)));
  file.commit();
}

}  // namespace dormouse::engine

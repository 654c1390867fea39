#include "engine/formats/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace dormouse::engine {
namespace {

constexpr int kGzipOnly = 16;                 // added to the window's bits: a gzip header and nothing else
constexpr std::uint64_t kMostPerByte = 1032;  // of deflate: 258 bytes in two bits

uInt piece(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct Gunzip::State {
  State(std::span<const std::byte> bytes, std::string file) : packed(bytes), name(std::move(file)) {
    ensure(inflateInit2(&stream, MAX_WBITS + kGzipOnly) == Z_OK, "zlib of the version compiled against");
  }
  ~State() { inflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[noreturn]] void corrupt(const std::string& what) const {
    throw Failure(Errc::corrupt, name + ": " + what + " (at byte " + std::to_string(at) + " of the file, " +
                                     std::to_string(made) + " unpacked)");
  }

  /// Makes some of `to`, perhaps nothing; how much.
  std::size_t step(std::span<std::byte> to) {
    if (ended) begin_next_member();
    const uInt in = piece(packed.size() - at), room = piece(to.size());
    // zlib writes nothing there.
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data() + at));
    stream.avail_in = in;
    stream.next_out = reinterpret_cast<Bytef*>(to.data());
    stream.avail_out = room;
    const int status = inflate(&stream, Z_NO_FLUSH);
    at += in - stream.avail_in;
    made += room - stream.avail_out;
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
      corrupt(std::string("is damaged: ") + (stream.msg ? stream.msg : "no gzip data"));
    ended = status == Z_STREAM_END;
    if (!ended && at == packed.size() && stream.avail_out == room) corrupt("is cut short");
    return room - stream.avail_out;
  }

  void begin_next_member() {
    if (at == packed.size()) corrupt("ends too early");
    inflateReset(&stream);
    ended = false;
  }

  std::span<const std::byte> packed;
  std::string name;
  z_stream stream{};
  std::size_t at = 0;
  std::uint64_t made = 0;
  bool ended = false;  // a member, right to its checksum
};

Gunzip::Gunzip(std::span<const std::byte> packed, std::string name)
    : state_(std::make_unique<State>(packed, std::move(name))) {}
Gunzip::~Gunzip() = default;
Gunzip::Gunzip(Gunzip&&) noexcept = default;
Gunzip& Gunzip::operator=(Gunzip&&) noexcept = default;

void Gunzip::fill(std::span<std::byte> to) {
  while (!to.empty()) to = to.subspan(state_->step(to));
}

void Gunzip::finish() {
  std::byte more{};
  while (!state_->ended || state_->at < state_->packed.size())
    if (state_->step(std::span(&more, 1)) > 0) state_->corrupt("holds more than it says");
}

std::uint64_t Gunzip::most() const { return state_->packed.size() * kMostPerByte; }

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

}  // namespace dormouse::engine

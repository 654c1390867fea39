#include "drivers/xnnpack/packed_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xnnpack.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

namespace dormouse::drivers::xnnpack {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMagic = 0x31304b434150524d;  // "MRPACK01"
constexpr const char* kSuffix = ".packed";
constexpr const char* kTemporary = ".tmp-XXXXXX";

/// What a file begins with; the bytes follow, aligned as kernels want them, and the slack that these read.
struct alignas(64) Header {
  std::uint64_t magic = kMagic;
  std::uint64_t bytes = 0;
  Digest name, checksum;
};
static_assert(sizeof(Header) == 64);

constexpr std::size_t kAround = sizeof(Header) + engine::kReadSlack;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  bool open() const { return number_ >= 0; }

 private:
  int number_;
};

class MappedPack final : public engine::Buffer {
 public:
  MappedPack(std::byte* file, std::size_t bytes) : Buffer(file + sizeof(Header), bytes, false), file_(file) {}
  ~MappedPack() override { ::munmap(file_, size() + kAround); }

 private:
  std::byte* file_;
};

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// A folder of ours that nobody else may write to.
bool is_private(const fs::path& folder) {
  struct stat status {};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// A new file in `folder`, and its name.
std::pair<int, std::string> temporary_in(const fs::path& folder) {
  std::string name = folder / kTemporary;
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  return {descriptor, std::move(name)};
}

using Key = Digester::Key;

std::optional<Key> read_key(const fs::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, sizeof(Key) + 1> bytes;  // one more, to notice a file that is too long
  if (!descriptor.open() || ::read(descriptor.get(), bytes.data(), bytes.size()) != sizeof(Key))
    return std::nullopt;
  Key key;
  std::memcpy(key.data(), bytes.data(), sizeof key);
  return key;
}

/// The folder's key, made by the first to come; a broken one is replaced, and with it all that it names.
std::optional<Key> key_of(const fs::path& folder) {
  const fs::path file = folder / "key";
  if (const auto known = read_key(file)) return known;
  Key key;
  if (::getrandom(key.data(), sizeof key, 0) != sizeof key) return std::nullopt;
  const auto [number, name] = temporary_in(folder);
  const Descriptor descriptor(number);
  if (!descriptor.open()) return std::nullopt;
  const bool written = write_all(descriptor.get(), std::as_bytes(std::span(key)));
  std::error_code ignored;
  if (written && fs::exists(file, ignored)) ::unlink(file.c_str());
  const bool first = written && ::link(name.c_str(), file.c_str()) == 0;
  ::unlink(name.c_str());
  return first ? key : read_key(file);
}

/// What the kernel says of the processors, without what changes: XNNPACK chooses its kernels by that.
std::string processors() {
  static const std::string text = [] {
    constexpr std::string_view kChanging[] = {"processor", "cpu MHz",  "bogomips",       "BogoMIPS",
                                              "core id",   "apicid",   "initial apicid", "physical id",
                                              "siblings",  "microcode"};
    std::vector<std::string> seen;
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      const std::string name = line.substr(0, line.find_first_of("\t:"));
      if (std::ranges::find(kChanging, name) == std::end(kChanging) &&
          std::ranges::find(seen, line) == seen.end())
        seen.push_back(line);
    }
    std::string all;
    for (const std::string& line : seen) all += line + "\n";
    return all;
  }();
  return text;
}

}  // namespace

PackedFiles::PackedFiles(fs::path folder, std::size_t limit, std::size_t least)
    : folder_(std::move(folder)), limit_(limit), least_(least) {
  std::error_code ignored;
  if (fs::create_directories(folder_, ignored)) fs::permissions(folder_, fs::perms::owner_all, ignored);
  if (is_private(folder_)) key_ = key_of(folder_);
}

Digester PackedFiles::digester() const {
  ensure(usable(), "a cache of packed weights is there");
  Digester digester(*key_);
  digester.add(std::string_view(static_cast<const char*>(xnn_experimental_get_build_identifier_data()),
                                xnn_experimental_get_build_identifier_size()));
  digester.add(processors());
  return digester;
}

fs::path PackedFiles::file(const Digest& name) const { return folder_ / (name.hex() + kSuffix); }

Digest PackedFiles::checksum(const Digest& name, std::span<const std::byte> bytes) const {
  Digester digester(*key_);
  digester.add(std::as_bytes(std::span(name.words)));
  digester.add(bytes);
  return digester.finish();
}

std::shared_ptr<engine::Buffer> PackedFiles::map(int descriptor, const Digest& name) const {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  const auto length = static_cast<std::size_t>(status.st_size);
  if (length < kAround) return nullptr;
  void* const file = ::mmap(nullptr, length, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
  if (file == MAP_FAILED) return nullptr;
  auto buffer = std::make_shared<MappedPack>(static_cast<std::byte*>(file), length - kAround);
  Header header;
  std::memcpy(&header, file, sizeof header);
  const bool intact = header.magic == kMagic && header.bytes == buffer->size() && header.name == name &&
                      header.checksum == checksum(name, {buffer->data(), buffer->size()});
  return intact ? buffer : nullptr;
}

std::shared_ptr<engine::Buffer> PackedFiles::find(const Digest& name) const {
  if (!usable()) return nullptr;
  const Descriptor descriptor(::open(file(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!descriptor.open()) return nullptr;
  auto found = map(descriptor.get(), name);
  if (found) ::futimens(descriptor.get(), nullptr);  // used just now
  return found;
}

std::shared_ptr<engine::Buffer> PackedFiles::insert(const Digest& name, std::span<const std::byte> bytes) {
  if (!usable() || bytes.size() + kAround > limit_) return nullptr;
  make_room(bytes.size() + kAround);
  const auto [number, temporary] = temporary_in(folder_);
  const Descriptor descriptor(number);
  if (!descriptor.open()) return nullptr;
  Header header;
  header.bytes = bytes.size();
  header.name = name;
  header.checksum = checksum(name, bytes);
  constexpr std::array<std::byte, engine::kReadSlack> slack{};
  const bool written = write_all(descriptor.get(), std::as_bytes(std::span(&header, 1))) &&
                       write_all(descriptor.get(), bytes) && write_all(descriptor.get(), slack) &&
                       ::rename(temporary.c_str(), file(name).c_str()) == 0;
  if (!written) {
    ::unlink(temporary.c_str());
    return nullptr;
  }
  return map(descriptor.get(), name);
}

void PackedFiles::make_room(std::size_t bytes) {
  struct Entry {
    fs::path path;
    fs::file_time_type used;
    std::size_t bytes;
  };
  const std::lock_guard lock(mutex_);
  if (kept_ && *kept_ + bytes <= limit_) {
    *kept_ += bytes;
    return;
  }
  std::vector<Entry> entries;
  std::size_t kept = bytes;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (!entry.is_regular_file(ignored) || entry.path().filename() == "key") continue;
    entries.push_back({entry.path(), entry.last_write_time(ignored), entry.file_size(ignored)});
    kept += entries.back().bytes;
  }
  std::ranges::sort(entries, {}, &Entry::used);
  for (const Entry& entry : entries) {  // also what a process left unfinished, long ago
    if (kept <= limit_) break;
    if (fs::remove(entry.path, ignored)) kept -= entry.bytes;
  }
  kept_ = kept;
}

}  // namespace dormouse::drivers::xnnpack

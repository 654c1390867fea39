#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

// What libFuzzer does, in small: runs the target on each file of a folder, then on seeded mutations of them.
// RECORD, where it is given, holds the input that ran last: the one that crashed.
namespace {

using Bytes = std::string;

constexpr std::uint64_t kSeed = 20250101;

std::vector<Bytes> read_corpus(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Bytes mutate(Bytes bytes) {
    for (std::size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) change(bytes);
    return bytes;
  }
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }

 private:
  void change(Bytes& bytes) {
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.erase(at, 1 + below(8));
        break;
      case 4:
        bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(16)));
        break;
      case 5:
        overwrite(bytes, at);
        break;
    }
  }
  // Counts and lengths that overflow, are negative, or nearly so.
  void overwrite(Bytes& bytes, std::size_t at) {
    constexpr std::uint64_t kExtremes[] = {0,          ~0ull,          ~0ull >> 1,   ~0ull >> 33,
                                           1ull << 62, 0x100000000ull, 0xfffffff8ull};
    const std::uint64_t value = kExtremes[below(std::size(kExtremes))];
    const std::size_t width = std::min<std::size_t>(bytes.size() - at, std::size_t{1} << below(4));
    std::memcpy(bytes.data() + at, &value, width);
  }

  std::mt19937_64 random_{kSeed};
};

void run(const Bytes& bytes, const std::string& record) {
  // Written before it runs: a crash leaves no other chance.
  if (!record.empty()) std::ofstream(record, std::ios::binary) << bytes;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: " << arguments[0] << " FOLDER MUTATIONS [RECORD]\n";
    return 2;
  }
  const std::vector<Bytes> corpus = read_corpus(arguments[1]);
  if (corpus.empty()) {
    std::cerr << "no files in " << arguments[1] << "\n";
    return 1;
  }
  const std::string record = count > 3 ? arguments[3] : "";
  const int mutations = std::atoi(arguments[2]);
  std::cout << corpus.size() << " files, " << mutations << " mutations, seed " << kSeed << std::endl;
  for (const Bytes& bytes : corpus) run(bytes, record);
  Mutator mutator;
  for (int i = 0; i < mutations; ++i) run(mutator.mutate(corpus[mutator.below(corpus.size())]), record);
}

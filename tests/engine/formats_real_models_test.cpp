#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "engine/formats/onnx.h"
#include "engine/formats/safetensors.h"
#include "tests/engine/damage.h"

namespace dormouse::engine {
namespace {

std::filesystem::path data_folder() {
  if (const char* named = std::getenv("DORMOUSE_DATA")) return named;
  return std::filesystem::path(DORMOUSE_TEST_DATA) / "../../../shared";
}

std::vector<std::string> files_below(const std::filesystem::path& folder, std::string_view extension) {
  std::vector<std::string> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path().string());
  }
  return files;
}

// Says so when there is nothing to test.
bool absent(const std::vector<std::string>& files, const std::filesystem::path& folder) {
  if (files.empty()) std::cout << "skipped: no files in " << folder.string() << "\n";
  return files.empty();
}

// Whoever exported them, public models are well-formed: at worst an operator or one of its types is missing
// here.
void read_all(const std::filesystem::path& folder) {
  const std::vector<std::string> files = files_below(folder, ".onnx");
  if (absent(files, folder)) return;
  std::size_t complete = 0;
  for (const std::string& file : files) {
    try {
      read_onnx(file);
      ++complete;
    } catch (const Failure& failure) {
      INFO(failure.what());
      CHECK(failure.error().code != Errc::corrupt);
    }
  }
  std::cout << folder.string() << ": " << complete << " of " << files.size() << " ONNX files read whole\n";
  CHECK(complete > 0);
}

TEST_CASE("no published ONNX model is called corrupt", "[formats]") { read_all(data_folder() / "models"); }

TEST_CASE("no ONNX model of Debian's libonnx-testdata is called corrupt", "[formats]") {
  read_all("/usr/share/libonnx-testdata/data");
}

TEST_CASE("every test vector of Debian's libonnx-testdata is a tensor or of a kind we do not have",
          "[formats]") {
  const std::filesystem::path folder = "/usr/share/libonnx-testdata/data/simple";
  const std::vector<std::string> files = files_below(folder, ".pb");
  if (absent(files, folder)) return;
  for (const std::string& file : files) {
    INFO(file);
    const std::string refused = refusal([&] { read_onnx_tensor(file); });
    CHECK((refused.empty() || refused.find("element type") != std::string::npos));
  }
}

TEST_CASE("published safetensors are read in place", "[formats]") {
  const std::vector<std::string> files = files_below(data_folder() / "models", ".safetensors");
  if (absent(files, data_folder())) return;
  for (const std::string& file : files) {
    INFO(file);
    for (const auto& [name, tensor] : read_safetensors(file).tensors) {
      INFO(name);
      CHECK_FALSE(tensor.buffer()->writable());
    }
  }
}

}  // namespace
}  // namespace dormouse::engine

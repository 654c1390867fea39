#include <catch2/catch.hpp>

#include "engine/formats/atomic_file.h"
#include "tests/engine/damage.h"

namespace dormouse::engine {
namespace {

using Catch::Contains;

std::size_t files_in(const ScratchFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST_CASE("a committed file replaces the old one whole", "[formats]") {
  const ScratchFolder folder;
  write_file(folder.file("a"), "old and long");
  write_file(folder.file("a"), "new");
  CHECK(content_of(folder.file("a")) == "new");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("an uncommitted file leaves the old one and no litter", "[formats]") {
  const ScratchFolder folder;
  write_file(folder.file("a"), "old");
  {
    AtomicFile file(folder.file("a"));
    file.write("half of");
  }
  CHECK(content_of(folder.file("a")) == "old");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a file that cannot be written names itself", "[formats]") {
  const ScratchFolder folder;
  const std::string path = folder.file("missing/a");
  CHECK_THAT(refusal([&] { write_file(path, "x"); }), Contains(path) && Contains("No such file"));
}

TEST_CASE("a folder in the way is an error that leaves no litter", "[formats]") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.file("a"));
  CHECK_THAT(refusal([&] { write_file(folder.file("a"), "x"); }), Contains("cannot rename"));
  CHECK(files_in(folder) == 1);
}

}  // namespace
}  // namespace dormouse::engine

#include "config/yaml.h"
#include "daemon/service/options.h"
#include "tests/fuzz/fuzz.h"

// A configuration, as far as it goes without the files it names.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dormouse;
  return engine::feed(data, size, [](std::shared_ptr<engine::Buffer> buffer) {
    const std::string_view text(reinterpret_cast<const char*>(buffer->data()), buffer->size());
    daemon::options_of(config::load_text(text, "fuzz.yaml"));
  });
}

#include "daemon/verbs/board_facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <cstdlib>
#include <string>

#include "config/text.h"
#include "daemon/service/sysfs.h"

namespace dormouse::daemon {
namespace {

namespace json = boost::json;

constexpr const char* kCores = "sys/devices/system/cpu";

std::uint64_t number_of(const std::string& text, int base = 10) {
  return std::strtoull(text.c_str(), nullptr, base);
}

void append(std::string& list, std::string_view item) {
  if (!item.empty()) config::list(list, item);
}

bool contains(std::string_view list, std::string_view item) {
  for (std::size_t at = 0; (at = list.find(item, at)) != list.npos; ++at)
    if ((at == 0 || list[at - 1] == ' ') &&
        (at + item.size() == list.size() || list[at + item.size()] == ','))
      return true;
  return false;
}

/// The values of lines "key : value" or "key=value", each once.
std::string values(std::string_view text, std::string_view key) {
  constexpr const char* kAround = " \t\":=";
  std::string found;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(key) || line.find_first_of(kAround, key.size()) != key.size()) continue;
    const std::size_t first = line.find_first_not_of(kAround, key.size()),
                      last = line.find_last_not_of(kAround);
    if (first == line.npos) continue;
    const std::string_view value = line.substr(first, last + 1 - first);
    if (!contains(found, value)) append(found, value);
  }
  return found;
}

void set(json::object& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}
void set(json::object& object, const char* key, std::uint64_t number) {
  if (number > 0) object[key] = number;
}

/// Of a hundred others nobody reads a list.
constexpr const char* kFeatures[] = {"asimdhp", "asimddp",  "asimdfhm",    "bf16",       "i8mm", "sve",
                                     "sve2",    "sme",      "atomics",     "avx",        "avx2", "fma",
                                     "avx512f", "avx_vnni", "avx512_vnni", "avx512_fp16"};

/// Those of the lines of flags that the kernel prints, one space between two.
std::string features(std::string flags) {
  std::ranges::replace(flags, ',', ' ');  // lists of different cores
  std::string found;
  for (const char* feature : kFeatures)
    if ((" " + flags + " ").find(" " + std::string(feature) + " ") != std::string::npos)
      append(found, feature);
  return found;
}

json::object processor(const std::string& root) {
  const std::string about = text_of(root, "proc/cpuinfo");
  json::object result;
  set(result, "name", values(about, "model name"));
  set(result, "implementer", values(about, "CPU implementer"));  // on Arm the parts say which cores these are
  set(result, "parts", values(about, "CPU part"));
  const std::string numbers = values(about, "processor");
  result["cores"] = std::ranges::count(numbers, ',') + 1;
  set(result, "features", features(values(about, "Features") + values(about, "flags")));
  set(result, "governor", line_of(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  std::uint64_t highest = 0;
  for (const std::string& core : entries(root, kCores, "cpu"))
    highest = std::max(highest, number_of(line_of(core, "cpufreq/cpuinfo_max_freq")));
  set(result, "highest_mhz", highest / 1000);
  return result;
}

/// A Raspberry Pi's flags: what is so now, and 16 bits higher what has been since it was switched on.
std::string pi_throttling(const std::string& root) {
  static constexpr const char* kFlags[] = {"under-voltage", "clock capped", "throttled",
                                           "near its limit of heat"};
  const std::string text = line_of(root, "sys/devices/platform/soc/soc:firmware/get_throttled");
  const std::uint64_t bits = number_of(text, 16);
  std::string found;
  for (int i = 0; i < 4; ++i)
    if ((bits >> i & 0x10001) != 0)
      append(found, std::string(kFlags[i]) + ((bits >> i & 1) != 0 ? " now" : " since it was switched on"));
  return found.empty() && !text.empty() ? "none" : found;
}

}  // namespace

json::object board_facts(const std::string& root) {
  json::object facts;
  std::string model = line_of(root, "proc/device-tree/model");
  if (model.empty()) {
    append(model, line_of(root, "sys/class/dmi/id/sys_vendor"));
    append(model, line_of(root, "sys/class/dmi/id/product_name"));
  }
  set(facts, "model", model);
  set(facts, "system", values(text_of(root, "etc/os-release"), "PRETTY_NAME"));
  utsname kernel{};
  if (::uname(&kernel) == 0)
    set(facts, "kernel", std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine);
  set(facts, "page_bytes", static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  const std::string memory = text_of(root, "proc/meminfo");
  set(facts, "memory_bytes", number_of(values(memory, "MemTotal")) * 1024);
  set(facts, "swap_bytes", number_of(values(memory, "SwapTotal")) * 1024);
  facts["processor"] = processor(root);
  return facts;
}

json::object board_state(const std::string& root) {
  json::object state;
  std::string zones, clocks, cooling;
  for (const std::string& zone : entries(root, "sys/class/thermal", "thermal_zone"))
    if (const std::string heat = line_of(zone, "temp"); !heat.empty())
      append(zones, line_of(zone, "type") + " " + std::to_string(number_of(heat) / 1000) + " °C");
  for (const std::string& device : entries(root, "sys/class/thermal", "cooling_device"))
    if (const std::string level = line_of(device, "cur_state"); number_of(level) > 0)
      append(cooling, line_of(device, "type") + " " + level + " of " + line_of(device, "max_state"));
  std::uint64_t slowed = 0;
  for (const std::string& core : entries(root, kCores, "cpu")) {
    if (const std::string clock = line_of(core, "cpufreq/scaling_cur_freq"); !clock.empty())
      append(clocks, std::to_string(number_of(clock) / 1000));
    slowed += number_of(line_of(core, "thermal_throttle/core_throttle_count"));
  }
  set(state, "temperatures", zones);
  set(state, "clocks_mhz", clocks);
  set(state, "cooling", cooling);
  set(state, "throttling", pi_throttling(root));
  set(state, "times_throttled", slowed);
  return state;
}

}  // namespace dormouse::daemon

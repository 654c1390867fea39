#include "drivers/table.h"

#include <algorithm>

#include "drivers/measured.h"

namespace dormouse::drivers {

std::span<const std::pair<std::string_view, Choice>> choice_words() {
  static constexpr std::pair<std::string_view, Choice> words[] = {{"auto", Choice::automatic},
                                                                  {"cpu", Choice::cpu},
                                                                  {"vulkan", Choice::vulkan},
                                                                  {"xnnpack", Choice::xnnpack},
                                                                  {"reference", Choice::reference}};
  return words;
}

std::optional<Choice> parse_choice(std::string_view word) {
  const auto words = choice_words();
  const auto found = std::ranges::find(words, word, &std::pair<std::string_view, Choice>::first);
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

std::vector<const engine::Driver*> DriverTable::chosen(Choice choice) const {
  std::vector<const engine::Driver*> drivers;
  if (choice == Choice::reference) return drivers;
  if (choice == Choice::automatic && measured) drivers.push_back(measured);
  if (choice == Choice::vulkan && gpu) drivers.push_back(gpu);
  for (const engine::Driver* const driver : cpu)
    if (choice != Choice::xnnpack || driver->name() == "xnnpack") drivers.push_back(driver);
  return drivers;
}

}  // namespace dormouse::drivers

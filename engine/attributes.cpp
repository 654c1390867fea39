#include "engine/attributes.h"

#include "config/error.h"

namespace dormouse::engine {

Attributes::Attributes() = default;
Attributes::Attributes(std::initializer_list<std::pair<const std::string, Attribute>> entries)
    : entries_(entries) {}
Attributes::Attributes(const Attributes&) = default;
Attributes::Attributes(Attributes&&) noexcept = default;
Attributes& Attributes::operator=(const Attributes&) = default;
Attributes& Attributes::operator=(Attributes&&) noexcept = default;
Attributes::~Attributes() = default;

void Attributes::set(std::string name, Attribute value) {
  entries_.insert_or_assign(std::move(name), std::move(value));
}

void Attributes::erase(std::string_view name) {
  if (const auto found = entries_.find(name); found != entries_.end()) entries_.erase(found);
}

const Attribute* Attributes::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

void throw_attribute_type(std::string_view name) {
  throw Failure(Errc::invalid,
                "attribute '" + std::string(name) + "' has another type than the operator defines");
}

}  // namespace dormouse::engine

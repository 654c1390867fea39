#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

class Graph;

/// What a node is told besides its inputs; a subgraph for If, Loop and Scan.
using Attribute = std::variant<std::int64_t, float, std::string, Tensor, std::vector<std::int64_t>,
                               std::vector<float>, std::vector<std::string>, std::shared_ptr<const Graph>>;

/// A node's attributes by ONNX name. Every operator names some: what handles the map stands in one place.
class Attributes {
 public:
  Attributes();
  Attributes(std::initializer_list<std::pair<const std::string, Attribute>> entries);
  Attributes(const Attributes&);
  Attributes(Attributes&&) noexcept;
  Attributes& operator=(const Attributes&);
  Attributes& operator=(Attributes&&) noexcept;
  ~Attributes();

  void set(std::string name, Attribute value);
  void erase(std::string_view name);
  /// The attribute's value when it is there and of type T. A wrong type throws Failure(invalid) naming it.
  template <class T>
  const T* find(std::string_view name) const;
  template <class T>
  T get(std::string_view name, T fallback) const {
    const T* found = find<T>(name);
    return found ? *found : std::move(fallback);
  }
  std::int64_t integer(std::string_view name, std::int64_t fallback) const {
    return get<std::int64_t>(name, fallback);
  }
  std::vector<std::int64_t> integers(std::string_view name) const {
    return get<std::vector<std::int64_t>>(name, {});
  }
  bool has(std::string_view name) const { return entry(name) != nullptr; }
  const std::map<std::string, Attribute, std::less<>>& entries() const { return entries_; }

 private:
  const Attribute* entry(std::string_view name) const;  ///< null: there is none

  std::map<std::string, Attribute, std::less<>> entries_;
};

[[noreturn]] void throw_attribute_type(std::string_view name);

template <class T>
const T* Attributes::find(std::string_view name) const {
  const Attribute* const found = entry(name);
  if (!found) return nullptr;
  if (const T* const value = std::get_if<T>(found)) return value;
  throw_attribute_type(name);
}

}  // namespace dormouse::engine

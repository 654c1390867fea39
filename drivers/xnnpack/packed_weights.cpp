#include "drivers/xnnpack/packed_weights.h"

#include <xnnpack.h>

#include <new>

#include "drivers/xnnpack/rehearsal.h"
#include "engine/mapped.h"

namespace dormouse::drivers::xnnpack {
namespace {

/// Memory of somebody else's.
class Borrowed final : public engine::Buffer {
 public:
  Borrowed(std::byte* data, std::size_t size) : Buffer(data, size, true) {}
};

}  // namespace

std::shared_ptr<const Packed> PackedWeights::find(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : entry->second.lock();
}

std::shared_ptr<const Packed> PackedWeights::insert(const Key& key, std::shared_ptr<const Packed> packed) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const auto& entry) { return entry.second.expired(); });
  const auto [entry, fresh] = entries_.try_emplace(key, packed);
  const auto first = entry->second.lock();
  if (first) return first;
  entry->second = packed;
  return packed;
}

std::size_t PackedWeights::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [key, entry] : entries_)
    if (const auto packed = entry.lock()) sum += packed->bytes->size();
  return sum;
}

/// What XNNPACK calls. It knows entries by offset; ours is the address itself.
struct WeightsUse::Callbacks {
  static WeightsUse& use(void* context) { return *static_cast<WeightsUse*>(context); }

  static std::size_t found(WeightsUse& self, std::shared_ptr<const Packed> packed) {
    self.used_.push_back(std::move(packed));
    return reinterpret_cast<std::size_t>(self.used_.back()->bytes->data());
  }

  static std::size_t look_up(void* context, const xnn_weights_cache_look_up_key* key) noexcept {
    WeightsUse& self = use(context);
    auto packed = self.shared_.find(self.shared_key(*key));
    return packed ? found(self, std::move(packed)) : SIZE_MAX;
  }

  static void* reserve_space(void* context, std::size_t bytes) noexcept {
    try {
      Rehearsal* const rehearsal = Rehearsal::current();
      if (std::byte* const nowhere = rehearsal ? rehearsal->weights(bytes) : nullptr)
        use(context).reserved_ = std::make_shared<Borrowed>(nowhere, bytes);
      else
        use(context).reserved_ = engine::Buffer::allocate(bytes);
      return use(context).reserved_->writable_data();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  static std::size_t look_up_or_insert(void* context, const xnn_weights_cache_look_up_key* key, void*,
                                       std::size_t) noexcept {
    WeightsUse& self = use(context);
    auto packed = std::make_shared<Packed>();
    for (const void* address : {key->kernel, key->bias})
      if (const auto source = self.sources_.find(address); source != self.sources_.end()) {
        packed->from.push_back(source->second.original);
        let_go(source->second);
      }
    packed->bytes = std::move(self.reserved_);
    return found(self, self.shared_.insert(self.shared_key(*key), std::move(packed)));
  }

  static bool is_finalized(void*) noexcept { return true; }  // entries never move
  static void* offset_to_addr(void*, std::size_t offset) noexcept { return reinterpret_cast<void*>(offset); }
  static xnn_status delete_cache(void*) noexcept { return xnn_status_success; }
};

WeightsUse::WeightsUse(PackedWeights& shared)
    : shared_(shared),
      provider_(new xnn_weights_cache_provider{.context = this,
                                               .look_up = Callbacks::look_up,
                                               .reserve_space = Callbacks::reserve_space,
                                               .look_up_or_insert = Callbacks::look_up_or_insert,
                                               .is_finalized = Callbacks::is_finalized,
                                               .offset_to_addr = Callbacks::offset_to_addr,
                                               .delete_cache = Callbacks::delete_cache}) {}

WeightsUse::~WeightsUse() = default;

void WeightsUse::let_go(Source& source) {
  source.tensor = engine::Tensor();
  engine::release_pages(source.original);
}

engine::Tensor WeightsUse::keep(engine::Tensor tensor, engine::Tensor original, std::uint64_t variant) {
  const auto* const address = tensor.data();
  return sources_.insert_or_assign(address, Source{std::move(tensor), std::move(original), variant})
      .first->second.tensor;
}

const void* WeightsUse::original_address(const void* address) const {
  const auto source = sources_.find(address);
  return source == sources_.end() ? address : source->second.original.data();
}

PackedWeights::Key WeightsUse::shared_key(const xnn_weights_cache_look_up_key& key) const {
  const auto filter = sources_.find(key.kernel);
  return {key.seed, original_address(key.kernel), original_address(key.bias),
          filter == sources_.end() ? 0 : filter->second.variant};
}

}  // namespace dormouse::drivers::xnnpack

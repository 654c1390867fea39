#include "drivers/xnnpack/packed_weights.h"

#include <sys/mman.h>
#include <xnnpack.h>

#include <cstring>
#include <new>

#include "drivers/xnnpack/rehearsal.h"
#include "engine/heap_buffer.h"
#include "engine/mapped.h"
#include "engine/on_demand.h"
#include "engine/op.h"

namespace dormouse::drivers::xnnpack {
namespace {

/// Filters of fewer bytes are permuted at once.
constexpr std::size_t kLarge = 64 << 10;

/// Memory of somebody else's.
class Borrowed final : public engine::Buffer {
 public:
  Borrowed(std::byte* data, std::size_t size) : Buffer(data, size, true) {}
};

/// Permutes a few rows after the other where they stay in their order, so that few are made at a time.
void permute_by_rows(const engine::Tensor& tensor, Extents extents, const Extents& permutation,
                     std::byte* to) {
  const std::size_t rows = extents[0];
  if (permutation[0] != 0 || tensor.shape()[0] != static_cast<std::int64_t>(rows))
    return permute(engine::made(tensor), extents, permutation, to);
  const std::size_t row = tensor.byte_size() / rows, few = std::max(kLarge / row, std::size_t{1});
  for (std::size_t first = 0; first < rows; first += few) {
    extents[0] = std::min(few, rows - first);
    const auto some = tensor.rows(static_cast<std::int64_t>(first), static_cast<std::int64_t>(extents[0]));
    permute(engine::made(some), extents, permutation, to + first * row);
  }
}

/// Every page will be written to: large ones are asked for at once, which takes half the time. Zeroed:
/// XNNPACK does not do it again.
std::shared_ptr<engine::Buffer> to_be_filled(std::size_t bytes) {
  auto buffer = engine::lasting_buffer(bytes);
#ifdef MADV_POPULATE_WRITE
  // Refused where the buffer does not begin a page, or the kernel is older: then pages come as they are
  // touched.
  if (bytes >= kLarge) ::madvise(buffer->writable_data(), bytes, MADV_POPULATE_WRITE);
#endif
  return buffer;
}

}  // namespace

PackedWeights::PackedWeights(const std::filesystem::path& folder) {
  if (!folder.empty()) files_.emplace(folder);
}

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

/// What XNNPACK calls. It knows entries by offset; ours is the address itself. Most operators look up before
/// they pack; some only afterwards.
struct WeightsUse::Callbacks {
  static WeightsUse& use(void* context) { return *static_cast<WeightsUse*>(context); }

  static std::size_t look_up(void* context, const xnn_weights_cache_look_up_key* key) noexcept {
    WeightsUse& self = use(context);
    if (auto packed = self.shared_.find(self.shared_key(*key))) return self.found(std::move(packed));
    if (const auto name = self.file_name(*key))
      if (auto kept = self.shared_.files()->find(*name)) {
        auto packed = std::make_shared<Packed>(Packed{self.constants_of(*key), std::move(kept)});
        for (const void* address : {key->kernel, key->bias}) self.let_go(address);
        return self.found(self.shared_.insert(self.shared_key(*key), std::move(packed)));
      }
    if (Source* const source = self.source_at(key->kernel)) self.fill(*source);
    self.looked_up_ = true;
    return SIZE_MAX;
  }

  static void* reserve_space(void* context, std::size_t bytes) noexcept {
    WeightsUse& self = use(context);
    if (!std::exchange(self.looked_up_, false))  // any of those that were not packed yet
      for (auto& [address, source] : self.sources_)
        if (source.permuted && source.permuted->state == Permuted::State::empty) self.fill(source);
    try {
      Rehearsal* const rehearsal = Rehearsal::current();
      if (std::byte* const nowhere = rehearsal ? rehearsal->weights(bytes) : nullptr)
        self.reserved_ = std::make_shared<Borrowed>(nowhere, bytes);
      else
        self.reserved_ = to_be_filled(bytes);
      return self.reserved_->writable_data();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  static std::size_t look_up_or_insert(void* context, const xnn_weights_cache_look_up_key* key, void*,
                                       std::size_t) noexcept {
    WeightsUse& self = use(context);
    if (!self.reserved_) return look_up(context, key);  // it was found before
    auto packed = std::make_shared<Packed>(Packed{self.constants_of(*key), std::move(self.reserved_)});
    PackedFiles* const files = self.shared_.files();
    if (files && packed->bytes->size() >= files->least())
      if (const auto name = self.file_name(*key)) {
        auto kept = files->find(*name);
        if (!kept) kept = files->insert(*name, {packed->bytes->data(), packed->bytes->size()});
        if (kept) packed->bytes = std::move(kept);
      }
    for (const void* address : {key->kernel, key->bias}) self.let_go(address);
    return self.found(self.shared_.insert(self.shared_key(*key), std::move(packed)));
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

void WeightsUse::begin(const engine::Node& node) {
  PackedFiles* const files = shared_.files();
  if (!files) return;
  Digester digester = files->digester();
  digester.add(node.op->name);
  for (const auto& [name, attribute] : node.attributes.entries()) {
    digester.add(name);
    add(digester, attribute);
  }
  use_ = digester.finish();
}

engine::Tensor WeightsUse::keep(engine::Tensor tensor, engine::Tensor original, std::string variant) {
  const auto* const address = tensor.data();
  return sources_
      .insert_or_assign(address, Source{std::move(tensor), std::move(original), std::move(variant), use_})
      .first->second.tensor;
}

const void* WeightsUse::keep_permuted(const engine::Tensor& original, const Extents& from,
                                      const Extents& permutation, std::string variant) {
  if (original.byte_size() < kLarge)
    return keep(permuted(engine::made(original), from, permutation), original, std::move(variant)).data();
  auto place = std::make_shared<Reserved>(original.byte_size());
  const void* const address = place->data();
  sources_.insert_or_assign(address, Source{.tensor = {},
                                            .original = original,
                                            .variant = std::move(variant),
                                            .use = use_,
                                            .permuted = Permuted{from, permutation, std::move(place)}});
  return address;
}

void WeightsUse::release_sources() {
  sources_.clear();
  scratch_.reset();
}

void WeightsUse::fill(Source& source) {
  if (!source.permuted || source.permuted->state == Permuted::State::there) return;
  if (Rehearsal::current()) return;  // what a rehearsal packs does not matter
  auto& [from, permutation, place, state] = *source.permuted;
  place->take(*scratch_);
  if (keeps_order(from, permutation))
    engine::write_elements(source.original, 0, {place->data(), source.original.byte_size()});
  else
    permute_by_rows(source.original, from, permutation, place->data());
  state = Permuted::State::there;
}

std::size_t WeightsUse::found(std::shared_ptr<const Packed> packed) {
  used_.push_back(std::move(packed));
  return reinterpret_cast<std::size_t>(used_.back()->bytes->data());
}

std::vector<engine::Tensor> WeightsUse::constants_of(const xnn_weights_cache_look_up_key& key) const {
  std::vector<engine::Tensor> constants;
  for (const void* address : {key.kernel, key.bias})
    if (const auto source = sources_.find(address); source != sources_.end())
      constants.push_back(source->second.original);
  return constants;
}

void WeightsUse::let_go(const void* address) {
  Source* const source = source_at(address);
  if (!source) return;
  if (source->permuted && source->permuted->state == Permuted::State::there) {
    source->permuted->place->give_back();
    source->permuted->state = Permuted::State::given_back;
  }
  engine::release_pages(source->original);
}

WeightsUse::Source* WeightsUse::source_at(const void* address) {
  const auto source = sources_.find(address);
  return source == sources_.end() ? nullptr : &source->second;
}

const void* WeightsUse::original_address(const void* address) const {
  const auto source = sources_.find(address);
  return source == sources_.end() ? address : source->second.original.address();
}

PackedWeights::Key WeightsUse::shared_key(const xnn_weights_cache_look_up_key& key) const {
  const auto filter = sources_.find(key.kernel);
  return {key.seed, original_address(key.kernel), original_address(key.bias),
          filter == sources_.end() ? std::string() : filter->second.variant};
}

Digest WeightsUse::digest_of(Source& source) const {
  if (!source.digest) {
    Digester digester = shared_.files()->digester();
    add(digester, engine::made(source.original));
    source.digest = digester.finish();
  }
  return *source.digest;
}

std::optional<Digest> WeightsUse::file_name(const xnn_weights_cache_look_up_key& key) {
  PackedFiles* const files = shared_.files();
  Source* const kernel = source_at(key.kernel);
  Source* const bias = source_at(key.bias);
  const bool known = kernel && (bias || !key.bias);
  if (!files || !known || kernel->original.byte_size() < files->least() / 2) return std::nullopt;
  Digester digester = files->digester();
  digester.add(key.seed);
  digester.add(kernel->variant);
  for (const Digest& part : {kernel->use, digest_of(*kernel), bias ? digest_of(*bias) : Digest()})
    digester.add(std::as_bytes(std::span(part.words)));
  return digester.finish();
}

}  // namespace dormouse::drivers::xnnpack

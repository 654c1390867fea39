#include "memory/options.h"

namespace dormouse::memory {

using config::range;

void bind_options(config::Binder& binder, WorkingOptions& options) {
  binder.optional("items", options.items, range(16, 1'000'000));
  binder.optional("inputs", options.inputs);
}

void bind_options(config::Binder& binder, EpisodicOptions& options) {
  using namespace std::chrono_literals;
  binder.optional("capacity", options.capacity, range(2, 10'000'000));
  binder.optional("disk", options.disk, range(config::Bytes{16 << 20}, config::Bytes{1ull << 40}));
  binder.optional("ram", options.ram, range(config::Bytes{1 << 20}, config::Bytes{1ull << 40}));
  binder.optional("write", options.write, range(config::Bytes{1 << 20}, config::Bytes{1ull << 40}));
  binder.optional("keep_inputs", options.keep_inputs);
  binder.optional(
      "index", options.index,
      config::one_of<IndexKind>(
          {{"auto", IndexKind::automatic}, {"exact", IndexKind::exact}, {"hnsw", IndexKind::hnsw}}));
  binder.optional("latents", options.latents,
                  config::one_of<LatentFormat>({{"int8", LatentFormat::int8}, {"f16", LatentFormat::f16}}));
  binder.optional("commit_rows", options.commit_rows, range(1, 1000));
  binder.optional("commit_interval", options.commit_interval, range(1ms, 1min));
}

void bind_options(config::Binder& binder, SemanticOptions& options) {
  binder.optional("prototypes", options.prototypes, range(1, 64));
  binder.optional("members", options.members, range(1, 1'000'000));
}

void bind_options(config::Binder& binder, Options& options) {
  binder.optional("working", options.working);
  binder.optional("episodic", options.episodic);
  binder.optional("semantic", options.semantic);
}

}  // namespace dormouse::memory

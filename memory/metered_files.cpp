#include "memory/metered_files.h"

#include <sqlite3.h>

#include <cstddef>
#include <new>

#include "config/error.h"

namespace dormouse::memory::sqlite {
namespace {

/// Stands behind the parent's own part of an open file: its methods, with write replaced.
struct Metered {
  sqlite3_io_methods methods;  // first: a file's pMethods points here
  const sqlite3_io_methods* parent;
  std::uint64_t* written;
};

int write(sqlite3_file* file, const void* from, int n, sqlite3_int64 at) {
  const auto* metered = reinterpret_cast<const Metered*>(file->pMethods);
  const int code = metered->parent->xWrite(file, from, n, at);
  if (code == SQLITE_OK) *metered->written += static_cast<std::uint64_t>(n);
  return code;
}

constexpr std::size_t behind(const sqlite3_vfs& parent) {
  constexpr std::size_t unit = alignof(std::max_align_t);
  return (static_cast<std::size_t>(parent.szOsFile) + unit - 1) / unit * unit;
}

}  // namespace

struct MeteredFiles::Layer : sqlite3_vfs {
  sqlite3_vfs* parent = nullptr;
  std::uint64_t written = 0;
  std::string name;

  static sqlite3_vfs* parent_of(sqlite3_vfs* vfs) { return static_cast<Layer*>(vfs)->parent; }

  static int open(sqlite3_vfs* vfs, const char* file_name, sqlite3_file* file, int flags, int* out_flags) {
    auto* layer = static_cast<Layer*>(vfs);
    const int code = layer->parent->xOpen(layer->parent, file_name, file, flags, out_flags);
    if (file->pMethods == nullptr) return code;  // not opened, so never closed
    auto* place = reinterpret_cast<std::byte*>(file) + behind(*layer->parent);
    auto* metered = new (place) Metered{*file->pMethods, file->pMethods, &layer->written};
    metered->methods.xWrite = write;
    file->pMethods = &metered->methods;
    return code;
  }
};

MeteredFiles::MeteredFiles(const std::string& parent) : layer_(std::make_unique<Layer>()) {
  sqlite3_vfs* found = sqlite3_vfs_find(parent.empty() ? nullptr : parent.c_str());
  if (found == nullptr) throw Failure(Errc::internal, "SQLite has no file layer called '" + parent + "'");
  static_cast<sqlite3_vfs&>(*layer_) = *found;
  layer_->parent = found;
  layer_->name = "metered-" + std::to_string(reinterpret_cast<std::uintptr_t>(layer_.get()));
  layer_->zName = layer_->name.c_str();
  layer_->szOsFile = static_cast<int>(behind(*found) + sizeof(Metered));
  layer_->xOpen = Layer::open;
  // The rest belongs to the parent, which must see itself.
  layer_->xDelete = [](sqlite3_vfs* vfs, const char* file, int sync) {
    return Layer::parent_of(vfs)->xDelete(Layer::parent_of(vfs), file, sync);
  };
  layer_->xAccess = [](sqlite3_vfs* vfs, const char* file, int flags, int* out) {
    return Layer::parent_of(vfs)->xAccess(Layer::parent_of(vfs), file, flags, out);
  };
  layer_->xFullPathname = [](sqlite3_vfs* vfs, const char* file, int n, char* out) {
    return Layer::parent_of(vfs)->xFullPathname(Layer::parent_of(vfs), file, n, out);
  };
  layer_->xGetLastError = [](sqlite3_vfs* vfs, int n, char* out) {
    return Layer::parent_of(vfs)->xGetLastError(Layer::parent_of(vfs), n, out);
  };
  sqlite3_vfs_register(layer_.get(), 0);
}

MeteredFiles::~MeteredFiles() { sqlite3_vfs_unregister(layer_.get()); }

const std::string& MeteredFiles::name() const { return layer_->name; }
std::uint64_t MeteredFiles::bytes_written() const { return layer_->written; }

}  // namespace dormouse::memory::sqlite

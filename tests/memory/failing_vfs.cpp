#include "memory/failing_vfs.h"

#include <sqlite3.h>

#include <new>

namespace {

/// One open file: ours in front, the system's right behind it in the same allocation.
struct File {
  sqlite3_file base;
  FailingVfs* owner;
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}
FailingVfs& owner(sqlite3_file* file) { return *reinterpret_cast<File*>(file)->owner; }

int refusal(const FailingVfs& vfs) {
  return vfs.way() == FailingVfs::Way::disk_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int close(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
int read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}
int write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  const bool was_broken = owner(f).broke();
  if (owner(f).permit()) return real(f)->pMethods->xWrite(real(f), from, n, at);
  if (!was_broken && owner(f).way() == FailingVfs::Way::torn)
    real(f)->pMethods->xWrite(real(f), from, n / 2, at);
  return refusal(owner(f));
}
int truncate(sqlite3_file* f, sqlite3_int64 size) {
  return owner(f).permit() ? real(f)->pMethods->xTruncate(real(f), size) : SQLITE_IOERR_TRUNCATE;
}
int sync(sqlite3_file* f, int flags) {
  return owner(f).permit() ? real(f)->pMethods->xSync(real(f), flags) : SQLITE_IOERR_FSYNC;
}
int file_size(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int lock(sqlite3_file* f, int kind) { return real(f)->pMethods->xLock(real(f), kind); }
int unlock(sqlite3_file* f, int kind) { return real(f)->pMethods->xUnlock(real(f), kind); }
int check_lock(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int control(sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
int sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int traits(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

constexpr sqlite3_io_methods kMethods = {
    2,       close,  read,   write,   truncate, sync,        file_size, lock,    unlock, check_lock,
    control, sector, traits, shm_map, shm_lock, shm_barrier, shm_unmap, nullptr, nullptr};

}  // namespace

struct FailingVfs::Layer : sqlite3_vfs {
  sqlite3_vfs* system;
  FailingVfs* owner;

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* layer = static_cast<Layer*>(vfs);
    auto* made = new (file) File{};
    made->owner = layer->owner;
    const int code = layer->system->xOpen(layer->system, name, real(file), flags, out_flags);
    if (code == SQLITE_OK) made->base.pMethods = &kMethods;
    return code;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    auto* layer = static_cast<Layer*>(vfs);
    if (!layer->owner->permit()) return SQLITE_IOERR_DELETE;
    return layer->system->xDelete(layer->system, name, sync_folder);
  }
};

FailingVfs::FailingVfs() : layer_(std::make_unique<Layer>()) {
  name_ = "failing-" + std::to_string(reinterpret_cast<std::uintptr_t>(layer_.get()));
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  static_cast<sqlite3_vfs&>(*layer_) = *system;
  layer_->system = system;
  layer_->owner = this;
  layer_->zName = name_.c_str();
  layer_->szOsFile = static_cast<int>(sizeof(File)) + system->szOsFile;
  layer_->xOpen = Layer::open;
  layer_->xDelete = Layer::remove;
  sqlite3_vfs_register(layer_.get(), 0);
}

FailingVfs::~FailingVfs() { sqlite3_vfs_unregister(layer_.get()); }

void FailingVfs::break_at(std::uint64_t n, Way way) {
  breaks_at_ = operations_ + n;
  way_ = way;
}

void FailingVfs::repair() {
  breaks_at_ = 0;
  broken_ = false;
}

bool FailingVfs::permit() {
  ++operations_;
  if (breaks_at_ != 0 && operations_ >= breaks_at_) broken_ = true;
  return !broken_;
}

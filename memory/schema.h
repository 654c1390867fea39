#pragma once

#include "memory/sqlite.h"

namespace dormouse::memory {

/// Brings an open database to the newest schema, in one transaction. Throws Failure(unsupported) when a newer
/// Dormouse made it, Failure(corrupt) when it is something else's database.
void migrate(const sqlite::Connection& connection, const std::filesystem::path& file);

}  // namespace dormouse::memory

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Numbers in rows: one sample a line, one channel a column.
struct Table {
  std::vector<std::string> columns;  ///< names from the first line; empty when it holds numbers
  Tensor rows;                       ///< f32 [rows, columns]
};

/// Reads numbers separated by tabs, semicolons, commas or spaces, whichever the first line uses first in that
/// order.
///
/// A first line without any number names the columns; blank lines and lines that start with '#' are skipped;
/// there are no quotes. Throws Failure(invalid) "file:line:column: …" for ragged rows and for cells that are
/// empty, not a number, NaN or infinite.
Table read_csv(const std::string& path);
Table parse_csv(std::string_view text, const std::string& name);

/// Text without control characters whose first line with content has numbers or names.
bool is_csv(std::span<const std::byte> bytes);

}  // namespace dormouse::engine

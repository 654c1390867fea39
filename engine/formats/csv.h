#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor.h"

namespace dormouse::engine {

/// Numbers in rows: one sample a line, one channel a column.
struct Table {
  std::vector<std::string> columns;             ///< names from the first line; empty when it holds numbers
  Tensor rows;                                  ///< f32 [rows, columns]
  std::vector<std::vector<std::string>> words;  ///< the cells of each column that was asked for as words
};

/// Reads numbers separated by tabs, semicolons, commas or spaces, whichever the first line uses first in that
/// order.
///
/// A first line without any number names the columns; blank lines and lines that start with '#' are skipped;
/// there are no quotes. Throws Failure(invalid) "file:line:column: …" for ragged rows and for cells that are
/// empty, not a number, NaN or infinite. `words` names columns whose cells are taken as they are and are not
/// among the others; `only` those whose numbers are read, in this order, where it is not empty: nothing is
/// asked of the others' cells. Failure(invalid) says which columns there are where one is missing.
Table read_csv(const std::string& path, std::span<const std::string> words = {},
               std::span<const std::string> only = {});
Table parse_csv(std::string_view text, const std::string& name, std::span<const std::string> words = {},
                std::span<const std::string> only = {});

/// Text without control characters whose first line with content has numbers or names.
bool is_csv(std::span<const std::byte> bytes);

}  // namespace dormouse::engine

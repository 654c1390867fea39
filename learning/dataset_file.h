#pragma once

#include "learning/dataset.h"

namespace dormouse::learning {

/// What read_dataset() does with a file: CSV, npz or IDX, known by its content.
Dataset read_dataset_file(const std::filesystem::path& path, std::vector<std::string> labels,
                          const DatasetColumns& columns);

}  // namespace dormouse::learning

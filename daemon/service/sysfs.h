#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// What the kernel says in files of sysfs and procfs.
namespace dormouse::daemon {

/// The first line of a file, without the NULs of device trees; empty where it cannot be read.
std::string line_of(const std::filesystem::path& file);
/// All of it.
std::string text_of(const std::filesystem::path& file);
/// The entries of a folder whose names begin with `prefix`, in order; none where there is no such folder.
std::vector<std::filesystem::path> entries(const std::filesystem::path& folder, std::string_view prefix);

}  // namespace dormouse::daemon

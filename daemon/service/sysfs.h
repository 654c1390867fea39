#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What the kernel says in files of sysfs and procfs.
namespace dormouse::daemon {

/// The first line of FOLDER/FILE, without the NULs of device trees; empty where it cannot be read.
std::string line_of(const std::string& folder, const char* file);
/// All of it.
std::string text_of(const std::string& folder, const char* file);
/// The paths of entries of FOLDER/INNER whose names begin with `prefix`, in order; none where there is no
/// such folder.
std::vector<std::string> entries(const std::string& folder, const char* inner, std::string_view prefix);

}  // namespace dormouse::daemon

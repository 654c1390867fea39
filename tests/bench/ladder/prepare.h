#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "tests/bench/ladder/examples.h"

namespace dormouse::bench {

/// Makes a data set of the files that tests/bench/ladder/unpack left in a folder. All throw Failure naming
/// the file.
///
/// Images in MNIST's IDX format, as bytes [N, rows · columns].
DataSet prepare_images(const std::filesystem::path& folder);
/// HAPT's raw recordings cut as UCI-HAR's: 7415 training and 2996 test windows of 128 samples at 50 Hz, half
/// overlapping, people split as UCI-HAR does, six activities; as the 154 features of har_features.h. Groups
/// are people.
DataSet prepare_activities(const std::filesystem::path& folder);
/// WISDM v1.1's own 43 features, missing ones as the training mean; every fourth of the 36 people is test.
/// Groups are people.
DataSet prepare_phones(const std::filesystem::path& folder);
/// FSDD as 20 log-mel bands at 20 moments spread evenly over the recording; recordings 0 to 4 are test.
/// Groups are speakers.
DataSet prepare_digits(const std::filesystem::path& folder);

struct Preparation {
  std::string_view name;  ///< of the folder, raw and prepared
  DataSet (*prepare)(const std::filesystem::path& raw);
};
std::span<const Preparation> preparations();

}  // namespace dormouse::bench

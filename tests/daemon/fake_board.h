#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "daemon/service/board.h"
#include "tests/temporary_folder.h"

namespace dormouse::daemon {

/// A sysfs of its own, under `folder`/sys.
class FakeBoard {
 public:
  explicit FakeBoard(const TemporaryFolder& folder) : sys_(folder.file("sys")) {}

  void set(const std::string& attribute, const std::string& value) const {
    const std::filesystem::path file = sys_ / attribute;
    std::filesystem::create_directories(file.parent_path());
    // Renamed into place: a night that reads meanwhile sees the old value or the new one.
    std::ofstream(file.string() + ".new") << value << "\n";
    std::filesystem::rename(file.string() + ".new", file);
  }
  void supply(const std::string& name, const std::string& type, const std::string& attribute,
              const std::string& value) const {
    set("class/power_supply/" + name + "/type", type);
    set("class/power_supply/" + name + "/" + attribute, value);
  }
  void temperature(double degrees, int zone = 0) const {
    set("class/thermal/thermal_zone" + std::to_string(zone) + "/temp",
        std::to_string(static_cast<int>(degrees * 1000)));
  }
  Board board() const { return Board(sys_); }

 private:
  std::filesystem::path sys_;
};

}  // namespace dormouse::daemon

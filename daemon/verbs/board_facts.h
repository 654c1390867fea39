#pragma once

#include <boost/json/object.hpp>
#include <string>

/// What a report says of the board it was made on. Read from sysfs and procfs under `root` (a test makes its
/// own); nothing in it names the machine or its owner: no host name, no address, no serial number.
namespace dormouse::daemon {

/// Model, system, kernel, processor and memory; what the board does not tell is missing.
boost::json::object board_facts(const std::string& root = "/");

/// What changes under load: temperatures of the zones, clocks of the cores, and whether it throttles: what
/// cooling devices do, how often cores were slowed down (x86), a Raspberry Pi's own flags.
boost::json::object board_state(const std::string& root = "/");

}  // namespace dormouse::daemon

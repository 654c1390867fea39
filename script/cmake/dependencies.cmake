# Third-party libraries, each as one imported target that is linked statically. script/bootstrap installs them.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)  # headers only: Asio, Beast, JSON, system

function(static_library target archive header)
  find_library(${target}_ARCHIVE ${archive} REQUIRED)
  find_path(${target}_INCLUDE ${header} REQUIRED)
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${target}_ARCHIVE}
    INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()

static_library(yaml-cpp libyaml-cpp.a yaml-cpp/yaml.h)
static_library(sqlite3 libsqlite3.a sqlite3.h)
static_library(sodium libsodium.a sodium.h)
find_path(PROTOZERO_INCLUDE protozero/pbf_reader.hpp REQUIRED)
add_library(protozero INTERFACE)
target_include_directories(protozero SYSTEM INTERFACE ${PROTOZERO_INCLUDE})

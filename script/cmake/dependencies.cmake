# Third-party libraries, each as one imported target that is linked statically. script/bootstrap installs them.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)  # headers only: Asio, Beast, JSON, system

function(static_library target archive header)
  find_library(${target}_ARCHIVE ${archive})
  find_path(${target}_INCLUDE ${header})
  if(NOT ${target}_ARCHIVE OR NOT ${target}_INCLUDE)
    message(FATAL_ERROR "${archive} or ${header} is missing: run script/bootstrap")
  endif()
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${target}_ARCHIVE}
    INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()

static_library(yaml-cpp libyaml-cpp.a yaml-cpp/yaml.h)
static_library(sqlite3 libsqlite3.a sqlite3.h)
static_library(sodium libsodium.a sodium.h)
static_library(zlib libz.a zlib.h)
find_path(PROTOZERO_INCLUDE protozero/pbf_reader.hpp REQUIRED)
add_library(protozero INTERFACE)
target_include_directories(protozero SYSTEM INTERFACE ${PROTOZERO_INCLUDE})

# XNNPACK and what it stands on lie in a cache outside the checkout, a folder for each processor.
set(DORMOUSE_XNNPACK "" CACHE PATH "folder with XNNPACK's include/ and lib/; default: where script/bootstrap built it")
set(xnnpack ${DORMOUSE_XNNPACK})
if(NOT xnnpack)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/script/lib/xnnpack --where ${CMAKE_SYSTEM_PROCESSOR} OUTPUT_VARIABLE xnnpack
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
if(NOT EXISTS ${xnnpack}/include/xnnpack.h)
  message(FATAL_ERROR "XNNPACK is not in ${xnnpack}: run script/bootstrap")
endif()
foreach(archive XNNPACK microkernels-prod pthreadpool cpuinfo)
  add_library(XNNPACK::${archive} STATIC IMPORTED GLOBAL)
  set_target_properties(XNNPACK::${archive} PROPERTIES IMPORTED_LOCATION ${xnnpack}/lib/lib${archive}.a
    INTERFACE_INCLUDE_DIRECTORIES ${xnnpack}/include)
endforeach()
target_link_libraries(XNNPACK::XNNPACK INTERFACE XNNPACK::microkernels-prod XNNPACK::pthreadpool XNNPACK::cpuinfo
  Threads::Threads m)
target_link_libraries(XNNPACK::microkernels-prod INTERFACE XNNPACK::XNNPACK)  # they name each other

# hnswlib is headers only, in the same cache.
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/script/lib/hnswlib --where OUTPUT_VARIABLE hnswlib
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT EXISTS ${hnswlib}/include/hnswlib/hnswlib.h)
  message(FATAL_ERROR "hnswlib is not in ${hnswlib}: run script/bootstrap")
endif()
add_library(hnswlib INTERFACE)
target_include_directories(hnswlib SYSTEM INTERFACE ${hnswlib}/include)
# Its SIMD distances are not ours; its prefetches read one link past the end of a full list.
target_compile_definitions(hnswlib INTERFACE NO_MANUAL_VECTORIZATION)

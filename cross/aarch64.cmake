# 64-bit Arm boards with Debian's cross compiler: Raspberry Pi 3 to 5 and Zero 2, Jetson. What newer cores can (dot products,
# fp16, i8mm) is asked for at run time.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# The cores of a Pi 3 and a Zero 2 have both errata of the A53; Debian's compiler avoids the other one by itself.
set(CMAKE_C_FLAGS_INIT "-march=armv8-a -mfix-cortex-a53-835769")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")

# Libraries lie in the sysroot, glibc beside the compiler; nothing of this machine's own fits.
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/sysroot --where aarch64 OUTPUT_VARIABLE sysroot
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT EXISTS ${sysroot})
  message(FATAL_ERROR "${sysroot} is missing: run script/cross aarch64")
endif()
set(CMAKE_SYSROOT ${sysroot})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Test programs run under emulation.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L /usr/aarch64-linux-gnu)

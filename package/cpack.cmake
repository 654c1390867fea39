# Packs the folder that script/package has filled: cpack -G DEB --config package/cpack.cmake, with ROOT, VERSION, ARCHITECTURE,
# DEPENDS, MAINTAINER and OUT in the environment.
set(CPACK_PACKAGE_NAME dormouse)
set(CPACK_PACKAGE_VENDOR dormouse)
set(CPACK_PACKAGE_VERSION $ENV{VERSION})
set(CPACK_PACKAGE_DIRECTORY $ENV{OUT})
set(CPACK_PACKAGE_FILE_NAME dormouse_$ENV{VERSION}_$ENV{ARCHITECTURE})
set(CPACK_INSTALLED_DIRECTORIES "$ENV{ROOT};/")
set(CPACK_PACKAGING_INSTALL_PREFIX /)
set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_PACKAGE_NAME dormouse)
set(CPACK_DEBIAN_FILE_NAME ${CPACK_PACKAGE_FILE_NAME}.deb)
set(CPACK_DEBIAN_PACKAGE_VERSION $ENV{VERSION})
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE $ENV{ARCHITECTURE})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER $ENV{MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DEPENDS $ENV{DEPENDS})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(deb ${CMAKE_CURRENT_LIST_DIR}/deb)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/prerm ${deb}/postrm ${deb}/conffiles)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runs models on edge boards, remembers and learns")
set(CPACK_PACKAGE_DESCRIPTION "Dormouse runs ONNX models on a board, remembers what it saw, and learns
from it in its sleep without forgetting. What it is taught acts on the next
answer; at night it replays what it knew together with what is new, and
refuses a night that would make it worse.

One daemon behind two local sockets, one YAML file, no cloud, no Python. The
package contains a small example model of spoken digits.")

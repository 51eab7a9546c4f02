# A build that runs on a machine without our packages: what Debian has as an archive is linked in, the rest (HDF5 and
# what that needs) is looked for in lib/ beside the program's folder. tools/portable gathers it.
option(RADIXBENCH_PORTABLE "Programs that can be carried to another machine" OFF)
if(NOT RADIXBENCH_PORTABLE)
  return()
endif()

set(ZLIB_USE_STATIC_LIBS TRUE)
# An RPATH and no RUNPATH: it counts for the libraries of the carried libraries too.
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib")
add_link_options(-Wl,--disable-new-dtags -Wl,--as-needed)
add_compile_definitions(FMT_HEADER_ONLY=1)  # Debian has no archive of it

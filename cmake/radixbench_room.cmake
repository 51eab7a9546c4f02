# Flags every target of this project compiles with; linked privately, never exported.
add_library(radixbench_flags INTERFACE)
target_compile_options(radixbench_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  -Wnon-virtual-dtor -Woverloaded-virtual $<$<BOOL:${RADIXBENCH_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # GCC 12 at -O3 finds one in "text" + std::string (its bug 105651)
if(RADIXBENCH_SANITIZE)
  # GCC 12 finds maybe-uninitialized in its own <regex> once a sanitizer is on.
  target_compile_options(radixbench_flags INTERFACE -fsanitize=${RADIXBENCH_SANITIZE} -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<CXX_COMPILER_ID:GNU>:-fno-sanitize-recover=undefined>)
  target_link_options(radixbench_flags INTERFACE -fsanitize=${RADIXBENCH_SANITIZE})
endif()
if(RADIXBENCH_BUILD_FUZZ)
  # The rooms too, or the fuzzer would be blind to what it fuzzes.
  target_compile_options(radixbench_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
  target_link_options(radixbench_flags INTERFACE -fsanitize=address,undefined)
endif()

find_program(RADIXBENCH_CCACHE ccache)
if(RADIXBENCH_CCACHE AND NOT CMAKE_CXX_CLANG_TIDY)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${RADIXBENCH_CCACHE})
endif()

# radixbench_room(NAME DEPENDS other_rooms... EXTERNAL third_party... HEADERS ... SOURCES ...)
# A room with headers only becomes an interface library, so that it can be declared before its code exists.
function(radixbench_room name)
  cmake_parse_arguments(R "" "" "DEPENDS;EXTERNAL;HEADERS;SOURCES" ${ARGN})
  list(TRANSFORM R_DEPENDS PREPEND radixbench::)
  if(R_SOURCES)
    add_library(radixbench_${name} STATIC)
    target_sources(radixbench_${name} PRIVATE ${R_SOURCES}
      PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/lib FILES ${R_HEADERS})
    target_link_libraries(radixbench_${name} PUBLIC ${R_DEPENDS} PRIVATE radixbench_flags ${R_EXTERNAL})
  else()
    add_library(radixbench_${name} INTERFACE)
    target_sources(radixbench_${name} INTERFACE FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/lib FILES ${R_HEADERS})
    target_link_libraries(radixbench_${name} INTERFACE ${R_DEPENDS})
  endif()
  add_library(radixbench::${name} ALIAS radixbench_${name})
endfunction()

# radixbench_test(ROOM sources...): one executable a room, its name the ctest label. Call it from tests/<room>/.
function(radixbench_test room)
  add_executable(${room}_test ${ARGN})
  target_include_directories(${room}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${room}_test PRIVATE RADIXBENCH_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${room}_test PRIVATE radixbench::${room} radixbench_flags GTest::gmock_main)
  gtest_discover_tests(${room}_test PROPERTIES LABELS ${room} TIMEOUT 120 DISCOVERY_TIMEOUT 60)
endfunction()

# radixbench_bench(SUBJECT LINKS rooms... SOURCES ...): an executable, and one quick run under ctest so it can't rot.
function(radixbench_bench subject)
  cmake_parse_arguments(R "" "" "LINKS;SOURCES" ${ARGN})
  add_executable(${subject}_bench ${R_SOURCES})
  target_link_libraries(${subject}_bench PRIVATE ${R_LINKS} radixbench_flags benchmark::benchmark_main)
  if(RADIXBENCH_BUILD_TESTS)
    add_test(NAME bench.${subject} COMMAND ${subject}_bench --benchmark_min_time=0.01)
    set_tests_properties(bench.${subject} PROPERTIES LABELS bench_smoke TIMEOUT 300)
  endif()
endfunction()

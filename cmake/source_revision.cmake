# Run at every build (cmake -P): writes OUTPUT, a header that says of which commit SOURCE is, and touches it
# only when that has changed. Sources that came without git say nothing.
function(ask result)
  execute_process(COMMAND git -C "${SOURCE}" ${ARGN} OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE code
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(code)
    set(text "")
  endif()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

ask(sha rev-parse HEAD)
ask(describe describe --tags --always)
ask(changes status --porcelain --untracked-files=no)
if(sha STREQUAL "")
  set(dirty "")
elseif(changes STREQUAL "")
  set(dirty "no")
else()
  set(dirty "yes")
endif()
set(text "#pragma once
#define RADIXBENCH_GIT_SHA \"${sha}\"
#define RADIXBENCH_GIT_DESCRIBE \"${describe}\"
#define RADIXBENCH_GIT_DIRTY \"${dirty}\"
")
set(before "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" before)
endif()
if(NOT before STREQUAL text)
  file(WRITE "${OUTPUT}" "${text}")
endif()

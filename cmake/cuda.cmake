# What a CUDA toolkit is good for here, where there is one. The tool needs none: it declares what it
# uses of driver and NCCL itself and looks for them when it runs.
set(RADIXBENCH_CUDA_ROOT /usr/local/cuda CACHE PATH "The CUDA toolkit")
if(RADIXBENCH_CUDA)
  find_path(CUDA_INCLUDE_DIR cuda.h HINTS ${RADIXBENCH_CUDA_ROOT}/include)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${RADIXBENCH_CUDA_ROOT}/include)
endif()
foreach(found CUDA_INCLUDE_DIR NCCL_INCLUDE_DIR)
  if(NOT ${found})
    message(STATUS "${found} not found: our declarations of it are not held against the real ones")
  endif()
endforeach()

# radixbench_check_abi(ROOM INCLUDE_DIR_VARIABLE source): compiles the source into the room where the header was found.
function(radixbench_check_abi room variable source)
  if(NOT RADIXBENCH_CUDA OR NOT ${variable})
    return()
  endif()
  target_sources(radixbench_${room} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-isystem;${${variable}}")
endfunction()

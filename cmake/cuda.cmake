# What a CUDA toolkit is good for here, where there is one. The tool needs none: it declares what it
# uses of driver and NCCL itself and looks for them when it runs.
set(RADIXBENCH_CUDA_ROOT /usr/local/cuda CACHE PATH "The CUDA toolkit")
if(RADIXBENCH_CUDA)
  find_path(CUDA_INCLUDE_DIR cuda.h HINTS ${RADIXBENCH_CUDA_ROOT}/include)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${RADIXBENCH_CUDA_ROOT}/include)
  find_path(NVTX_INCLUDE_DIR nvtx3/nvToolsExt.h HINTS ${RADIXBENCH_CUDA_ROOT}/include)
  find_program(RADIXBENCH_NVCC nvcc HINTS ${RADIXBENCH_CUDA_ROOT}/bin)
endif()
if(NOT RADIXBENCH_NVCC)
  message(STATUS "nvcc not found: copies to and from a GPU will have no kernel of ours")
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

# radixbench_kernel(ROOM source NAME): <source>.h in the build, with the source as PTX in a constant; empty without nvcc.
# PTX for the oldest processors that the toolkit knows: the driver makes it the GPU's own when it is loaded.
function(radixbench_kernel room source name)
  get_filename_component(stem ${source} NAME_WE)
  set(header ${CMAKE_CURRENT_BINARY_DIR}/generated/${room}/${stem}.h)
  set(embed ${CMAKE_COMMAND} -DOUTPUT=${header} -DNAME=${name} -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake)
  if(RADIXBENCH_CUDA AND RADIXBENCH_NVCC)
    set(ptx ${CMAKE_CURRENT_BINARY_DIR}/${stem}.ptx)
    list(INSERT embed 1 -DINPUT=${ptx})
    add_custom_command(OUTPUT ${header}
      COMMAND ${RADIXBENCH_NVCC} -ptx -arch=compute_75 -o ${ptx} ${CMAKE_CURRENT_SOURCE_DIR}/${source}
      COMMAND ${embed}
      DEPENDS ${source} ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
  else()
    add_custom_command(OUTPUT ${header} COMMAND ${embed}
      DEPENDS ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake VERBATIM)
  endif()
  target_sources(radixbench_${room} PRIVATE ${header})
  target_include_directories(radixbench_${room} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/generated)
endfunction()

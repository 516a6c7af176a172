# add_cuda_kernels(<folder> <source>...): compiles every .cu to <folder>/<name>.fatbin and writes
# <folder>/cuda-report.txt: registers, spills and shared memory of each kernel on each architecture. Without nvcc
# nothing is compiled, and the report says so.
option(PALIMPSEST_CUDA "Compile the CUDA kernels where nvcc is found" ON)

function(add_cuda_kernels folder)
  set(report ${folder}/cuda-report.txt)
  find_program(PALIMPSEST_NVCC nvcc PATHS /usr/local/cuda/bin)
  if(NOT PALIMPSEST_CUDA OR NOT PALIMPSEST_NVCC)
    if(PALIMPSEST_CUDA)
      set(why "nvcc was not found (package cuda-nvcc or nvidia-cuda-toolkit)")
    else()
      set(why "PALIMPSEST_CUDA is off")
    endif()
    message(STATUS "CUDA kernels were not compiled: ${why}. Their host build is tested all the same.")
    file(GLOB stale ${folder}/*.fatbin)
    if(stale)
      file(REMOVE ${stale})
    endif()
    file(WRITE ${report} "CUDA kernels were not compiled: ${why}\n")
    return()
  endif()

  file(GLOB headers ${CMAKE_CURRENT_SOURCE_DIR}/kernels/cuda/*.cuh ${CMAKE_CURRENT_SOURCE_DIR}/kernels/cuda/*.h
    ${CMAKE_CURRENT_SOURCE_DIR}/kernels/kernels.def)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/cuda-compile.cmake)
  set(parts)
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME_WE)
    set(part ${CMAKE_BINARY_DIR}/${name}.cuda-report)
    add_custom_command(OUTPUT ${folder}/${name}.fatbin ${part}
      COMMAND ${CMAKE_COMMAND} -DNVCC=${PALIMPSEST_NVCC} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/${source}
        -DINCLUDE=${CMAKE_CURRENT_SOURCE_DIR}/include -DFATBIN=${folder}/${name}.fatbin -DREPORT=${part} -P ${script}
      DEPENDS ${source} ${headers} ${CMAKE_CURRENT_SOURCE_DIR}/include/palimpsest.h ${script}
      COMMENT "Compiling CUDA kernels of ${name}" VERBATIM)
    list(APPEND parts ${part})
  endforeach()
  add_custom_command(OUTPUT ${report} COMMAND ${CMAKE_COMMAND} -E cat ${parts} > ${report} DEPENDS ${parts} VERBATIM)
  add_custom_target(cuda_kernels ALL DEPENDS ${report})
endfunction()

# add_warnings(<target>): the warnings every native file is kept free of.
function(add_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wcast-align -Wnon-virtual-dtor
    -Wno-maybe-uninitialized)  # GCC 12 reports its own AVX-512 header
endfunction()

# add_sanitizers(<target>): with -DPALIMPSEST_SANITIZE=address,undefined the target is built and linked with those
# sanitizers.
set(PALIMPSEST_SANITIZE "" CACHE STRING "Comma-separated sanitizers, for example address,undefined; empty for none")

function(add_sanitizers target)
  if(PALIMPSEST_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${PALIMPSEST_SANITIZE} -fno-omit-frame-pointer -g)
    target_link_options(${target} PRIVATE -fsanitize=${PALIMPSEST_SANITIZE})
  endif()
endfunction()

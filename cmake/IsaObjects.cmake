# add_isa_objects(<target> <source>...): compiles every source once per instruction set and links all of them into
# <target>. The sources name their functions by the instruction set they see, so the objects do not clash.
function(add_isa_objects target)
  set(baseline_flags -march=x86-64 -mtune=generic)
  set(avx2_flags -march=x86-64-v3)
  set(avx512_flags -march=x86-64-v4)
  foreach(isa baseline avx2 avx512)
    add_library(${target}_${isa} OBJECT ${ARGN})
    # Contraction is off: a multiplication and an addition that are not written as fma must round twice in every
    # variant.
    target_compile_options(${target}_${isa} PRIVATE
      ${${isa}_flags} -ffp-contract=off -fno-math-errno -fno-exceptions -fno-rtti)
    target_include_directories(${target}_${isa} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/include)
    add_warnings(${target}_${isa})
    add_sanitizers(${target}_${isa})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${isa}>)
  endforeach()
endfunction()

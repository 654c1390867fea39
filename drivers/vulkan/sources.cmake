# What the driver of Vulkan adds to the module; read by its CMakeLists.txt.
# Shaders become lists of numbers that shaders.cpp includes.
find_program(GLSLC glslc REQUIRED)
set(shader_folder ${CMAKE_CURRENT_BINARY_DIR}/shaders)
file(MAKE_DIRECTORY ${shader_folder})
# Not optimised: inlining before constants are known makes the large ones ten times as large.
function(vulkan_shader name source)
  set(from ${CMAKE_CURRENT_SOURCE_DIR}/vulkan/shaders/${source}.comp)
  add_custom_command(OUTPUT ${shader_folder}/${name}.inc DEPENDS ${from} ${CMAKE_CURRENT_SOURCE_DIR}/vulkan/shaders/finish.glsl
    COMMAND ${GLSLC} --target-env=vulkan1.1 -Werror ${ARGN} -mfmt=num -o ${shader_folder}/${name}.inc ${from})
  target_sources(dormouse_drivers PRIVATE ${shader_folder}/${name}.inc)
endfunction()
foreach(shader copy gather moments product recurrent reduce rows scan window)
  vulkan_shader(${shader} ${shader})
endforeach()
foreach(shader reduce rows)
  vulkan_shader(${shader}_subgroups ${shader} -DSUBGROUPS)
endforeach()
vulkan_shader(product_halves product -DHALVES)
vulkan_shader(product_matrices product -DHALVES -DMATRICES)
foreach(steps 1 4 24)
  vulkan_shader(elementwise${steps} elementwise -DSTEPS=${steps})
endforeach()

find_path(VULKAN_INCLUDE vulkan/vulkan.h REQUIRED)
target_sources(dormouse_drivers PRIVATE vulkan/api.cpp vulkan/commands.cpp vulkan/constants.cpp
  vulkan/descriptors.cpp vulkan/device.cpp vulkan/driver.cpp vulkan/elementwise.cpp vulkan/emitting.cpp vulkan/expression.cpp vulkan/finish.cpp
  vulkan/foreseen.cpp vulkan/kernels.cpp vulkan/memory.cpp vulkan/moving.cpp
  vulkan/open.cpp vulkan/product.cpp vulkan/products.cpp vulkan/program.cpp vulkan/queue.cpp vulkan/recorder.cpp vulkan/recurrent.cpp
  vulkan/reduction.cpp vulkan/residents.cpp vulkan/resizing.cpp vulkan/rows.cpp vulkan/sequences.cpp vulkan/shaders.cpp vulkan/stopwatch.cpp vulkan/ternary.cpp
  vulkan/tile.cpp vulkan/trial.cpp vulkan/tuner.cpp vulkan/updates.cpp vulkan/windows.cpp)
target_include_directories(dormouse_drivers PRIVATE ${shader_folder})
target_include_directories(dormouse_drivers SYSTEM PRIVATE ${VULKAN_INCLUDE})
target_link_libraries(dormouse_drivers PRIVATE ${CMAKE_DL_LIBS})

# Included into llama.cpp's own project: it has no switch for single tools, so once all of its targets are known, every
# tool but the two we use leaves the default build. What those two link against is still built, as their dependency.
function(leave_out_other_tools)
  set(wanted llama-server llama-fit-params)
  get_property(folders DIRECTORY "${CMAKE_SOURCE_DIR}/tools" PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
      if(NOT target IN_LIST wanted)
        set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
      endif()
    endforeach()
  endforeach()
endfunction()

cmake_language(DEFER CALL leave_out_other_tools)

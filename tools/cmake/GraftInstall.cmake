# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# `cmake --install build --prefix P`: programs in P/bin, the compiler as a
# library in P/lib, and what a plug-in is built against: headers and .td files
# in P/include, a CMake package in P/lib/cmake/Graft. The prefix may be moved.

include(CMakePackageConfigHelpers)

# Called after every target is declared.
function(graft_install)
  get_property(tools GLOBAL PROPERTY GRAFT_TOOLS)
  install(TARGETS ${tools} RUNTIME DESTINATION bin)
  if(NOT GRAFT_BUILD_COMPILER)
    return()
  endif()
  install(TARGETS GraftCompiler EXPORT GraftTargets LIBRARY DESTINATION lib)
  install(EXPORT GraftTargets NAMESPACE Graft:: DESTINATION lib/cmake/Graft)

  # Headers that include nothing but MLIR and each other. passes/export and
  # passes/interpret share headers with the runtime, which is not a library for
  # others.
  install(DIRECTORY dialects passes DESTINATION include/graft
    FILES_MATCHING PATTERN "*.h" PATTERN "*.td"
    PATTERN export EXCLUDE PATTERN interpret EXCLUDE)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/dialects"
    "${PROJECT_BINARY_DIR}/passes" DESTINATION include/graft
    FILES_MATCHING PATTERN "*.h.inc"
    PATTERN CMakeFiles EXCLUDE PATTERN interpret EXCLUDE)

  # What a family of models is written with, and the formats that it reads;
  # these include Abseil.
  install(FILES frontend/graph_builder.h frontend/model_family.h
    DESTINATION include/graft/frontend)
  install(FILES runtime/formats/config.h DESTINATION
    include/graft/runtime/formats)
  install(FILES runtime/base/file.h runtime/base/status_macros.h
    DESTINATION include/graft/runtime/base)

  set(config "${PROJECT_BINARY_DIR}/tools/cmake/GraftConfig.cmake")
  configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/tools/cmake/GraftConfig.cmake.in" "${config}"
    INSTALL_DESTINATION lib/cmake/Graft)
  write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/tools/cmake/GraftConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
  install(FILES "${config}"
    "${PROJECT_BINARY_DIR}/tools/cmake/GraftConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/tools/cmake/GraftPlugin.cmake"
    DESTINATION lib/cmake/Graft)
endfunction()

# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# What the CMakeLists.txt of a plug-in calls.

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# graft_plugin_tablegen(NAME FILE.td OUTPUT "-gen-x [options]"...)
#
# Runs mlir-tblgen on FILE.td once per pair, with the .td files of Graft and
# MLIR at hand; NAME is the target that graft_plugin waits for.
function(graft_plugin_tablegen name td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(pairs ${ARGN})
  while(pairs)
    list(POP_FRONT pairs output options)
    separate_arguments(options NATIVE_COMMAND "${options}")
    mlir_tablegen(${output} ${options} EXTRA_INCLUDES
      "${CMAKE_CURRENT_SOURCE_DIR}" "${GRAFT_INCLUDE_DIR}" ${MLIR_INCLUDE_DIRS})
  endwhile()
  add_public_tablegen_target(${name})
endfunction()

# graft_plugin(NAME SRCS a.cc... [TABLEGEN targets...])
#
# NAME.so, which `--plugin=` loads. Links the same MLIR and LLVM that Graft
# links, as shared libraries: a second copy would have types of its own.
function(graft_plugin name)
  cmake_parse_arguments(ARG "" "" "SRCS;TABLEGEN" ${ARGN})
  add_library(${name} MODULE ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so")
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_include_directories(${name} PRIVATE
    "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE Graft::GraftCompiler)
  target_link_options(${name} PRIVATE -Wl,-z,defs)
  if(ARG_TABLEGEN)
    add_dependencies(${name} ${ARG_TABLEGEN})
  endif()
endfunction()

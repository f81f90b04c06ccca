# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# The functions that folders use to declare what they build. Target names
# repeat the path: passes/fuse -> graft_passes_fuse.

# Adds to the target NAME the include roots of the repository: sources and
# generated files are both included by their path from the root.
function(_graft_include_roots name)
  target_include_directories(${name} PUBLIC
    "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
endfunction()

# Include paths and definitions of MLIR and LLVM, as system headers.
function(_graft_use_mlir name scope)
  target_include_directories(${name} SYSTEM ${scope}
    ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  separate_arguments(definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
  target_compile_options(${name} ${scope} ${definitions})
endfunction()

# Adds to the target graft-docs the reference page of what `generator`, an
# option like -gen-op-decls, declares of FILE.td: build/docs/FOLDER/FILE.KIND.md.
function(_graft_tablegen_doc td generator)
  set(-gen-op-decls op -gen-op-doc)
  set(-gen-typedef-decls types -gen-typedef-doc)
  set(-gen-attrdef-decls attributes -gen-attrdef-doc)
  set(-gen-enum-decls enums -gen-enum-doc)
  set(-gen-op-interface-decls interfaces -gen-op-interface-docs)
  set(-gen-pass-decls passes -gen-pass-doc)
  if(NOT DEFINED "${generator}")
    return()
  endif()
  list(GET "${generator}" 0 kind)
  list(GET "${generator}" 1 doc_generator)
  file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
  get_filename_component(stem ${td} NAME_WE)
  set(page "${PROJECT_BINARY_DIR}/docs/${folder}/${stem}.${kind}.md")
  get_filename_component(page_folder "${page}" DIRECTORY)
  file(MAKE_DIRECTORY "${page_folder}")
  list(TRANSFORM MLIR_INCLUDE_DIRS PREPEND -I OUTPUT_VARIABLE includes)
  # The dialect's own options of the generator (-dialect=...) apply here too.
  add_custom_command(OUTPUT "${page}"
    COMMAND "${MLIR_TABLEGEN_EXE}" ${doc_generator} ${ARGN}
      "-I${PROJECT_SOURCE_DIR}" ${includes} -d "${page}.d" -o "${page}"
      "${CMAKE_CURRENT_SOURCE_DIR}/${td}"
    DEPENDS ${td} DEPFILE "${page}.d" VERBATIM)
  # A rule is visible to targets of its own folder only.
  string(REPLACE "/" "_" target "graft_docs_${folder}_${stem}_${kind}")
  add_custom_target(${target} DEPENDS "${page}")
  set_property(GLOBAL APPEND PROPERTY GRAFT_DOC_TARGETS ${target})
endfunction()

# graft_tablegen(NAME FILE.td OUTPUT "-gen-x [options]" [OUTPUT "-gen-y"]...)
#
# Runs mlir-tblgen on FILE.td once per pair; outputs lie in the build tree at
# the path of the folder. Every compiler library waits for all of them. What
# is declared is documented too: `ninja graft-docs`.
function(graft_tablegen name td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(pairs ${ARGN})
  while(pairs)
    list(POP_FRONT pairs output options)
    separate_arguments(options NATIVE_COMMAND "${options}")
    mlir_tablegen(${output} ${options} EXTRA_INCLUDES
      "${PROJECT_SOURCE_DIR}" ${MLIR_INCLUDE_DIRS})
    _graft_tablegen_doc(${td} ${options})
  endwhile()
  add_public_tablegen_target(${name})
  set_property(GLOBAL APPEND PROPERTY GRAFT_TABLEGEN_TARGETS ${name})
endfunction()

# graft_compiler_library(NAME SRCS a.cc... [TABLEGEN targets...] [DEPS ...])
#
# Objects of libGraftCompiler.so. DEPS names other compiler libraries (for
# their include order only) and runtime libraries the compiler shares.
function(graft_compiler_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;TABLEGEN;DEPS" ${ARGN})
  add_library(${name} OBJECT ${ARG_SRCS})
  _graft_include_roots(${name})
  _graft_use_mlir(${name} PUBLIC)
  if(name IN_LIST graft_graph_header_libraries)
    target_precompile_headers(${name} REUSE_FROM graft_mlir_pch)
  else()
    target_precompile_headers(${name} REUSE_FROM graft_graph_pch)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  if(ARG_TABLEGEN)
    add_dependencies(${name} ${ARG_TABLEGEN})
  endif()
  set_property(GLOBAL APPEND PROPERTY GRAFT_COMPILER_LIBRARIES ${name})
endfunction()

# graft_runtime_library(NAME SRCS a.cc... [DEPS ...])
#
# A static library of the runtime, which never links LLVM, MLIR or the
# compiler; their headers are not on its include path either.
function(graft_runtime_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  foreach(dep IN LISTS ARG_DEPS)
    if(dep MATCHES "^(MLIR|LLVM|Graft|lld|graft_(compiler|dialects|passes|frontend|models))")
      message(FATAL_ERROR "${name}: runtime/ must not depend on ${dep}")
    endif()
  endforeach()
  add_library(${name} STATIC ${ARG_SRCS})
  _graft_include_roots(${name})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  _graft_reuse_runtime_pch(${name})
endfunction()

# graft_flatbuffer(NAME FILE.fbs): generates FILE_generated.h beside it in the
# build tree; NAME is an interface library that runtime libraries depend on.
function(graft_flatbuffer name schema)
  get_filename_component(stem ${schema} NAME_WE)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${stem}_generated.h")
  add_custom_command(OUTPUT ${output}
    COMMAND "${GRAFT_FLATC}" --cpp --cpp-std c++17 --scoped-enums
      -o "${CMAKE_CURRENT_BINARY_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/${schema}"
    DEPENDS ${schema} VERBATIM)
  add_custom_target(${name}_generate DEPENDS ${output})
  add_library(${name} INTERFACE)
  target_include_directories(${name} INTERFACE
    "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}")
  target_include_directories(${name} SYSTEM INTERFACE
    "${GRAFT_FLATBUFFERS_INCLUDE}")
  add_dependencies(${name} ${name}_generate)
endfunction()

# Programs use compiler libraries through libGraftCompiler.so alone: objects
# linked a second time would register every type a second time.
function(_graft_refuse_compiler_objects name)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "^graft_(dialects|passes|frontend|models)")
      message(FATAL_ERROR "${name}: link GraftCompiler instead of ${dep}")
    endif()
  endforeach()
endfunction()

# Unit tests spend more time in the compiler than in their own code, so they are not
# optimised; what they test is. `name` is a unit test or its precompiled header.
function(_graft_spare_optimisation name)
  if(NOT GRAFT_SANITIZE)
    target_compile_options(${name} PRIVATE -O0)
  endif()
endfunction()

# The precompiled headers of unit tests, each made when the first of them is declared:
# of the runtime's, and of those that include MLIR.
function(_graft_reuse_test_pch name)
  if(NOT TARGET graft_test_pch)
    _graft_add_pch_carrier(graft_test_pch)
    _graft_spare_optimisation(graft_test_pch)
    target_link_libraries(graft_test_pch PRIVATE GTest::gmock GTest::gtest
      absl::statusor absl::strings)
    target_precompile_headers(graft_test_pch PRIVATE
      <gmock/gmock.h>
      <gtest/gtest.h>
      <absl/status/statusor.h>
      <absl/strings/str_cat.h>)
  endif()
  target_precompile_headers(${name} REUSE_FROM graft_test_pch)
endfunction()

function(_graft_reuse_compiler_test_pch name)
  if(NOT TARGET graft_compiler_test_pch)
    _graft_add_pch_carrier(graft_compiler_test_pch)
    _graft_spare_optimisation(graft_compiler_test_pch)
    _graft_use_mlir(graft_compiler_test_pch PUBLIC)
    target_link_libraries(graft_compiler_test_pch PRIVATE GTest::gmock GTest::gtest)
    target_precompile_headers(graft_compiler_test_pch PRIVATE
      ${graft_mlir_headers}
      <absl/status/statusor.h>
      <gmock/gmock.h>
      <gtest/gtest.h>)
  endif()
  target_precompile_headers(${name} REUSE_FROM graft_compiler_test_pch)
endfunction()

# The precompiled header of the runtime, made when its first library is declared.
function(_graft_reuse_runtime_pch name)
  if(NOT TARGET graft_runtime_pch)
    _graft_add_pch_carrier(graft_runtime_pch)
    target_include_directories(graft_runtime_pch SYSTEM PRIVATE
      "${GRAFT_FLATBUFFERS_INCLUDE}")
    target_link_libraries(graft_runtime_pch PRIVATE absl::flat_hash_map
      absl::statusor absl::strings nlohmann_json::nlohmann_json)
    target_precompile_headers(graft_runtime_pch PRIVATE
      <absl/container/flat_hash_map.h>
      <absl/status/statusor.h>
      <absl/strings/str_cat.h>
      <flatbuffers/flatbuffers.h>
      <nlohmann/json.hpp>
      <functional>
      <map>
      <memory>
      <string>
      <vector>)
  endif()
  target_precompile_headers(${name} REUSE_FROM graft_runtime_pch)
endfunction()

# graft_tool(NAME SRCS a.cc... [DEPS ...]): a program in build/bin. A tool
# that needs the compiler names GraftCompiler in DEPS.
function(graft_tool name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  _graft_refuse_compiler_objects(${name} ${ARG_DEPS})
  add_executable(${name} ${ARG_SRCS})
  _graft_include_roots(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  if("GraftCompiler" IN_LIST ARG_DEPS)
    target_precompile_headers(${name} REUSE_FROM graft_graph_pch)
  endif()
  set_property(GLOBAL APPEND PROPERTY GRAFT_TOOLS ${name})
endfunction()

# graft_unittest(NAME SRCS a_test.cc... [DEPS ...] [LABELS e2e])
#
# A GoogleTest program, registered with ctest under NAME. It finds test data
# by GRAFT_SOURCE_DIR, the root of the repository. `./run test quick` leaves
# out what has the label e2e. One that includes MLIR names GraftCompiler, or a
# library of test/ that links it, in DEPS.
function(graft_unittest name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;LABELS" ${ARGN})
  _graft_refuse_compiler_objects(${name} ${ARG_DEPS})
  add_executable(${name} ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/unittests")
  _graft_include_roots(${name})
  target_compile_definitions(${name} PRIVATE
    GRAFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE
    ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  _graft_spare_optimisation(${name})
  set(linked ${ARG_DEPS})
  foreach(dep IN LISTS ARG_DEPS)
    get_target_property(more ${dep} INTERFACE_LINK_LIBRARIES)
    list(APPEND linked ${more})
  endforeach()
  if("GraftCompiler" IN_LIST linked)
    _graft_reuse_compiler_test_pch(${name})
  else()
    _graft_reuse_test_pch(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name}
    "--gtest_output=json:${PROJECT_BINARY_DIR}/test-results/${name}.json")
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS "${ARG_LABELS}")
  set_property(GLOBAL APPEND PROPERTY GRAFT_UNITTESTS ${name})
endfunction()

# graft_fuzz_test(NAME SRCS a_fuzz.cc... [DEPS ...])
#
# A libFuzzer program in build-fuzz/fuzz, built only with GRAFT_FUZZ.
function(graft_fuzz_test name)
  if(NOT GRAFT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  _graft_include_roots(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  _graft_reuse_runtime_pch(${name})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY GRAFT_FUZZ_TESTS ${name})
endfunction()

# A target without sources of its own, for a precompiled header that others reuse.
function(_graft_add_pch_carrier name)
  file(WRITE "${PROJECT_BINARY_DIR}/tools/cmake/pch.cc.tmp" "")
  file(COPY_FILE "${PROJECT_BINARY_DIR}/tools/cmake/pch.cc.tmp"
    "${PROJECT_BINARY_DIR}/tools/cmake/pch.cc" ONLY_IF_DIFFERENT)
  add_library(${name} OBJECT "${PROJECT_BINARY_DIR}/tools/cmake/pch.cc")
  _graft_include_roots(${name})
endfunction()

# What most sources that include MLIR include.
set(graft_mlir_headers
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Linalg/IR/Linalg.h>
  <mlir/Dialect/Math/IR/Math.h>
  <mlir/Dialect/MemRef/IR/MemRef.h>
  <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/Dialect/Vector/IR/VectorOps.h>
  <mlir/IR/Builders.h>
  <mlir/IR/BuiltinOps.h>
  <mlir/IR/DialectImplementation.h>
  <mlir/IR/OpImplementation.h>
  <mlir/IR/PatternMatch.h>
  <mlir/IR/SymbolTable.h>
  <mlir/Interfaces/SideEffectInterfaces.h>
  <mlir/Pass/Pass.h>
  <mlir/Pass/PassManager.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h>
  <llvm/ADT/TypeSwitch.h>)

# What most passes include of our own: a graph and the program that it becomes. A change
# there rebuilds all of the compiler but the dialects themselves, of which four
# fifths include it anyway.
set(graft_graph_headers
  "${PROJECT_SOURCE_DIR}/dialects/graft/graft_ops.h"
  "${PROJECT_SOURCE_DIR}/dialects/exec/exec_dialect.h"
  <absl/status/statusor.h>)
set(graft_graph_header_libraries graft_dialects_graft graft_dialects_exec)

# The precompiled headers of the compiler: of the dialects above, and of all else, the
# programs that use the compiler among it.
function(graft_compiler_precompiled_headers)
  _graft_add_pch_carrier(graft_mlir_pch)
  _graft_use_mlir(graft_mlir_pch PUBLIC)
  target_precompile_headers(graft_mlir_pch PRIVATE ${graft_mlir_headers})
  _graft_add_pch_carrier(graft_graph_pch)
  _graft_use_mlir(graft_graph_pch PUBLIC)
  target_precompile_headers(graft_graph_pch PRIVATE
    ${graft_mlir_headers} ${graft_graph_headers})
endfunction()

if(GRAFT_BUILD_COMPILER)
  graft_compiler_precompiled_headers()
  add_library(GraftCompiler SHARED)
  # Paths of the installed library are those of GraftConfig.cmake.
  target_include_directories(GraftCompiler PUBLIC
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR};${PROJECT_BINARY_DIR}>")
  _graft_use_mlir(GraftCompiler PRIVATE)
  target_include_directories(GraftCompiler SYSTEM INTERFACE
    "$<BUILD_INTERFACE:${LLVM_INCLUDE_DIRS};${MLIR_INCLUDE_DIRS}>")
  separate_arguments(definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
  target_compile_options(GraftCompiler INTERFACE
    "$<BUILD_INTERFACE:${definitions}>")
  # Only the two shared libraries: a component target would bring a second
  # copy of MLIR, and with it second TypeIDs.
  target_link_libraries(GraftCompiler PUBLIC MLIR LLVM)
endif()

# Called last by the top-level file: assembles libGraftCompiler.so of all
# compiler libraries and orders table generation before every compilation.
function(graft_finish_compiler)
  get_property(libraries GLOBAL PROPERTY GRAFT_COMPILER_LIBRARIES)
  get_property(tablegen GLOBAL PROPERTY GRAFT_TABLEGEN_TARGETS)
  target_link_libraries(GraftCompiler PRIVATE ${libraries})
  set_target_properties(GraftCompiler PROPERTIES LINKER_LANGUAGE CXX)
  get_property(docs GLOBAL PROPERTY GRAFT_DOC_TARGETS)
  add_custom_target(graft-docs)
  if(docs)
    add_dependencies(graft-docs ${docs})
  endif()
  if(tablegen)
    foreach(library IN LISTS libraries ITEMS graft_graph_pch)
      add_dependencies(${library} ${tablegen})
    endforeach()
    add_dependencies(GraftCompiler ${tablegen})
  endif()
endfunction()

# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Language, warnings, optimisation, sanitizers and ccache for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Programs are compiled as libraries are, so that both can use one precompiled
# header.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE "-fPIC")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Release keeps assertions, in our code and in the MLIR headers it includes:
# Debian's MLIR has none of its own, so these are all that catch a wrong cast.
# (The one layout of MLIR that depends on NDEBUG is Pass::Statistic, which is
# why no pass declares statistics.)
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib")
# Installed programs find MLIR and LLVM, which lie outside of the system's
# library folders, where the build found them.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

# Symbols keep default visibility: types with explicit TypeIDs and the plug-in
# interface are shared across libGraftCompiler.so.
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-fcolor-diagnostics)
  # A precompiled header without a time stamp is the same file for ccache.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  add_link_options(-fuse-ld=lld)
endif()

if(GRAFT_SANITIZE)
  add_compile_options(-fsanitize=${GRAFT_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${GRAFT_SANITIZE})
else()
  add_link_options("$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:-Wl,-z,defs>")
endif()
if(GRAFT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(GRAFT_CCACHE ccache)
if(GRAFT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # These settings let ccache reuse objects that were built with a PCH, and
  # those of another checkout of the same sources.
  set(launcher "${CMAKE_COMMAND}" -E env)
  if(NOT GRAFT_SANITIZE)
    # Not where reports of a sanitizer would name the other checkout's files.
    list(APPEND launcher
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1)
  endif()
  list(APPEND launcher
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    "${GRAFT_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${launcher}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${launcher}")
endif()

# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Every third-party package, found once. `./run deps` installs them.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)

# FlatBuffers: the runtime half is headers only; flatc generates the readers.
find_path(GRAFT_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h REQUIRED)
find_program(GRAFT_FLATC flatc REQUIRED)

# XXH3 checksums, used as a header only.
find_path(GRAFT_XXHASH_INCLUDE xxhash.h REQUIRED)

# Command lines, header only.
find_path(GRAFT_CLI11_INCLUDE CLI/App.hpp REQUIRED)

# utf8proc and zstd come without usable CMake files in Debian 12.
function(graft_import_library name header library)
  find_path(GRAFT_${name}_INCLUDE ${header} REQUIRED)
  find_library(GRAFT_${name}_LIBRARY ${library} REQUIRED)
  add_library(${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${name} SYSTEM INTERFACE ${GRAFT_${name}_INCLUDE})
  target_link_libraries(${name} INTERFACE ${GRAFT_${name}_LIBRARY})
endfunction()
graft_import_library(utf8proc utf8proc.h utf8proc)
graft_import_library(zstd zstd.h zstd)

if(GRAFT_BUILD_COMPILER)
  # The version must name 22.1: LLVM's version file accepts nothing shorter.
  find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22)
  list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
  include(TableGen)
  include(AddLLVM)
  include(AddMLIR)
  message(STATUS "Graft: MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")
endif()

# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

# Writes the C++ source OUTPUT with the texts of PAGES, names of *.mlir in the
# working directory, separated by commas.

string(REPLACE "," ";" PAGES "${PAGES}")
set(text "#include \"models/strategies/registry.h\"\n\n")
string(APPEND text "namespace graft {\n\n")
string(APPEND text "const StrategyPage kStrategyPages[] = {\n")
foreach(page IN LISTS PAGES)
  file(READ "${page}.mlir" mlir)
  string(APPEND text "{\"${page}\", R\"mlir(${mlir})mlir\"},\n")
endforeach()
string(APPEND text "};\n\nconst size_t kStrategyPageCount =\n")
string(APPEND text "    sizeof(kStrategyPages) / sizeof(kStrategyPages[0]);\n\n")
string(APPEND text "}  // namespace graft\n")
file(WRITE "${OUTPUT}" "${text}")

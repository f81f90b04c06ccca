// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/native/native.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "llvm/Object/ELFObjectFile.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "passes/lower/native/object_cache.h"
#include "passes/lower/target.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

// A kernel @k with this body on x: memref<?xf32>.
std::string kernel(const std::string& body) {
  return R"(
graft.size @T bound 64
exec.kernels @kernels {
  func.func @k.0(%x: memref<?xf32> {exec.dims = ["T"]}, %T: index, %seed: i64,
      %step: i32, %place: i64, %begin: index, %end: index)
      attributes {exec.sizes = ["T"]} {
)" + body +
         R"(
    return
  }
}
)";
}

struct Compiled {
  mlir::FailureOr<KernelCode> code = mlir::failure();
  std::string diagnostics;
};

Compiled compile(const std::string& body, const Target& target,
                 const std::string& cache = "") {
  Compiled result;
  mlir::ScopedDiagnosticHandler handler(
      &getTestContext(), [&](mlir::Diagnostic& diagnostic) {
        result.diagnostics += diagnostic.str();
        return mlir::success();
      });
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(kernel(body), &getTestContext());
  if (!module) return result;
  result.code =
      target.compile(module->lookupSymbol<exec::KernelsOp>("kernels"), cache);
  return result;
}

constexpr char kDouble[] = R"(
    %c1 = arith.constant 1 : index
    scf.for %i = %begin to %end step %c1 {
      %v = memref.load %x[%i] : memref<?xf32>
      %e = math.exp %v : f32
      memref.store %e, %x[%i] : memref<?xf32>
    })";

constexpr char kTriple[] = R"(
    %c1 = arith.constant 1 : index
    %three = arith.constant 3.0 : f32
    scf.for %i = %begin to %end step %c1 {
      %v = memref.load %x[%i] : memref<?xf32>
      %e = arith.mulf %v, %three : f32
      memref.store %e, %x[%i] : memref<?xf32>
    })";

// The library of one kernel, with or without a cache.
std::string library(const std::string& body, const std::string& cache = "",
                    const Target& target = getHostTarget()) {
  Compiled compiled = compile(body, target, cache);
  EXPECT_TRUE(mlir::succeeded(compiled.code)) << compiled.diagnostics;
  return mlir::succeeded(compiled.code) ? compiled.code->bytes : "";
}

class ObjectCacheTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(directory); }

  std::vector<std::filesystem::path> kept(const std::string& folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().filename() != "llvmcache.timestamp")
        paths.push_back(entry.path());
    return paths;
  }

  const std::string directory =
      testing::TempDir() + "object_cache_" + std::to_string(getpid());
};

TEST_F(ObjectCacheTest, GivesWhatItKept) {
  const std::string first = directory + "/first", other = directory + "/other";
  const std::string twice = library(kDouble, first);
  EXPECT_EQ(twice, library(kDouble));
  EXPECT_EQ(twice, library(kDouble, first));
  ASSERT_EQ(kept(first).size(), 1);

  // What lies there is what comes out: here another kernel's object.
  const std::string thrice = library(kTriple, other);
  EXPECT_NE(twice, thrice);
  ASSERT_EQ(kept(other).size(), 1);
  std::filesystem::copy_file(kept(other)[0], kept(first)[0],
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(library(kDouble, first), thrice);
}

TEST_F(ObjectCacheTest, TellsKernelsAndTargetsApart) {
  for (const Target* target : getTargets()) {
    library(kDouble, directory, *target);
    library(kTriple, directory, *target);
  }
  EXPECT_EQ(kept(directory).size(), 2 * getTargets().size());
}

// Programs that differ elsewhere number a kernel and name its sizes otherwise.
TEST_F(ObjectCacheTest, KernelsThatOnlyNamesTellApartShareAnObject) {
  auto renamed = [&](const std::string& name, const std::string& size,
                     const std::string& before) {
    std::string text = kernel(kDouble);
    const std::vector<std::pair<std::string, std::string>> changes = {
        {"@k.0", name},
        {"\"T\"", "\"" + size + "\""},
        {"@T", before + "@" + size}};
    for (const auto& [from, to] : changes)
      for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
           at += to.size())
        text.replace(at, from.size(), to);
    auto module =
        mlir::parseSourceString<mlir::ModuleOp>(text, &getTestContext());
    auto code = getHostTarget().compile(
        module->lookupSymbol<exec::KernelsOp>("kernels"), directory);
    EXPECT_TRUE(mlir::succeeded(code));
    return mlir::succeeded(code) ? std::move(*code) : KernelCode();
  };
  const std::string first = library(kDouble, directory);
  ASSERT_EQ(kept(directory).size(), 1);
  KernelCode other = renamed("@other.7", "U", "");
  EXPECT_EQ(kept(directory).size(), 1);
  EXPECT_EQ(other.symbols, llvm::SmallVector<std::string>{"other.7"});
  EXPECT_NE(other.bytes.find("other.7"), std::string::npos);
  EXPECT_EQ(other.bytes.find("k.0"), std::string::npos);
  EXPECT_EQ(renamed("@k.0", "U", "").bytes, first);

  // A size at another place of the table is read from there.
  renamed("@k.0", "T", "@U bound 8\ngraft.size ");
  EXPECT_EQ(kept(directory).size(), 2);
}

// A file that may not grow fails as one on a full disk does.
TEST_F(ObjectCacheTest, KeepsNothingOnAFullDisk) {
  const std::vector<char> object(1 << 20, 'x');
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    {
      const ObjectCache cache(directory);
      cache.keep("key", object);
    }
    _exit(std::filesystem::is_directory(directory) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(kept(directory), std::vector<std::filesystem::path>());
  const ObjectCache cache(directory);
  cache.keep("key", object);
  EXPECT_TRUE(cache.find("key").has_value());
}

TEST_F(ObjectCacheTest, CompilesAgainWhatIsDamaged) {
  const std::string good = library(kDouble, directory);
  ASSERT_EQ(kept(directory).size(), 1);
  const std::filesystem::path path = kept(directory)[0];
  const uint64_t size = std::filesystem::file_size(path);
  for (uint64_t cut : {uint64_t{0}, uint64_t{7}, size / 2, size - 1}) {
    std::filesystem::resize_file(path, cut);
    EXPECT_EQ(library(kDouble, directory), good);
    EXPECT_EQ(std::filesystem::file_size(path), size);
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file.put('\x7f').put('\x01').put('\x7f');
  file.close();
  EXPECT_EQ(library(kDouble, directory), good);
}

TEST_F(ObjectCacheTest, DoesWithoutAFolder) {
  EXPECT_EQ(library(kDouble, "/dev/null/cache"), library(kDouble));
}

TEST(NativeTest, EveryLevelGivesASharedObject) {
  for (const Target* target : getTargets()) {
    SCOPED_TRACE(target->getName());
    Compiled compiled = compile(kDouble, *target);
    ASSERT_TRUE(mlir::succeeded(compiled.code)) << compiled.diagnostics;
    EXPECT_EQ(compiled.code->symbols, (llvm::SmallVector<std::string>{"k.0"}));
    auto object = llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(compiled.code->bytes, "library"));
    ASSERT_TRUE(static_cast<bool>(object));
    EXPECT_EQ((*object)->getArch(),
              llvm::Triple(target->getTriple()).getArch());
    bool found = false;
    auto* elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
    for (auto symbol : elf->getDynamicSymbolIterators()) {
      auto name = symbol.getName();
      ASSERT_TRUE(static_cast<bool>(name));
      found |= *name == "k.0";
    }
    EXPECT_TRUE(found);
  }
}

TEST(NativeTest, SameKernelGivesSameBytes) {
  Compiled first = compile(kDouble, getHostTarget());
  Compiled second = compile(kDouble, getHostTarget());
  ASSERT_TRUE(mlir::succeeded(first.code));
  ASSERT_TRUE(mlir::succeeded(second.code));
  EXPECT_EQ(first.code->bytes, second.code->bytes);
}

TEST(NativeTest, RefusesAllocation) {
  Compiled compiled =
      compile("    %m = memref.alloc() : memref<4xf32>\n", getHostTarget());
  EXPECT_TRUE(mlir::failed(compiled.code));
  EXPECT_EQ(compiled.diagnostics, "kernel 'k.0' allocates memory");
}

TEST(NativeTest, RefusesCallsOfOtherFunctions) {
  Compiled compiled = compile(R"(
    %v = memref.load %x[%begin] : memref<?xf32>
    %e = math.sin %v : f32
    memref.store %e, %x[%begin] : memref<?xf32>)",
                              getHostTarget());
  EXPECT_TRUE(mlir::failed(compiled.code));
  EXPECT_EQ(compiled.diagnostics,
            "kernel 'k.0' calls 'sinf'; expects calls of memcpy and memset "
            "only");
}

}  // namespace
}  // namespace graft

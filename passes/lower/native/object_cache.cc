// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/native/object_cache.h"

#include <dlfcn.h>

#include <chrono>

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include "passes/lower/structure.h"

using namespace mlir;

namespace graft {
namespace {

// What pruneCache takes for its own; it leaves all other files alone.
constexpr llvm::StringLiteral kPrefix = "llvmcache-";
constexpr size_t kChecksumBytes = 8;

std::string hash(llvm::StringRef bytes) {
  llvm::XXH128_hash_t value =
      llvm::xxh3_128bits(llvm::ArrayRef(bytes.bytes_begin(), bytes.size()));
  return llvm::utohexstr(value.high64, /*LowerCase=*/true, /*Width=*/16) +
         llvm::utohexstr(value.low64, /*LowerCase=*/true, /*Width=*/16);
}

// The file that this function was loaded from; empty if it cannot be read.
std::string hashOfCompiler() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<const void*>(&hashOfCompiler), &info)) return {};
  auto file = llvm::MemoryBuffer::getFile(info.dli_fname, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  return file ? hash((*file)->getBuffer()) : std::string();
}

// A kernel as bytes that are the same in every process, and for kernels that
// only names tell apart. Much faster than its text: what stands for types and
// attributes is printed once.
class KernelBytes {
 public:
  KernelBytes(func::FuncOp kernel, llvm::ArrayRef<std::string> sizes) {
    addSizes(kernel->getAttrOfType<ArrayAttr>(kSizes), sizes);
    for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
      NamedAttrList rest(kernel.getArgAttrDict(i));
      addSizes(dyn_cast_or_null<ArrayAttr>(rest.erase(kDims)), sizes);
      add(rest.getDictionary(kernel.getContext()));
    }
    addStructure(kernel, *this,
                 {SymbolTable::getSymbolAttrName(), kSizes,
                  kernel.getArgAttrsAttrName()});
  }

  // Definitions end in an empty line, which no definition is.
  std::string get() const { return definitions + '\n' + sequence; }

  void add(int64_t number) {
    char bytes[sizeof(number)];
    llvm::support::endian::write64le(bytes, number);
    sequence.append(bytes, sizeof(bytes));
  }
  void add(Attribute attribute) {
    addNamed(attribute.getAsOpaquePointer(),
             [&](llvm::raw_ostream& stream) { attribute.print(stream); });
  }
  void add(Type type) {
    addNamed(type.getAsOpaquePointer(),
             [&](llvm::raw_ostream& stream) { type.print(stream); });
  }
  void add(OperationName name) {
    addNamed(name.getAsOpaquePointer(),
             [&](llvm::raw_ostream& stream) { name.print(stream); });
  }

 private:
  static constexpr llvm::StringLiteral kSizes = "exec.sizes";
  static constexpr llvm::StringLiteral kDims = "exec.dims";

  // Each name as its place in the program's table; -1 where it has none, which
  // no kernel that was kept has.
  void addSizes(ArrayAttr names, llvm::ArrayRef<std::string> sizes) {
    if (!names) return add(int64_t{-1});
    add(static_cast<int64_t>(names.size()));
    for (StringRef name : names.getAsValueRange<StringAttr>()) {
      add(static_cast<int64_t>(name.consume_back("+1")));
      const auto* found = llvm::find(sizes, name);
      add(found == sizes.end() ? int64_t{-1} : found - sizes.begin());
    }
  }

  void addNamed(const void* object,
                llvm::function_ref<void(llvm::raw_ostream&)> print) {
    auto [found, isNew] =
        numbers.try_emplace(object, static_cast<int64_t>(numbers.size()));
    if (isNew) {
      llvm::raw_string_ostream stream(definitions);
      print(stream);
      stream << '\n';
    }
    add(found->second);
  }

  std::string definitions;  // printed, in the order of their numbers
  std::string sequence;
  llvm::DenseMap<const void*, int64_t> numbers;
};

// Writes the file `path` aside and renames it. Nothing stays of one that cannot
// be written.
void writeAside(const std::string& path,
                llvm::ArrayRef<llvm::StringRef> parts) {
  int descriptor = -1;
  llvm::SmallString<128> aside;
  if (llvm::sys::fs::createUniqueFile(path + ".tmp-%%%%%%%%", descriptor,
                                      aside))
    return;
  llvm::sys::RemoveFileOnSignal(aside);
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  for (llvm::StringRef part : parts) stream << part;
  stream.close();
  const bool written = !stream.has_error();
  stream.clear_error();  // or it ends the process
  if (!written || llvm::sys::fs::rename(aside, path))
    llvm::sys::fs::remove(aside);
  llvm::sys::DontRemoveFileOnSignal(aside);
}

}  // namespace

ObjectCache::ObjectCache(llvm::StringRef directory) : directory(directory) {
  if (directory.empty()) return;
  compiler = hashOfCompiler();
  if (compiler.empty() || llvm::sys::fs::create_directories(directory))
    this->directory.clear();
}

ObjectCache::~ObjectCache() {
  if (directory.empty()) return;
  llvm::CachePruningPolicy policy;
  policy.Expiration = std::chrono::hours(24 * 30);
  policy.MaxSizeBytes = uint64_t{512} << 20;
  llvm::pruneCache(directory, policy);
}

std::string ObjectCache::path(const std::string& key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, kPrefix + key);
  return std::string(path);
}

std::string ObjectCache::key(func::FuncOp kernel, const NativeMachine& machine,
                             llvm::ArrayRef<std::string> sizes) const {
  if (directory.empty()) return {};
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << compiler << '\n' << LLVM_VERSION_STRING << '\n';
  for (llvm::StringRef part :
       {llvm::StringRef(machine.triple), llvm::StringRef(machine.cpu),
        llvm::StringRef(machine.features)})
    stream << part << '\n';
  stream << machine.vectorBits << ' ' << machine.roundsBf16 << '\n';
  stream << KernelBytes(kernel, sizes).get();
  return hash(text);
}

std::optional<ObjectCache::Object> ObjectCache::find(
    const std::string& key) const {
  if (key.empty()) return std::nullopt;
  auto file = llvm::MemoryBuffer::getFile(path(key), /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file || (*file)->getBufferSize() < kChecksumBytes) return std::nullopt;
  llvm::StringRef bytes = (*file)->getBuffer().drop_back(kChecksumBytes);
  if (llvm::support::endian::read64le(bytes.end()) != llvm::xxh3_64bits(bytes))
    return std::nullopt;
  return Object(bytes.begin(), bytes.end());
}

void ObjectCache::keep(const std::string& key,
                       llvm::ArrayRef<char> object) const {
  if (key.empty()) return;
  llvm::StringRef bytes(object.data(), object.size());
  char checksum[kChecksumBytes];
  llvm::support::endian::write64le(checksum, llvm::xxh3_64bits(bytes));
  // A full disk or a folder that cannot be written: it is compiled again.
  writeAside(path(key), {bytes, llvm::StringRef(checksum, kChecksumBytes)});
}

}  // namespace graft

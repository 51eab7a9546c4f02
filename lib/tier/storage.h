#pragma once

#include "base/result.h"
#include "base/sha256.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace radixbench {

// Whose pages these are: everything that makes two pages with one hash different bytes. Becomes the
// header of a page file and part of its name, so that nothing is shared between ranks by accident.
struct StorageIdentity {
  std::string model;
  std::uint32_t page_tokens = 0;
  std::uint32_t page_bytes = 0;
  std::uint32_t tp_rank = 0, tp_size = 1;  // attention TP under DP attention, else the stage's
  std::uint32_t cp_rank = 0, cp_size = 1;
  std::uint32_t pp_rank = 0, pp_size = 1;
  std::uint32_t dp_rank = 0, dp_size = 1;  // replica
  std::uint32_t name_space = 0;
};

struct StorageCounts {
  std::uint64_t pages_written = 0;  // not those that were there already
  std::uint64_t pages_read = 0;
  std::uint64_t pages_torn = 0;     // wrong size or checksum: a miss
  std::uint64_t pages_foreign = 0;  // a header of somebody else: a miss
  std::uint64_t write_errors = 0;
  std::uint64_t read_errors = 0;  // the system would not let it be read: a miss
};

enum class PageRead : std::uint8_t { kRead, kMissing, kTorn, kForeign };

// Pages by their storage hash (page_hash.h). Thread-safe. Failing to hold a page is an answer, not
// an error: storage is a cache too.
class Storage {
 public:
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  [[nodiscard]] virtual bool exists(const Sha256Digest& hash) = 0;
  // Fills `page` (identity.page_bytes) where the answer is kRead, and leaves it unspecified else. A
  // page that exists may still turn out to be torn or foreign here.
  [[nodiscard]] virtual PageRead read(const Sha256Digest& hash, std::span<std::byte> page) = 0;
  // Writing a page that exists is done at once (J 3.9), unless a read of this object found it torn
  // or foreign: then it is written anew. False where it could not be kept.
  [[nodiscard]] virtual bool write(const Sha256Digest& hash, std::span<const std::byte> page) = 0;
  [[nodiscard]] virtual StorageCounts counts() const = 0;

 protected:
  Storage() = default;
};

std::unique_ptr<Storage> make_memory_storage(const StorageIdentity& identity);

// A file a page under `directory` (made if missing), written beside and renamed, named by hash and
// identity; docs/formats/page-file.md. Any number of identities, ranks and runs may share one.
// kCannotCreate where the directory can't be made or written, or where its file system has less
// than `bytes_needed` free: what everybody who is about to write there needs together.
// kInvalidArgument where the model's name is longer than a header holds.
Result<std::unique_ptr<Storage>> make_directory_storage(const std::filesystem::path& directory,
                                                        const StorageIdentity& identity,
                                                        std::uint64_t bytes_needed);

// Whether there are pages of this identity under `directory`, which need not exist.
bool holds_pages(const std::filesystem::path& directory, const StorageIdentity& identity);

}  // namespace radixbench

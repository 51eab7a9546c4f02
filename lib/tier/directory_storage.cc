#include "tier/storage.h"

#include "base/check.h"
#include "tier/page_file.h"
#include "tier/storage_counters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace radixbench {
namespace {

namespace fs = std::filesystem;

// Where pages are written before they are renamed: one small folder, so that what a crashed run
// left is found without a walk through every page.
constexpr const char* kWritingFolder = "writing";

// Tries at an unused name in kWritingFolder; each can only fail on the remains of a process that
// had this one's id and as many writes under way.
constexpr int kNameTriesMax = 100;

std::string reason(int error) { return std::generic_category().message(error); }

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_{number} {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() { static_cast<void>(close()); }

  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int get() const { return number_; }
  // Some file systems report a failed write only here.
  [[nodiscard]] bool close() {
    const int number = std::exchange(number_, -1);
    return number < 0 || ::close(number) == 0;
  }

 private:
  int number_;
};

// Drops `bytes` from the front of `parts`. False when nothing is left.
bool advance(std::span<iovec> parts, std::size_t bytes) {
  bool is_left = false;
  for (iovec& part : parts) {
    const std::size_t done = std::min(bytes, part.iov_len);
    part.iov_base = static_cast<std::byte*>(part.iov_base) + done;
    part.iov_len -= done;
    bytes -= done;
    is_left |= part.iov_len != 0;
  }
  return is_left;
}

// Runs `call` (readv or writev) until all parts are done, the file ends or it fails. How many bytes
// went over, or nothing with errno set.
template <typename VectorCall>
std::optional<std::size_t> transfer(VectorCall call, int file, std::span<iovec> parts) {
  std::size_t total = 0;
  for (bool is_left = true; is_left;) {
    const ssize_t done = call(file, parts.data(), static_cast<int>(parts.size()));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return std::nullopt;
    if (done == 0) break;
    total += static_cast<std::size_t>(done);
    is_left = advance(parts, static_cast<std::size_t>(done));
  }
  return total;
}

// One file a page. No fsync anywhere: this is a cache whose every read is checked, so a page that a
// power cut tore is a miss, and a sync a page would make the disk the only thing that a replay
// measures.
class DirectoryStorage final : public Storage {
 public:
  DirectoryStorage(FileDescriptor root, PageFile format)
      : root_{std::move(root)}, format_{std::move(format)} {}

  [[nodiscard]] bool exists(const Sha256Digest& hash) override {
    return is_file(format_.path(hash));
  }
  [[nodiscard]] PageRead read(const Sha256Digest& hash, std::span<std::byte> page) override;
  [[nodiscard]] bool write(const Sha256Digest& hash, std::span<const std::byte> page) override;
  [[nodiscard]] StorageCounts counts() const override { return counters_.counts(); }

  // For the factory. Whether a file can be made here at all; 0 or the errno.
  int try_to_write();
  // Removes what runs of this identity that are gone left half written.
  void remove_leftovers(const fs::path& directory) const;

 private:
  // A regular file: a symbolic link or a folder of that name holds no page.
  [[nodiscard]] bool is_file(const std::string& path) const {
    struct stat found {};
    return ::fstatat(root_.get(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(found.st_mode);
  }
  [[nodiscard]] PageRead read_unchecked(const Sha256Digest& hash, std::span<std::byte> page);
  // A new file in kWritingFolder, and its path in `path`.
  [[nodiscard]] FileDescriptor make_file(std::string& path);
  [[nodiscard]] bool is_broken(const Sha256Digest& hash);
  [[nodiscard]] bool write_and_rename(const Sha256Digest& hash,
                                      std::span<const std::byte> page,
                                      const std::string& path);
  [[nodiscard]] bool put_in_place(const std::string& written, const std::string& path) const;

  const FileDescriptor root_;
  const PageFile format_;
  StorageCounters counters_;
  std::atomic<std::uint64_t> serial_{0};

  std::mutex broken_mutex_;
  std::set<Sha256Digest> broken_;  // read as torn or foreign and not written since
};

PageRead DirectoryStorage::read(const Sha256Digest& hash, std::span<std::byte> page) {
  RADIXBENCH_CHECK(page.size() == format_.file_bytes() - format_.header_bytes());
  const PageRead answer = counters_.counted(read_unchecked(hash, page));
  if (answer == PageRead::kTorn || answer == PageRead::kForeign) {
    const std::lock_guard lock{broken_mutex_};
    broken_.insert(hash);
  }
  return answer;
}

PageRead DirectoryStorage::read_unchecked(const Sha256Digest& hash, std::span<std::byte> page) {
  // O_NONBLOCK so that a pipe of that name can't hold the run up.
  const FileDescriptor file{::openat(
      root_.get(), format_.path(hash).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (!file.is_open() && errno == ENOENT) return PageRead::kMissing;
  struct stat found {};
  if (!file.is_open() || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
    counters_.count_read_error();
    return PageRead::kMissing;
  }
  std::array<std::byte, PageFile::kFixedBytes + PageFile::kModelBytesMax> space;
  const auto header = std::span{space}.first(format_.header_bytes());
  std::array<iovec, 2> parts = {{{header.data(), header.size()}, {page.data(), page.size()}}};
  const std::optional<std::size_t> bytes = transfer(::readv, file.get(), parts);
  if (!bytes) {
    counters_.count_read_error();
    return PageRead::kMissing;
  }
  const auto file_bytes = static_cast<std::uint64_t>(found.st_size);
  if (*bytes == format_.file_bytes() && file_bytes == *bytes) {
    return format_.judge(hash, header, page);
  }
  return PageFile::judge_size(header.first(std::min(header.size(), *bytes)), file_bytes);
}

bool DirectoryStorage::write(const Sha256Digest& hash, std::span<const std::byte> page) {
  RADIXBENCH_CHECK(page.size() == format_.file_bytes() - format_.header_bytes());
  const std::string path = format_.path(hash);
  if (!is_broken(hash) && is_file(path)) return true;
  if (!write_and_rename(hash, page, path)) {
    counters_.count_write_error();
    return false;
  }
  counters_.count_written();
  const std::lock_guard lock{broken_mutex_};
  broken_.erase(hash);
  return true;
}

bool DirectoryStorage::is_broken(const Sha256Digest& hash) {
  const std::lock_guard lock{broken_mutex_};
  return broken_.contains(hash);
}

bool DirectoryStorage::write_and_rename(const Sha256Digest& hash,
                                        std::span<const std::byte> page,
                                        const std::string& path) {
  std::array<std::byte, PageFile::kFixedBytes + PageFile::kModelBytesMax> space;
  const auto header = std::span{space}.first(format_.header_bytes());
  format_.encode_header(hash, page, header);
  std::string written;
  FileDescriptor file = make_file(written);
  if (!file.is_open()) return false;
  // writev doesn't write to what it reads; iovec has one pointer type for both directions.
  std::array<iovec, 2> parts = {
      {{header.data(), header.size()}, {const_cast<std::byte*>(page.data()), page.size()}}};
  const bool is_whole = transfer(::writev, file.get(), parts) == format_.file_bytes();
  const bool is_in_place = file.close() && is_whole && put_in_place(written, path);
  if (!is_in_place) ::unlinkat(root_.get(), written.c_str(), 0);
  return is_in_place;
}

FileDescriptor DirectoryStorage::make_file(std::string& path) {
  for (int tries = 0; tries < kNameTriesMax; ++tries) {
    path = fmt::format("{}/{}.{}.{}",
                       kWritingFolder,
                       format_.identity_name(),
                       ::getpid(),
                       serial_.fetch_add(1, std::memory_order_relaxed));
    FileDescriptor file{
        ::openat(root_.get(), path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
    if (file.is_open() || errno != EEXIST) return file;
  }
  return FileDescriptor{-1};
}

bool DirectoryStorage::put_in_place(const std::string& written, const std::string& path) const {
  const auto rename = [&] {
    return ::renameat(root_.get(), written.c_str(), root_.get(), path.c_str()) == 0;
  };
  if (rename()) return true;
  if (errno != ENOENT) return false;
  // The first page of its folder. Another thread or rank may make it meanwhile; rename tells.
  ::mkdirat(root_.get(), path.substr(0, 1).c_str(), 0777);
  ::mkdirat(root_.get(), path.substr(0, 3).c_str(), 0777);
  return rename();
}

int DirectoryStorage::try_to_write() {
  std::string path;
  FileDescriptor file = make_file(path);
  if (!file.is_open()) return errno;
  const bool is_written = ::write(file.get(), "", 1) == 1;
  const int error = is_written ? 0 : errno;
  ::unlinkat(root_.get(), path.c_str(), 0);
  return error;
}

// A process of that id and none of ours: seen from another host or container it may be alive, and
// loses one page that it was writing, which it counts as a write error.
bool is_gone(std::string_view name_end) {
  pid_t process = 0;
  const auto [end, error] =
      std::from_chars(name_end.data(), name_end.data() + name_end.size(), process);
  return error == std::errc{} && end != name_end.data() + name_end.size() && *end == '.' &&
         process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

void DirectoryStorage::remove_leftovers(const fs::path& directory) const {
  const std::string prefix = format_.identity_name() + '.';
  std::error_code error;
  fs::directory_iterator entry{directory / kWritingFolder, error};
  // A folder that can't be listed can't be tidied; nothing depends on it.
  for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix) || !is_gone(std::string_view{name}.substr(prefix.size()))) {
      continue;
    }
    ::unlinkat(root_.get(), fmt::format("{}/{}", kWritingFolder, name).c_str(), 0);
  }
}

// The deepest folder on the way to `path` that is there already: on its file system `path` will be.
fs::path existing_part(fs::path path) {
  std::error_code error;
  path = fs::absolute(path, error).lexically_normal();
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

// Asked before anything is made, so that a refused run leaves nothing behind.
Result<void> check_space(const fs::path& directory, std::uint64_t bytes_needed) {
  struct statvfs system {};
  if (::statvfs(existing_part(directory).c_str(), &system) != 0) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("storage directory {}: {}", directory.string(), reason(errno)));
  }
  const std::uint64_t bytes_free = std::uint64_t{system.f_bavail} * system.f_frsize;
  if (bytes_free >= bytes_needed) return {};
  return fail(
      ErrorCode::kCannotCreate,
      fmt::format("storage directory {}: the run needs {} bytes, its file system has {} free",
                  directory.string(),
                  bytes_needed,
                  bytes_free));
}

}  // namespace

bool holds_pages(const std::filesystem::path& directory, const StorageIdentity& identity) {
  const std::string ending = "_" + PageFile{identity}.identity_name() + ".page";
  std::error_code error;
  for (fs::recursive_directory_iterator entry{directory, error}, end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().ends_with(ending)) return true;
  }
  return false;
}

Result<std::unique_ptr<Storage>> make_directory_storage(const std::filesystem::path& directory,
                                                        const StorageIdentity& identity,
                                                        std::uint64_t bytes_needed) {
  if (identity.model.size() > PageFile::kModelBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the model's name has {} bytes, a page file holds {}",
                            identity.model.size(),
                            PageFile::kModelBytesMax));
  }
  if (auto space = check_space(directory, bytes_needed); !space) {
    return tl::unexpected(std::move(space).error());
  }
  const auto refuse = [&](std::string_view what, const std::string& why) {
    return fail(ErrorCode::kCannotCreate,
                fmt::format("storage directory {}: {}: {}", directory.string(), what, why));
  };
  std::error_code error;
  fs::create_directories(directory / kWritingFolder, error);
  if (error) return refuse("cannot be made", error.message());
  FileDescriptor root{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!root.is_open()) return refuse("cannot be opened", reason(errno));
  auto storage = std::make_unique<DirectoryStorage>(std::move(root), PageFile{identity});
  if (const int refusal = storage->try_to_write(); refusal != 0) {
    return refuse("cannot be written", reason(refusal));
  }
  storage->remove_leftovers(directory);
  return storage;
}

}  // namespace radixbench

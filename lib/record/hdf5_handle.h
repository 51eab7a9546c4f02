#pragma once

#include "base/result.h"

#include <hdf5.h>

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace radixbench {

// What a failed call of the HDF5 library becomes inside record/hdf5_*; hdf5_guard() turns it into a
// Result at each public function, so that it never leaves the room.
class Hdf5Failure final : public std::exception {
 public:
  explicit Hdf5Failure(Error error) : error_{std::move(error)} {}
  [[nodiscard]] const char* what() const noexcept override { return error_.message.c_str(); }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

// Throws what the library's error stack says, innermost reason first, behind what was being done.
[[noreturn]] void throw_hdf5_failure(ErrorCode code, std::string_view doing);

// Ids, sizes and herr_t alike are negative when a call failed.
template <typename Status>
Status hdf5_check(Status status, std::string_view doing, ErrorCode code = ErrorCode::kIo) {
  if (status < 0) throw_hdf5_failure(code, doing);
  return status;
}

// The library prints its error stack unless each thread tells it not to, and cleans up at exit
// unless told not to before its first call; after a full disk that clean-up would not end. Cheap;
// call it first on every thread.
void hdf5_prepare_thread();

// Owns one id of the library.
template <herr_t (*kClose)(hid_t)>
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  explicit Hdf5Handle(hid_t id) : id_{id} {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_{std::exchange(other.id_, H5I_INVALID_HID)} {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  ~Hdf5Handle() {
    if (id_ >= 0) kClose(id_);
  }

  [[nodiscard]] hid_t id() const { return id_; }
  // Closes now, for who must know whether it worked.
  herr_t close() { return id_ >= 0 ? kClose(std::exchange(id_, H5I_INVALID_HID)) : herr_t{0}; }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using Hdf5File = Hdf5Handle<&H5Fclose>;
using Hdf5Group = Hdf5Handle<&H5Gclose>;
using Hdf5Dataset = Hdf5Handle<&H5Dclose>;
using Hdf5Space = Hdf5Handle<&H5Sclose>;
using Hdf5Type = Hdf5Handle<&H5Tclose>;
using Hdf5Attribute = Hdf5Handle<&H5Aclose>;
using Hdf5Properties = Hdf5Handle<&H5Pclose>;

// UTF-8 of exactly `bytes` bytes, padded with zeros: a string that needs no heap.
Hdf5Type hdf5_text_type(std::size_t bytes);

// Runs `body`; what it throws becomes the error, with `doing` (which names the file) in front.
template <typename Body>
auto hdf5_guard(std::string_view doing, Body body) -> Result<std::invoke_result_t<Body>> {
  hdf5_prepare_thread();
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      body();
      return {};
    } else {
      return body();
    }
  } catch (const Hdf5Failure& failure) {
    return tl::unexpected(Error{failure.error()}.while_doing(doing));
  }
}

}  // namespace radixbench

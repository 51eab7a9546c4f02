#include "record/hdf5_handle.h"

#include <fmt/format.h>

namespace radixbench {
namespace {

herr_t keep_first(unsigned /*depth*/, const H5E_error2_t* entry, void* data) {
  auto& reason = *static_cast<std::string*>(data);
  if (reason.empty() && entry->desc != nullptr) reason = entry->desc;
  return 0;
}

// H5E_WALK_UPWARD begins at the innermost function: the one that met the system's error.
std::string innermost_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &keep_first, &reason);
  H5Eclear2(H5E_DEFAULT);
  return reason.empty() ? std::string{"no reason given by the HDF5 library"} : reason;
}

}  // namespace

void throw_hdf5_failure(ErrorCode code, std::string_view doing) {
  throw Hdf5Failure{{code, fmt::format("{}: {}", doing, innermost_reason())}};
}

void hdf5_prepare_thread() {
  [[maybe_unused]] static const herr_t no_exit_handler = H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Type hdf5_text_type(std::size_t bytes) {
  Hdf5Type type{hdf5_check(H5Tcopy(H5T_C_S1), "copy a string type")};
  hdf5_check(H5Tset_size(type.id(), bytes), "size a string type");
  hdf5_check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "set a string type's encoding");
  hdf5_check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "set a string type's padding");
  return type;
}

}  // namespace radixbench

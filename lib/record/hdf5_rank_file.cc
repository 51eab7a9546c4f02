#include "record/hdf5_rank_file.h"

#include "base/clock.h"
#include "record/hdf5_attribute.h"
#include "record/hdf5_open.h"
#include "record/hdf5_variables.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <time.h>

namespace radixbench {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::int64_t clock_resolution_ns() {
  timespec resolution{};
  clock_getres(CLOCK_MONOTONIC, &resolution);
  return resolution.tv_nsec;
}

std::string library_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

// SWMR needs the newest format. Attributes of the root stay in its header, where a status of the
// same length is replaced by one write.
Hdf5File create_file(const std::string& path) {
  const Hdf5Properties creation{hdf5_check(H5Pcreate(H5P_FILE_CREATE), "create properties")};
  constexpr unsigned kCompactMax = 64;
  constexpr unsigned kDenseMin = 48;
  hdf5_check(H5Pset_attr_phase_change(creation.id(), kCompactMax, kDenseMin), "keep it compact");
  const Hdf5Properties access{hdf5_check(H5Pcreate(H5P_FILE_ACCESS), "create properties")};
  hdf5_check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST),
             "ask for the newest format");
  hdf5_check(H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG), "ask for a strong close");
  return Hdf5File{hdf5_check(H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation.id(), access.id()),
                             "create",
                             ErrorCode::kCannotCreate)};
}

void write_rank_attributes(hid_t file, const RankIdentity& identity) {
  write_file_identity(file, kRankKind, identity);
  write_i64(file, "rank", identity.rank);
  write_i64(file, "local_rank", identity.local_rank);
  write_text(file, "status", to_string(RankStatus::kRunning), kStatusBytes);
  write_text(file, "clock", "CLOCK_MONOTONIC");
  write_i64(file, "clock_to_realtime_ns", wall_clock_ns() - monotonic_ns());
  write_i64(file, "clock_resolution_ns", clock_resolution_ns());
  write_i64(file, "clock_overhead_ns", clock_overhead_ns());
}

}  // namespace

std::vector<TableSchema> rank_schemas(const CodeNames& sites) {
  return {sample_schema(Phase::kConsensus, sites),
          sample_schema(Phase::kDrain, sites),
          sample_schema(Phase::kNeighbour, sites),
          sample_schema(Phase::kPrefetch, sites),
          step_schema(),
          digest_schema(),
          request_schema(),
          tier_schema(),
          prefetch_schema(),
          group_schema(),
          member_schema(),
          counter_schema(),
          monitor_schema()};
}

void write_file_identity(hid_t file, const char* kind, const RankIdentity& identity) {
  write_text(file, "file_kind", kind);
  write_text(file, "schema_version", kHdf5SchemaVersion);
  write_i64(file, "schema_major", kHdf5SchemaMajor);
  write_text(file, "run_id", identity.run_id);
  write_i64(file, "world_size", identity.world_size);
  write_text(file, "run_clock", identity.clock);
  write_text(file, "file_time", iso_time_utc());
  write_text(file, "file_update_time", iso_time_utc());
  write_text(file, "creator", "radixbench");
  write_text(file, "creator_version", RADIXBENCH_VERSION);
  write_text(file, "HDF5_Version", library_version());
  write_text(file, "default", "samples/consensus");
  write_named_values(file, "/options", identity.options);
  write_named_values(file, "/provenance", identity.provenance);
  write_variables(file, identity.variables);
}

std::string iso_time_utc() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(wall_clock_ns() / kNsPerSecond));
}

RankIdentity read_file_identity(hid_t file) {
  RankIdentity identity;
  identity.run_id = read_text(file, "run_id");
  identity.world_size = static_cast<std::uint32_t>(read_u64(file, "world_size"));
  identity.clock = read_text(file, "run_clock");
  identity.options = read_named_values(file, "/options");
  identity.provenance = read_named_values(file, "/provenance");
  identity.variables = read_variables(file);
  return identity;
}

RankStatus read_status(hid_t file) {
  const std::string text = read_text(file, "status");
  for (const RankStatus status : {RankStatus::kRunning,
                                  RankStatus::kComplete,
                                  RankStatus::kAborted,
                                  RankStatus::kRecovered}) {
    if (to_string(status) == text) return status;
  }
  throw Hdf5Failure{{ErrorCode::kCorrupt, fmt::format("unknown status '{}'", text)}};
}

Hdf5RankFile::Hdf5RankFile(const std::string& path,
                           const RankIdentity& identity,
                           const RecorderOptions& options)
    : file_{create_file(path)},
      commit_min_ns_{std::chrono::nanoseconds{options.commit_min}.count()},
      commit_max_ns_{std::chrono::nanoseconds{options.commit_max}.count()} {
  write_rank_attributes(file_.id(), identity);
  const std::vector<TableSchema> schemas = rank_schemas(options.sites);
  for (const auto& schema : schemas) create_table(file_.id(), schema, options.compression);
  hdf5_check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "flush");
  hdf5_check(H5Fstart_swmr_write(file_.id()), "start single-writer mode");
  for (const auto& schema : schemas) tables_.emplace_back(file_.id(), schema);
  last_commit_ns_ = monotonic_ns();
  committed_at_ns_.fill(last_commit_ns_);
}

void Hdf5RankFile::append(RankTable table, const void* rows, std::size_t count) {
  tables_[static_cast<std::size_t>(table)].append(rows, count);
}

void Hdf5RankFile::write_dropped(RankTable table, std::uint64_t count) {
  tables_[static_cast<std::size_t>(table)].write_dropped(count);
}

bool Hdf5RankFile::is_due(std::size_t table, std::int64_t age_ns) const {
  const Hdf5TableWriter& writer = tables_[table];
  if (writer.rows_staged() == 0) return false;
  constexpr std::size_t kGrowth = 4;
  const bool has_grown = writer.rows_staged() * kGrowth >= writer.rows_written() % kHdf5ChunkRows;
  return has_grown || age_ns >= commit_max_ns_;
}

void Hdf5RankFile::commit_due(std::int64_t now_ns) {
  if (now_ns - last_commit_ns_ < commit_min_ns_) return;
  last_commit_ns_ = now_ns;
  bool is_any_written = false;
  for (std::size_t index = 0; index < tables_.size(); ++index) {
    if (is_due(index, now_ns - committed_at_ns_[index])) {
      tables_[index].write();
      committed_at_ns_[index] = now_ns;
    }
    is_any_written |= tables_[index].rows_written() > tables_[index].rows_committed();
  }
  if (is_any_written) flush();
}

void Hdf5RankFile::commit() {
  for (auto& table : tables_) table.write();
  flush();
}

// The counters go out last: whatever they cover has left this process by then.
void Hdf5RankFile::flush() {
  hdf5_check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "flush rows");
  for (auto& table : tables_) table.commit();
  hdf5_check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), "flush counts of rows");
}

void Hdf5RankFile::close(RankStatus status) {
  commit();
  overwrite_text(file_.id(), "file_update_time", iso_time_utc());
  overwrite_text(file_.id(), "status", to_string(status));
  tables_.clear();
  hdf5_check(file_.close(), "close");
}

}  // namespace radixbench

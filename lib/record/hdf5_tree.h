#pragma once

#include "record/hdf5_handle.h"
#include "record/hdf5_table_extent.h"

#include <cstdint>
#include <vector>

namespace radixbench {

// A file's groups, datasets and attributes as they are found, whatever the schema: columns that a
// newer program added are read and copied too. All throw Hdf5Failure.

// Every group that holds a rows_committed, in the order of names. kCorrupt where a column holds
// fewer rows than were committed.
std::vector<TableExtent> list_tables(hid_t file);

// Reads every cell that was committed, and all datasets that belong to no table, so that each
// chunk's checksum is looked at. Virtual datasets are left out: their cells are other files'.
void read_tree(hid_t file);

// Copies everything below the root of `source` to that of `target`, which is empty. Tables are cut
// to what was committed; virtual datasets become real ones.
struct TreeCopy {
  bool is_compressed = false;  // shuffle and deflate on what has chunks; else filters stay
};
void copy_tree(hid_t source, hid_t target, TreeCopy how);

// Copies the attributes of one object to another that has none of them. What dimension scales
// write about themselves stays behind: it holds addresses.
void copy_attributes(hid_t source, hid_t target);

}  // namespace radixbench

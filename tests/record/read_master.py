"""Reads a run's master as an analyst would: pandas on the summary, h5py on the virtual samples.
Started by ctest with the path of record_writer; exit 77 (skipped) where a module is missing."""

import os
import subprocess
import sys
import tempfile
import unittest

try:
    import h5py
    import numpy as np
    import pandas as pd
    import tables  # noqa: F401  what pandas.read_hdf stands on
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

WRITER = sys.argv.pop(1)


class MasterTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        subprocess.run([WRITER, "run", self.folder.name], check=True)
        self.path = os.path.join(self.folder.name, "run.h5")

    def tearDown(self):
        self.folder.cleanup()

    def test_pandas_reads_the_summary(self):
        cells = pd.read_hdf(self.path, "summary/cells")
        self.assertEqual(list(cells.metric), ["agreement_per_step", "wire_ops"])
        self.assertEqual(list(cells.layout), ["sglang:tp=8,cp=2"] * 2)
        self.assertEqual(list(cells.tp), [4, 4])
        self.assertEqual(list(cells.value), [5.0, 4096.0])
        for name in ("scenario layout tp cp dp pp rules agreement transport policy clock page_size metric "
                     "stat unit metric_class direction n value floor p50 p95 p99 max mean stddev").split():
            self.assertIn(name, cells.columns)

    def test_one_line_makes_a_data_frame_of_all_ranks(self):
        g = h5py.File(self.path)["samples/consensus"]
        frame = pd.DataFrame({k: g[k][:] for k in g if g[k].shape})
        self.assertEqual(len(frame), 30)
        self.assertEqual(list(frame["rank"]), [0] * 10 + [1] * 20)
        self.assertEqual(list(frame["sample"]), list(range(30)))
        self.assertEqual(list(frame.op_seq), list(range(10)) + list(range(20)))
        self.assertEqual(list(frame.wait_ns), list(range(10)) + list(range(20)))
        self.assertEqual(set(frame.skew_ns), {-1})
        np.testing.assert_array_equal(g["rank"].attrs["rank_offset"], [0, 10, 30])
        self.assertEqual(g["site"].attrs["flag_meanings"],
                         b"writing_check check_prefetch_progress")

    def test_samples_read_from_any_folder_and_after_a_move(self):
        moved = self.folder.name + "_moved"
        os.rename(self.folder.name, moved)
        try:
            os.chdir("/")
            with h5py.File(os.path.join(moved, "run.h5")) as file:
                self.assertEqual(int(file["samples/consensus/op_seq"][29]), 19)
        finally:
            os.rename(moved, self.folder.name)

    def test_a_source_that_is_missing_reads_as_missing_values(self):
        os.remove(os.path.join(self.folder.name, "ranks", "rank00001.h5"))
        with h5py.File(self.path) as file:
            group = file["samples/consensus"]
            self.assertEqual(set(group["t_enter_ns"][10:]), {-1})
            self.assertEqual(set(group["value0"][10:]), {-1})
            self.assertEqual(int(group["op_seq"][10]), 2**64 - 1)
            self.assertEqual(int(group["wait_ns"][10]), 0)

    def test_tables_of_all_ranks(self):
        with h5py.File(self.path) as file:
            self.assertEqual(list(file["cache/tiers/rank"]), [0, 1])
            self.assertEqual(list(file["cache/tiers/request_id"]), [40, 41])
            self.assertEqual(list(file["cache/tiers/device"]), [512, 512])
            self.assertEqual(list(file["digests/digest"]), [0xABCD] * 2)
            self.assertEqual(list(file["counters/value"]), [7, 8])
            self.assertEqual(list(file["requests/request_id"]), [40, 41])
            files = file["rank_files"]
            self.assertEqual(list(files["rank"]), [0, 1])
            self.assertEqual(files["file"][1], b"ranks/rank00001.h5")
            self.assertEqual(len(files["sha256"][0]), 64)

    def test_h5dump_reads_it(self):
        done = subprocess.run(["h5dump", self.path], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()

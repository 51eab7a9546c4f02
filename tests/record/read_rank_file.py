"""Reads rank files as an analyst would: h5py and h5dump after a clean close, h5py's SWMR mode after
a kill. Started by ctest with the path of record_writer; exit 77 (skipped) where a module is missing."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

WRITER = sys.argv.pop(1)


class RankFileTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "rank00000.h5")

    def tearDown(self):
        self.folder.cleanup()

    def expect_samples(self, group, rows):
        self.assertGreaterEqual(rows, 1)
        number = np.arange(rows, dtype="i8")
        np.testing.assert_array_equal(group["sample"][:rows], number)
        np.testing.assert_array_equal(group["t_enter_ns"][:rows], 1_000_000 + 1_000 * number)
        np.testing.assert_array_equal(group["op_seq"][:rows], number)
        np.testing.assert_array_equal(group["value1"][:rows], -number)
        np.testing.assert_array_equal(group["site"][:rows], number % 9)

    def test_closed_file_is_ordinary(self):
        subprocess.run([WRITER, self.path, "20000"], check=True)
        with h5py.File(self.path, "r") as file:
            self.assertEqual(file.attrs["file_kind"], b"radixbench.rank")
            self.assertEqual(file.attrs["status"], b"complete")
            self.assertEqual(file["options"].attrs["agreement"], b"attn_groups")
            self.assertEqual(file["options"].attrs["empty"], b"")
            group = file["samples/consensus"]
            self.assertEqual(group["rows_committed"][()], 20000)
            self.assertEqual(group["step"].shape, (20000,))
            self.expect_samples(group, 20000)
            self.assertEqual(group["t_enter_ns"].attrs["units"], b"ns")
            self.assertEqual(group["site"].attrs["flag_meanings"],
                             b"writing_check check_prefetch_progress")
            np.testing.assert_array_equal(group["site"].attrs["flag_values"], [2, 5])
            self.assertEqual(group["t_exit_ns"].dims[0][0].name, "/samples/consensus/sample")
            np.testing.assert_array_equal(file["cache/tiers/input"][:],
                                          file["cache/tiers/computed"][:])
            self.assertEqual(file["groups/name"][:].view("S96")[0, 0], b"attention_tp{0,1}")
            self.assertEqual(file["counters/name"][:].view("S64")[0, 0], b"agreements.writing_check")
            self.assertEqual(file["counters/value"][0], 20000)

    def test_one_line_makes_a_data_frame(self):
        try:
            import pandas
        except ImportError as error:
            self.skipTest(str(error))
        subprocess.run([WRITER, self.path, "1000"], check=True)
        with h5py.File(self.path, "r") as file:
            g = file["samples/consensus"]
            frame = pandas.DataFrame({k: g[k][:] for k in g if g[k].shape})
        self.assertEqual(len(frame), 1000)
        self.assertEqual(int((frame.t_exit_ns - frame.t_enter_ns).max()), 976)

    def test_h5dump_reads_a_closed_file(self):
        subprocess.run([WRITER, self.path, "1000"], check=True)
        done = subprocess.run(["h5dump", "-d", "/samples/drain/op_seq", self.path],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("999", done.stdout)
        whole = subprocess.run(["h5dump", "-H", self.path], capture_output=True)
        self.assertEqual(whole.returncode, 0)

    def test_killed_file_reads_in_swmr_mode(self):
        writer = subprocess.Popen([WRITER, self.path, "0"])
        deadline = time.monotonic() + 30
        rows = 0
        while rows < 1000 and time.monotonic() < deadline:
            time.sleep(0.02)
            try:
                with h5py.File(self.path, "r", swmr=True, libver="latest") as file:
                    rows = int(file["samples/consensus/rows_committed"][()])
            except (OSError, KeyError):
                pass
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        with h5py.File(self.path, "r", swmr=True, libver="latest") as file:
            self.assertEqual(file.attrs["status"], b"running")
            for phase in ("consensus", "drain"):
                group = file["samples"][phase]
                committed = int(group["rows_committed"][()])
                self.assertGreaterEqual(committed, rows if phase == "consensus" else 1)
                self.expect_samples(group, committed)


if __name__ == "__main__":
    unittest.main()

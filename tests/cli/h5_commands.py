"""radixbench h5 info, verify, recover, merge, failing cases first. Started by ctest: h5_commands.py TOOL SOURCE_FOLDER
RUN, where RUN is the folder of a run that went well. Exit 77 (skipped) without h5py."""

import glob
import hashlib
import os
import shutil
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

TOOL, SOURCE, RUN = sys.argv[1:]
RANK = "ranks/rank00002.h5"


def digests(folder):
    found = {}
    for path in sorted(glob.glob(folder + "/**/*.h5", recursive=True)):
        with open(path, "rb") as file:
            found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


class H5CommandsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.run_path = os.path.join(self.folder, "run")
        shutil.copytree(RUN, self.run_path)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def tool(self, code, *words):
        done = subprocess.run([TOOL, "h5", *words], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done.stdout if code == 0 else done.stderr

    def test_no_such_file_is_66(self):
        for command in ("info", "verify", "recover", "merge"):
            self.assertIn("nowhere", self.tool(66, command, "nowhere"))
        os.mkdir(self.path("empty"))
        for command in ("info", "verify", "recover", "merge"):
            self.assertIn("empty", self.tool(66, command, "empty"))

    def test_truncated_file_is_65_and_named(self):
        os.truncate(self.path("run", RANK), 5000)
        self.assertIn(RANK, self.tool(65, "info", self.path("run", RANK)))
        self.assertIn(RANK, self.tool(65, "info", "run"))
        self.assertIn(RANK, self.tool(65, "verify", self.path("run", RANK)))
        self.assertIn(RANK + ": has 5000 bytes", self.tool(65, "verify", "run"))
        self.assertIn(RANK, self.tool(65, "merge", "run"))
        self.assertFalse(os.path.exists(self.path("run.h5")))

    def test_foreign_files_are_65(self):
        with open(self.path("text.h5"), "w") as file:
            file.write("no HDF5 at all\n" * 100)
        with h5py.File(self.path("other.h5"), "w") as file:
            file["x"] = [1, 2, 3]
        for name in ("text.h5", "other.h5"):
            for command in ("info", "verify", "recover"):
                self.assertIn(name, self.tool(65, command, name))
        self.assertIn("not one of radixbench", self.tool(65, "info", "other.h5"))

    def test_a_newer_major_version_is_65_and_both_versions_are_named(self):
        for file in (RANK, "run.h5"):
            with h5py.File(self.path("run", file), "r+") as opened:
                opened.attrs.modify("schema_major", np.int64(2))
                opened.attrs.modify("schema_version", np.bytes_("2.0.0"))
        for words in (("info", self.path("run", RANK)), ("info", self.path("run/run.h5")), ("verify", "run"),
                      ("recover", self.path("run", RANK)), ("merge", "run")):
            said = self.tool(65, *words)
            self.assertIn("2.0.0", said)
            self.assertIn("1.0.0", said)
        compared = subprocess.run([TOOL, "compare", RUN, self.run_path], capture_output=True, text=True)
        self.assertEqual(compared.returncode, 65)
        self.assertIn("2.0.0", compared.stderr)

    def test_a_newer_minor_version_is_read_and_its_columns_are_kept(self):
        with h5py.File(self.path("run", RANK), "r+") as file:
            file.attrs.modify("schema_version", np.bytes_("1.9.0"))
            file.attrs.modify("status", np.bytes_("running".ljust(16, "\0")))
            file.attrs["new"] = np.bytes_("attribute")
            rows = len(file["steps/step"])
            file["steps"].create_dataset("new_column", data=np.arange(rows, dtype="u4"), chunks=(16384,), maxshape=(None,))
        self.assertIn("1.9.0", self.tool(0, "info", self.path("run", RANK)))
        self.tool(0, "recover", self.path("run", RANK), "-o", "new.h5")
        with h5py.File(self.path("new.h5")) as file:
            self.assertEqual(file.attrs["new"], b"attribute")
            self.assertEqual(list(file["steps/new_column"]), list(range(rows)))

    def test_text_of_one_string_a_row_is_read(self):
        """As the first programs of schema 1.0.0 wrote it, and rules of 16 bytes."""
        with h5py.File(self.path("run/run.h5"), "r+") as file:
            for name in ("counters/name", "counters/unit"):
                letters = file[name][:]
                attributes = {key: file[name].attrs[key] for key in ("units", "long_name")}
                del file[name]
                words = np.empty(len(letters), h5py.string_dtype("utf-8", letters.shape[1]))
                words[:] = letters.view(f"S{letters.shape[1]}").ravel()
                file[name] = words
                file[name].attrs.update(attributes)
            cells = file["summary/cells"][:]
            short = h5py.string_dtype("utf-8", 16)
            kind = np.dtype([(name, short if name == "rules" else cells.dtype[name]) for name in cells.dtype.names])
            del file["summary/cells"]
            file["summary/cells"] = cells.astype(kind)
        self.assertIn("complete", self.tool(0, "info", "run"))
        self.tool(0, "verify", "run")
        compared = subprocess.run([TOOL, "compare", RUN, self.run_path], capture_output=True, text=True)
        self.assertEqual(compared.returncode, 0, compared.stderr)
        self.tool(0, "merge", "run")

    def test_a_rank_file_that_is_gone_is_65_and_named(self):
        os.remove(self.path("run", RANK))
        self.assertIn(f"run/{RANK}: is missing: rank 2's rows", self.tool(65, "verify", "run"))
        self.assertIn(RANK, self.tool(65, "verify", "run/run.h5"))
        self.assertIn(RANK, self.tool(65, "merge", "run"))
        self.assertIn(RANK, self.tool(65, "recover", "run"))
        with h5py.File(self.path("run-recovered/run.h5")) as file:
            self.assertEqual(list(file["rank_files"]["status"]), [1, 1, 4, 1])

    def test_files_that_are_not_what_the_master_says_are_65(self):
        with h5py.File(self.path("run", RANK)) as file:
            at = file["samples/consensus/op_seq"].id.get_chunk_info(0).byte_offset
        with open(self.path("run", RANK), "r+b") as file:
            file.seek(at + 100)
            byte = file.read(1)[0]
            file.seek(at + 100)
            file.write(bytes([byte ^ 1]))
        said = self.tool(65, "verify", "run")
        self.assertIn(RANK + ": has another SHA-256", said)
        self.assertIn("samples/consensus/op_seq", said)
        shutil.copy(self.path("run/ranks/rank00001.h5"), self.path("run", RANK))
        self.assertIn(RANK + ": is rank 1's, the master says 2", self.tool(65, "verify", "run"))

    def test_a_whole_run_is_shown_and_verified(self):
        shown = self.tool(0, "info", "run")
        for word in ("sglang:tp=4,cp=2", "ranks/rank00003.h5", "complete"):
            self.assertIn(word, shown)
        shown = self.tool(0, "info", self.path("run", RANK))
        for word in ("rank 2", "/samples/consensus", "dropped", "complete", "1.0.0"):
            self.assertIn(word, shown)
        self.assertIn("rank file", self.tool(0, "info", "run/run.h5"))
        for path in ("run", "run/run.h5", "run/", self.path("run", RANK)):
            self.assertIn("whole", self.tool(0, "verify", path))

    def test_merge_writes_once(self):
        self.assertIn("made run.h5", self.tool(0, "merge", "run/"))
        before = digests(self.folder)
        self.assertIn("run.h5", self.tool(73, "merge", "run"))
        self.assertIn("missing/new.h5", self.tool(73, "merge", "run", "-o", "missing/new.h5"))
        self.assertEqual(digests(self.folder), before)
        self.assertIn("merged", self.tool(0, "info", "run.h5"))
        self.assertIn("whole", self.tool(0, "verify", "run.h5"))

    def kill_a_run(self):
        killed = self.path("killed")
        process = subprocess.Popen([TOOL, "replay", os.path.join(SOURCE, "traces/sample_400.jsonl"), "--layout", "tp2cp2",
                                    "--clock", "wall", "-o", killed], start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = {}
        deadline = time.monotonic() + 60
        while len(rows) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
            for path in glob.glob(killed + "/ranks/*.h5"):
                try:
                    with h5py.File(path, "r", swmr=True, libver="latest") as file:
                        count = int(file["steps/rows_committed"][()])
                except (OSError, KeyError):
                    continue
                if count:
                    rows[os.path.basename(path)] = count
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.assertEqual(len(rows), 4)
        return rows

    def test_a_run_that_was_killed_is_recovered_and_left_as_it_was(self):
        rows = self.kill_a_run()
        before = digests(self.path("killed"))
        self.assertIn("not closed", self.tool(0, "info", "killed"))
        self.assertIn("was not closed", self.tool(65, "verify", "killed"))
        self.tool(66, "merge", "killed")
        self.assertIn("recovered", self.tool(0, "recover", "killed"))
        self.assertEqual(digests(self.path("killed")), before)
        for name, count in rows.items():
            with h5py.File(self.path("killed-recovered/ranks", name)) as file:
                self.assertEqual(file.attrs["status"], b"recovered")
                self.assertGreaterEqual(len(file["steps/step"]), count)
                np.testing.assert_array_equal(file["steps/step"][:], np.arange(len(file["steps/step"])))
        self.assertIn("whole", self.tool(0, "verify", "killed-recovered"))
        with h5py.File(self.path("killed-recovered/run.h5")) as file:
            self.assertEqual(file["provenance"].attrs["run_end"], b"recovered")
            self.assertGreater(len(file["samples/consensus/wait_ns"]), 0)
            self.assertEqual(file["summary/cells"]["layout"][0], b"sglang:tp=4,cp=2")
        self.assertIn("killed-recovered", self.tool(73, "recover", "killed"))
        self.tool(0, "merge", "killed-recovered")
        self.assertIn("whole", self.tool(0, "verify", "killed-recovered.h5"))

    def test_one_rank_file_is_recovered_to_a_new_name(self):
        self.tool(0, "recover", self.path("run", RANK))
        self.tool(73, "recover", self.path("run", RANK))
        self.assertTrue(os.path.exists(self.path("run/ranks/rank00002-recovered.h5")))
        self.assertIn("is not in the master's", self.tool(65, "verify", "run"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

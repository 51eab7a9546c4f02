"""Reads the files of a run as people do who have never heard of radixbench. Started by ctest, a class a test:
readers.py TOOL SOURCE_FOLDER WORK_FOLDER CLASS; make_runs.py filled WORK_FOLDER. Exit 77 (skipped) where a module
that the class needs is missing."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

TOOL, SOURCE, WORK, CLASS = sys.argv[1:]
A, B = os.path.join(WORK, "a"), os.path.join(WORK, "b")
RANK = os.path.join(A, "ranks/rank00000.h5")
MASTER = os.path.join(A, "run.h5")
PHASES = ["samples/" + phase for phase in ("consensus", "drain", "neighbour", "prefetch")]
SHARED = PHASES + ["steps", "digests", "requests", "cache/tiers", "prefetches", "groups", "groups/members", "counters"]


def run(*words, cwd=None):
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd)


def module(name):
    try:
        return __import__(name)
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(77)


def program(name):
    if shutil.which(name) is None:
        print(f"skipped: no {name} here")
        sys.exit(77)


class Xarray:
    """Every group opens as a dataset of one dimension, which has a coordinate."""

    engine = ""

    def setUp(self):
        module(self.engine if self.engine == "h5netcdf" else "netCDF4")
        self.xr = module("xarray")

    def open(self, path, group):
        return self.xr.open_dataset(path, group=group, engine=self.engine)

    def expect_group(self, path, group, scale):
        with self.open(path, group) as data:
            self.assertEqual(list(data.dims), [scale], group)
            self.assertIn(scale, data.coords, group)
            for name, variable in data.data_vars.items():
                if variable.dims:
                    self.assertEqual(variable.dims, (scale,), name)
                    self.assertTrue(variable.attrs["long_name"], name)

    def test_rank_file(self):
        scales = ["sample"] * 4 + ["step", "step", "request_id", "request_id", "prefetch", "group", "member", "counter"]
        for group, scale in zip(SHARED + ["monitor"], scales + ["t_ns"]):
            self.expect_group(RANK, group, scale)

    def test_master(self):
        scales = ["sample"] * 4 + ["row"] * 4 + ["prefetch", "group", "member", "row"]
        for group, scale in zip(SHARED, scales):
            if group == "counters":
                scale = "counter"
            self.expect_group(MASTER, group, scale)

    def test_values_and_attributes(self):
        with self.open(RANK, "samples/consensus") as data:
            self.assertGreater(data.sizes["sample"], 100)
            self.assertEqual(data.t_enter_ns.attrs["units"], "ns")
            self.assertGreater(float((data.t_exit_ns - data.t_enter_ns).min()), 0)
            names = dict(zip(np.atleast_1d(data.site.attrs["flag_values"]), data.site.attrs["flag_meanings"].split()))
            self.assertIn("check_prefetch_progress", names.values())
            self.assertLessEqual(set(np.unique(data.site)), set(names))
        with self.open(MASTER, "samples/consensus") as data:
            self.assertEqual(set(np.unique(data["rank"])), {0, 1, 2, 3})
            joined = data.where(data.wait_ns >= 0, drop=True)
            self.assertGreater(joined.sizes["sample"], 100)
            self.assertGreaterEqual(float(joined.skew_ns.min()), 0)


class XarrayH5netcdf(Xarray, unittest.TestCase):
    engine = "h5netcdf"


class XarrayNetcdf4(Xarray, unittest.TestCase):
    engine = "netcdf4"


class NetCDF4(unittest.TestCase):
    def setUp(self):
        self.netCDF4 = module("netCDF4")

    def test_every_table_and_its_categories(self):
        for path in (RANK, MASTER):
            with self.netCDF4.Dataset(path) as file:
                for group in SHARED:
                    for name, variable in file[group].variables.items():
                        self.assertEqual(variable[:].shape, variable.shape, (path, group, name))
        with self.netCDF4.Dataset(RANK) as file:
            site = file["samples/consensus/site"]
            self.assertEqual(site.dtype, np.dtype("u2"))
            self.assertEqual(site.flag_values.dtype, np.dtype("u2"))
            self.assertEqual(len(site.flag_values), len(site.flag_meanings.split()))
            kind = file["steps/kind"]
            self.assertEqual(kind.flag_values.dtype, np.dtype("u1"))
            self.assertEqual(kind.flag_meanings, "idle prefill decode")
            self.assertEqual(file["samples/consensus/flags"].flag_masks.dtype, np.dtype("u2"))
            self.assertEqual(file["samples/consensus/t_enter_ns"].dimensions, ("sample",))
            self.assertIs(file["requests/finished_ns"][:].mask.any(), np.False_)


class Pandas(unittest.TestCase):
    def test_summary_cells(self):
        module("tables")
        cells = module("pandas").read_hdf(MASTER, "summary/cells")
        self.assertEqual(set(cells.layout), {"sglang:tp=4,cp=2"})
        self.assertEqual(set(cells.transport), {"shm"})
        self.assertEqual(int(cells[cells.metric == "requests_served"].value.iloc[0]), 60)
        wire = cells[cells.metric == "wire"].iloc[0]
        self.assertGreater(wire.p95, wire.floor)


class H5py(unittest.TestCase):
    def setUp(self):
        self.h5py = module("h5py")

    def test_identity_and_provenance(self):
        for path in (RANK, MASTER):
            with self.h5py.File(path) as file:
                provenance = file["provenance"].attrs
                for name in ("compiler", "build_flags", "argv", "hostname", "os", "kernel", "cpu_model", "cpus_allowed",
                             "governor", "numa", "git_sha", "git_describe", "git_dirty", "trace_name", "trace_sha256",
                             "seed", "launcher", "cache_state_at_start"):
                    self.assertIn(name, provenance, path)
                self.assertEqual(provenance["cache_state_at_start"], b"cold")
                self.assertIn(b"--layout tp2cp2", provenance["argv"])
                self.assertEqual(file["variables"].attrs["layout"], b"sglang:tp=4,cp=2")
                self.assertEqual(file["variables"].attrs["page_size"], 64)
                self.assertEqual(file.attrs["schema_version"], b"1.0.0")

    def test_nothing_of_the_environment_but_what_is_allowed(self):
        folder = tempfile.mkdtemp()
        try:
            done = subprocess.run([TOOL, "replay", os.path.join(SOURCE, "traces/sample_400.jsonl"), "--limit", "2",
                                   "-o", folder + "/run"], capture_output=True,
                                  env=dict(os.environ, NCCL_DEBUG="INFO", NCCL_SECRET_TOKEN="hush-1", MY_KEY="hush-2"))
            self.assertEqual(done.returncode, 0, done.stderr)
            for path in glob.glob(folder + "/run/**/*.h5", recursive=True):
                with open(path, "rb") as file:
                    self.assertNotIn(b"hush-", file.read(), path)
                with self.h5py.File(path) as file:
                    self.assertEqual(file["provenance"].attrs["env.NCCL_DEBUG"], b"INFO")
        finally:
            shutil.rmtree(folder)

    def test_a_virtual_run_drops_nothing_and_a_wall_run_says_what_it_drops(self):
        for path in glob.glob(A + "/ranks/*.h5"):
            with self.h5py.File(path) as file:
                counts = []
                file.visititems(lambda name, item: counts.append(int(item[()])) if name.endswith("rows_dropped") else None)
                self.assertEqual((len(counts), sum(counts)), (13, 0))
                names = list(file["counters/name"][:].view("S64").ravel())
                self.assertEqual(file["counters/value"][names.index(b"record.rows_dropped")], 0)
        with tempfile.TemporaryDirectory() as folder:
            done = run(TOOL, "replay", os.path.join(SOURCE, "traces/sample_400.jsonl"), "--limit", "3", "--clock", "wall",
                       "-o", folder + "/run")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"dropped +[\d,]+ rows? found the recorder's queue full")

    def test_swmr_mode_reads_a_closed_file_too(self):
        with self.h5py.File(RANK, "r", swmr=True, libver="latest") as file:
            group = file["samples/consensus"]
            self.assertEqual(len(group["op_seq"]), int(group["rows_committed"][()]))


class H5dump(unittest.TestCase):
    def test_whole_files(self):
        program("h5dump")
        for path in (RANK, MASTER):
            self.assertEqual(run("h5dump", path).returncode, 0)


class Ncdump(unittest.TestCase):
    def test_whole_files(self):
        program("ncdump")
        for path in (RANK, MASTER):
            done = run("ncdump", path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("t_enter_ns(sample)", done.stdout)
            self.assertIn('long_name = "the rank called"', done.stdout)


class H5diff(unittest.TestCase):
    def test_equal_virtual_runs(self):
        program("h5diff")
        files = ["run.h5"] + [os.path.relpath(path, A) for path in glob.glob(A + "/ranks/*.h5")]
        self.assertEqual(len(files), 5)
        for file in files:
            for path in ("/counters", "/cache/tiers", "/digests", "/requests", "/samples/consensus/op_seq"):
                done = run("h5diff", os.path.join(A, file), os.path.join(B, file), path)
                self.assertEqual(done.returncode, 0, (file, path, done.stdout, done.stderr))
        self.assertEqual(run("h5diff", RANK, os.path.join(B, "ranks/rank00000.h5"), "/samples/drain/t_enter_ns").returncode, 1)


class Merged(unittest.TestCase):
    """One file for sharing, alone in a folder, is read like the run it was made of."""

    def setUp(self):
        self.h5py = module("h5py")
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "shared.h5")
        done = run(TOOL, "h5", "merge", A, "-o", self.path)
        self.assertEqual(done.returncode, 0, done.stderr)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_equals_the_master_and_stands_alone(self):
        written_by_scales = {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST"}
        with self.h5py.File(MASTER) as master, self.h5py.File(self.path) as file:
            def expect_the_same(name, item):
                self.assertEqual(set(item.attrs), set(file[name].attrs), name)
                for attribute in set(item.attrs) - written_by_scales:
                    np.testing.assert_array_equal(item.attrs[attribute], file[name].attrs[attribute], name)
                if isinstance(item, self.h5py.Dataset):
                    np.testing.assert_array_equal(item[()], file[name][()], name)

            master.visititems(expect_the_same)
        with self.h5py.File(self.path) as file:
            self.assertFalse(file["samples/consensus/op_seq"].is_virtual)
            self.assertEqual(file["samples/consensus/op_seq"].compression, "gzip")
            self.assertTrue(file["samples/consensus/op_seq"].fletcher32)
            self.assertEqual(file["ranks/rank00003"].attrs["rank"], 3)
            self.assertEqual(set(file["monitor/rank"][:]), {0, 1, 2, 3})
        self.assertLess(os.path.getsize(self.path),
                        sum(map(os.path.getsize, glob.glob(A + "/ranks/*.h5"))) + os.path.getsize(MASTER))
        self.assertEqual(run(TOOL, "h5", "verify", self.path).returncode, 0)

    def test_the_same_readers_take_it(self):
        xr = module("xarray")
        with xr.open_dataset(self.path, group="samples/consensus", engine="h5netcdf") as data:
            self.assertEqual(list(data.dims), ["sample"])
        module("tables")
        self.assertGreater(len(module("pandas").read_hdf(self.path, "summary/cells")), 20)
        done = run(TOOL, "compare", self.path, B)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("counts are equal", done.stdout)
        self.assertEqual(run("ncdump", "-h", self.path).returncode, 0)


class Documented(unittest.TestCase):
    """The lines that docs/formats/hdf5.md shows, run as they stand there, in a run's folder."""

    def blocks(self, language):
        with open(os.path.join(SOURCE, "docs/formats/hdf5.md")) as file:
            text = file.read().partition("## Reading them")[2]
        found = re.findall(r"^```" + language + r"\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        self.assertTrue(found, language)
        return found

    def test_python_lines(self):
        for name in ("h5py", "pandas", "tables", "xarray", "h5netcdf"):
            module(name)
        for block in self.blocks("python"):
            self.assertIn("read_hdf", block)
            done = run(sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", block, cwd=A)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_shell_lines(self):
        for name in ("h5dump", "h5diff", "ncdump"):
            program(name)
        for block in self.blocks("sh"):
            self.assertIn("h5diff", block)
            done = run("bash", "-e", "-c", block, cwd=WORK)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], CLASS])

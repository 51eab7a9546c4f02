"""Makes what the reader tests read, with the built tool: runs a and b of equal options and seed on the virtual clock.
Started by ctest: make_runs.py TOOL SOURCE_FOLDER WORK_FOLDER."""

import os
import shutil
import subprocess
import sys

tool, source, work = sys.argv[1:]
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
for name in ("a", "b"):
    subprocess.run([tool, "replay", os.path.join(source, "traces/sample_400.jsonl"), "--layout", "tp2cp2",
                    "--limit", "60", "--device-tokens", "60k", "--host-tokens", "120k",
                    "-o", os.path.join(work, name)], check=True, stdout=subprocess.DEVNULL)

#!/usr/bin/env python3
"""Sets of dumps with known faults, and what `radixbench diagnose` says of them.

  diagnose_dumps.py TOOL made [--seed N] [--sets N]   sets that make_dumps.py makes: shapes, culprits, rings, losses
  diagnose_dumps.py TOOL given FOLDER                 sets that say what is wrong in them, as they are and with the
                                                      names of all functions and files hashed
"""
import argparse
import hashlib
import json
import os
import pickle
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_dumps  # noqa: E402

SKIPPED = 77


def diagnose(tool, folder, layout=None):
    words = [tool, "diagnose", folder, "--format", "json"] + (["--layout", layout] if layout else [])
    run = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if run.returncode not in (0, 3, 75):
        return {"class": f"exit {run.returncode}: {run.stderr}", "culprit_ranks": [], "warnings": [], "verdicts": []}
    return json.loads(run.stdout)


class Case:
    def __init__(self, words, verdict, culprits=(), layout=None, **fields):
        self.words, self.verdict, self.culprits = words.split(), verdict, sorted(culprits)
        self.layout, self.fields = layout, fields

    def differences(self, said):
        found = []
        allowed = self.verdict if isinstance(self.verdict, tuple) else (self.verdict,)
        if said["class"] not in allowed:
            found.append(f"class {said['class']}, not {self.verdict}")
        if sorted(said["culprit_ranks"]) != self.culprits:
            found.append(f"culprits {said['culprit_ranks']}, not {self.culprits}")
        for name, value in self.fields.items():
            if name == "warning":
                got = [(w["class"], w["culprit_ranks"]) for w in said["warnings"]]
                if value not in got:
                    found.append(f"warnings {got}, not {value}")
            elif name == "starts":
                for field, text in value.items():
                    if not str(said.get(field, "")).startswith(text):
                        found.append(f"{field} {said.get(field)}, not {text}...")
            elif said.get(name) != value:
                found.append(f"{name} {said.get(name)}, not {value}")
        return found


def cases(chance):
    """Shapes are told by their sizes; `chance` picks culprits, steps and seeds."""
    shapes = [(1, 2, 4), (2, 2, 2), (2, 1, 4), (1, 1, 8), (2, 2, 4), (4, 1, 2), (1, 4, 4)]
    for dp, cp, tp in shapes:
        world = dp * cp * tp
        shape = f"--dp {dp} --cp {cp} --tp {tp}"
        layout = f"sglang:tp={world},cp={cp}" + (f",dp={dp}" if dp > 1 else "")
        for backend in ("nccl", "gloo"):
            base = f"{shape} --backend {backend} --seed {chance.randrange(1 << 30)} --at {chance.randrange(4, 9)}"
            one = chance.randrange(world)
            replica = chance.randrange(dp)
            members = [replica * cp * tp + i for i in range(cp * tp)]
            c = f"--culprits {one}"
            yield Case(f"{base} --ticks 4000", "none", layout=layout)
            yield Case(f"{base} --ticks 4003 --times", "none", layout=layout)
            yield Case(f"{base} --fault straggler {c} --times", "late/host", [one], layout, site="may_stop")
            yield Case(f"{base} --fault skipped_call {c}", "skipped_call", [one], layout, site="ack_writes")
            yield Case(f"{base} --fault skipped_call {c} --protocol 4 --prefix host-a_rank_", "skipped_call", [one])
            yield Case(f"{base} --fault extra_call {c}", "extra_call", [one], layout, site="may_stop")
            yield Case(f"{base} --fault extra_call {c} --extra-line 77", "extra_call", [one])
            yield Case(f"{base} --fault straggler {c}", "late/host", [one], layout, site="may_stop")
            yield Case(f"{base} --fault straggler {c} --json", "late/host", [one])
            yield Case(f"{base} --fault skipped_call {c} --json", "skipped_call", [one])
            yield Case(f"{base} --fault shape {c}", "mismatch/shape", [one], site="ack_writes")
            yield Case(f"{base} --fault dtype {c}", "mismatch/dtype", [one], site="ack_writes")
            yield Case(f"{base} --fault kind {c}", "mismatch/kind", [one], site="ack_writes")
            yield Case(f"{base} --fault straggler {c} --entries 40 --at 40", "late/host", [one])
            lost = chance.choice([r for r in range(world) if r != one])
            if cp * tp > 2:
                yield Case(f"{base} --fault skipped_call {c} --missing {lost}", "skipped_call", [one], layout, missing_dumps=[lost])
            if backend == "nccl":
                yield Case(f"{base} --fault rank_died {c}", "rank_died", [one], missing_dumps=[one])
                yield Case(f"{base} --fault device {c}", "late/device", [one], site="compute")
                if dp == 1:  # of ranks that run on nothing says so without finished calls
                    yield Case(f"{base} --fault straggler {c} --only-active", "late/host", [one])
                    yield Case(f"{base} --fault device {c} --only-active", "late/device", [one])
            if cp > 1 and tp > 1:
                yield Case(f"{base} --fault order_inversion {c} --ticks 5000", "none", [], warning=("order_inversion", [one]))
            if dp > 1:
                wrong = ",".join(map(str, members))
                for more in ("", "--new-site"):
                    words = f"{base} --fault wrong_group --culprits {wrong} --ticks 9000 {more}"
                    meant = ("attn_cp x " if cp > 1 else "") + "attention_tp{"
                    if backend == "gloo":
                        yield Case(words, "wrong_group/too_large", members, layout,
                                   absent=[r for r in range(world) if r not in members],
                                   starts={"expected_group": meant, "actual_group": "tp{"})
                        yield Case(words, "wrong_group/too_large", members)
                    else:
                        yield Case(words, "stalled_unrecorded", members, layout, after_site="may_stop")
                        yield Case(words, "stalled_unrecorded", members)
                idle = [r for r in range(world) if r // (cp * tp) != 1]
                resting = [r for r in range(world) if r // (cp * tp) == 1]
                words = f"{base} --fault idle_replica --culprits {','.join(map(str, idle))}"
                if backend == "gloo":
                    yield Case(words, "wrong_group/too_large", idle, layout, absent=resting)
                else:
                    yield Case(words, "stalled_unrecorded", idle, layout, idle=resting)
            both = sorted(chance.sample(range(world), 2))
            two = f"--culprits {both[0]},{both[1]}"
            # A whole replica that leaves a call out differs from nobody.
            if cp * tp > 2 and both[0] // (cp * tp) == both[1] // (cp * tp):
                if backend == "nccl" or cp * tp >= 8:
                    yield Case(f"{base} --fault straggler {two}", "late/host", both)
                yield Case(f"{base} --fault skipped_call {two}", "skipped_call", both)
    # Only the files' times tell that a single small group runs.
    for tp in (2, 3):
        for ticks in range(1000, 1005):
            yield Case(f"--tp {tp} --backend gloo --ticks {ticks} --seed {chance.randrange(1 << 30)} --times", "none")
        yield Case(f"--tp {tp} --backend gloo --fault straggler --culprits 1 --times", "late/host", [1])
    for tp, pp in ((2, 2), (2, 4), (4, 3)):
        stage = chance.randrange(1, pp)
        late = stage * tp + chance.randrange(tp)
        base = f"--tp {tp} --pp {pp} --seed {chance.randrange(1 << 30)} --at 5"
        sender = (stage - 1) * tp + chance.randrange(tp)
        yield Case(f"{base} --ticks 3000", "none")
        yield Case(f"{base} --fault straggler --culprits {late}", "late/host", [late])
        yield Case(f"{base} --fault straggler --culprits {late} --only-active", "late/host", [late])
        yield Case(f"{base} --fault straggler --culprits {late} --entries 30 --at 20", "late/host", [late])
        yield Case(f"{base} --fault rank_died --culprits {late}", "rank_died", [late])
        yield Case(f"{base} --fault skipped_call --culprits {sender}", "skipped_call", [sender], site="give_activation")
    yield Case("--tp 8 --backend gloo --fault straggler --culprits 2 --truncated 5", "late/host", [2], missing_dumps=[5])
    yield Case("--tp 8 --backend nccl --missing 3 --ticks 3000", "incomplete", [], missing_dumps=[3])
    yield Case("--tp 8 --backend nccl --truncated 3 --fault straggler --culprits 3", "incomplete", [], missing_dumps=[3])
    yield Case("--tp 4 --backend nccl --steps 6", "none")
    yield Case("--tp 4 --dp 2 --backend gloo --steps 6", "none", layout="sglang:tp=8,dp=2")


def run_made(tool, seed, sets):
    print(f"seed {seed}")
    failures = count = 0
    by_kind = {}  # verdict -> sets, wrong ones
    chance = random.Random(seed)
    chosen = list(cases(chance))
    if sets and sets < len(chosen):
        chosen = chance.sample(chosen, sets)
    with tempfile.TemporaryDirectory() as top:
        for case in chosen:
            folder = os.path.join(top, str(count))
            count += 1
            make_dumps.make([folder] + case.words)
            found = case.differences(diagnose(tool, folder, case.layout))
            sets_of_kind, wrong = by_kind.get(case.verdict, (0, 0))
            by_kind[case.verdict] = (sets_of_kind + 1, wrong + bool(found))
            if found:
                failures += 1
                print(f"make_dumps.py OUT {' '.join(case.words)} [{case.layout}]: {'; '.join(found)}")
    for kind, (sets_of_kind, wrong) in sorted(by_kind.items()):
        print(f"  {kind}: {sets_of_kind}, {wrong} wrong")
    print(f"{count} sets, {failures} wrong")
    return 1 if failures else 0


# Everything that a rule could know by its name.
def hashed(folder, into):
    def rename(value):
        return "x" + hashlib.sha1(value.encode()).hexdigest()[:12]

    os.makedirs(into)
    for name in os.listdir(folder):
        if name == "truth.json" or not name[-1].isdigit():
            continue
        with open(os.path.join(folder, name), "rb") as file:
            dump = pickle.load(file)  # our own files
        seen = set()
        for entry in dump["entries"]:
            for frame in entry.get("frames", []):
                if id(frame) in seen:
                    continue
                seen.add(id(frame))
                frame["name"], frame["filename"] = rename(frame["name"]), rename(frame["filename"])
        with open(os.path.join(into, name), "wb") as file:
            pickle.dump(dump, file, protocol=2)


def given_case(truth):
    expect = truth["expect"]
    fields = {}
    for name, field in (("missing", "missing_dumps"), ("absent", "absent"), ("idle", "idle"), ("hang", "hang")):
        if name in expect:
            fields[field] = expect[name]
    starts = {name: expect[name].split(" (")[0] for name in ("expected_group", "actual_group", "expected_next") if name in expect}
    for name in ("site", "after_site"):
        if name in expect:
            starts[name] = expect[name]
    if "warning" in expect:
        fields["warning"] = (expect["warning"], expect["warning_ranks"])
    verdict = ("late/host", "late/device", "late/unknown") if expect["verdict"] == "late" else expect["verdict"]
    return Case("", verdict, expect["ranks"], starts=starts, **fields)


def run_given(tool, top):
    if not os.path.isdir(top):
        print(f"{top} is not there")
        return SKIPPED
    failures = count = 0
    for name in sorted(os.listdir(top)):
        folder = os.path.join(top, name)
        log = os.path.join(folder, "fault_injection.log")
        if os.path.exists(os.path.join(folder, "truth.json")):
            with open(os.path.join(folder, "truth.json"), encoding="utf-8") as file:
                truth = json.load(file)
            case = given_case(truth)
            layout = f"sglang:tp={truth['world']},cp={truth['cp']},dp={truth['dp']}"
        elif os.path.exists(log):
            with open(log, encoding="utf-8") as file:
                text = file.read()
            culprits = [int(rank) for rank in re.findall(r"Rank (\d+), fault_type", text)]
            case = Case("", "late/device" if "GPU_ERROR" in text else "late/host", culprits, starts={})
            layout = None
        else:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            hashed(folder, os.path.join(scratch, "hashed"))
            for where, told in ((folder, layout), (folder, None), (os.path.join(scratch, "hashed"), layout)):
                said = diagnose(tool, where, told)
                if where != folder:  # places have other names; groups have the same
                    for field in ("site", "after_site", "expected_next"):
                        case.fields["starts"].pop(field, None)
                found = case.differences(said)
                count += 1
                if found:
                    failures += 1
                    print(f"{where} [{told}] {name}: {'; '.join(found)}")
    print(f"{count} diagnoses of given sets, {failures} wrong")
    return 1 if failures or not count else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tool")
    p.add_argument("what", choices=["made", "given"])
    p.add_argument("folder", nargs="?")
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--sets", type=int, default=0, help="so many of them, by chance; else all")
    options = p.parse_args()
    if options.what == "given":
        return run_given(options.tool, options.folder)
    seed = random.randrange(1 << 31) if options.seed is None else options.seed
    return run_made(options.tool, seed, options.sets)


if __name__ == "__main__":
    sys.exit(main())

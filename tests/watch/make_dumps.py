#!/usr/bin/env python3
"""Makes sets of flight-recorder dumps with known faults: ranks of a serving control loop, or of a
pipeline, run in a simulation of their collectives until they hang or have run for long enough.

  make_dumps.py OUT --fault skipped_call --culprits 5 --backend nccl --cp 2 --tp 4
  make_dumps.py OUT --count 4096 --entries 2000       # as many dumps of a healthy job, for measuring
"""
import argparse
import json
import os
import pickle
import random

FILE = "app/loop.py"
LIBRARY = "/opt/venv/lib/python3.12/site-packages/torch/distributed/distributed_c10d.py"
# name of a site: line, sizes, whether it has a helper that goes over the attention groups
SITES = {"receive": 14, "ack_writes": 17, "may_stop": 18, "progress": 19, "drain": 20, "compute": 26}
SIZES = {"ack_writes": 1, "may_stop": 2, "progress": 3, "drain": 4, "compute": 64}


class Group:
    def __init__(self, label, name, members):
        self.label, self.name, self.members = label, name, members
        self.created = set()  # members that came to their first call


class Call:
    def __init__(self, group, op, sizes, site, dtype="Int", root=0, peer=None, line=None):
        self.group, self.op, self.sizes, self.site, self.dtype = group, op, sizes, site, dtype
        self.root, self.peer, self.line = root, peer, line


class Mesh:
    """Groups in the order in which an engine creates them; names are numbers over the world."""

    def __init__(self, dp, cp, tp, pp=1):
        self.world = dp * cp * tp * pp
        self.of = [dict() for _ in range(self.world)]  # rank -> kind -> Group
        self.slots = [dict() for _ in range(self.world)]
        self.all = []
        stage = dp * cp * tp
        ranks = range(self.world)
        self.add("default_pg", [list(ranks)])
        self.add("tp", [[s * stage + r for r in range(stage)] for s in range(pp)])
        self.add("attn_cp", [[b + c * tp + t for c in range(cp)] for b in range(0, self.world, cp * tp) for t in range(tp)])
        self.add("attention_tp", [[b + t for t in range(tp)] for b in range(0, self.world, tp)])
        self.add("attn_world", [[b + r for r in range(cp * tp)] for b in range(0, self.world, cp * tp)])
        if pp > 1:
            self.add("pp", [[s * stage + r for s in range(pp)] for r in range(stage)])

    def add(self, name, lists):
        for members in lists:
            group = Group(str(len(self.all)), name, members)
            self.all.append(group)
            for rank in members:
                self.slots[rank][group.label] = len(self.slots[rank])
                self.of[rank][name] = group


def control_loop(sim, rank):
    """One rank's calls; a fault strikes once, in step `at`."""
    o, groups = sim.options, sim.mesh.of[rank]
    step = 0

    def reduce(site, order=("attn_cp", "attention_tp"), dtype="Int", size=None, op="all_reduce", line=None):
        for kind in order:
            if len(groups[kind].members) > 1:
                yield Call(groups[kind], op, [[size or SIZES[site]]], site, dtype, line=line)

    while True:
        struck = o.fault if step == o.at and rank in o.culprits else None
        if o.fault == "idle_replica" and step >= o.at and rank // (o.cp * o.tp) == o.idle:
            yield None
        if struck == "rank_died":
            yield "die"
        if o.fault == "idle_replica" and step == o.at:
            struck = "wrong_group"
        yield Call(groups["attn_world"], "broadcast", [[4]], "receive")
        if struck != "skipped_call":
            yield from reduce("ack_writes", size=5 if struck == "shape" else None, dtype="Long" if struck == "dtype" else "Int",
                              op="_all_gather_base" if struck == "kind" else "all_reduce")
        if struck == "straggler":
            yield None
        inverted = ("attention_tp", "attn_cp") if struck == "order_inversion" else ("attn_cp", "attention_tp")
        yield from reduce("may_stop", inverted)
        yield from reduce("may_stop")
        if struck == "extra_call":
            yield from reduce("may_stop", line=o.extra_line)
        if struck == "wrong_group":
            yield Call(groups["tp"], "all_reduce", [[SIZES["progress"]]], "progress_of_all" if o.new_site else "progress")
        else:
            yield from reduce("progress")
        yield from reduce("drain")
        if struck == "device":
            yield "device"
        yield Call(groups["attention_tp"], "all_reduce", [[64]], "compute", "BFloat16")
        step += 1
        if o.steps and step >= o.steps:
            yield "end"


def pipeline_loop(sim, rank):
    o, groups = sim.options, sim.mesh.of[rank]
    pp = groups["pp"]
    stage, stages = pp.members.index(rank), len(pp.members)
    step = 0
    while True:
        for micro in range(3):
            struck = o.fault if step == o.at and micro == 1 and rank in o.culprits else None
            if stage > 0:
                yield Call(pp, "recv", [[8, 16]], "take_activation", "BFloat16", peer=stage - 1)
            if struck == "straggler":
                yield None
            if struck == "device":
                yield "device"
            if struck == "rank_died":
                yield "die"
            yield Call(groups["attention_tp"], "all_reduce", [[8, 16]], "layer", "BFloat16")
            if stage + 1 < stages and struck != "skipped_call":
                yield Call(pp, "send", [[8, 16]], "give_activation", "BFloat16", peer=stage + 1)
        yield Call(groups["default_pg"], "all_reduce", [[128]], "gradients", "Float")
        step += 1


class Simulation:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.mesh = Mesh(options.dp, options.cp, options.tp, options.pp)
        loop = pipeline_loop if options.pp > 1 else control_loop
        self.loops = [loop(self, r) for r in range(self.mesh.world)]
        self.rows = [[] for _ in range(self.mesh.world)]
        self.pending = [None] * self.mesh.world  # (Call, row) or a word
        self.counts = [dict() for _ in range(self.mesh.world)]  # (label, what) -> calls
        self.creating = [None] * self.mesh.world
        self.slow_device = set()
        self.clock = 1_795_000_000_000_000_000
        self.dumped = {}
        self.dumped_ns = {}

    def run(self):
        o, ticks = self.options, 0
        ranks = list(range(self.mesh.world))
        while True:
            runnable = [r for r in ranks if self.may_move(r)]
            if not runnable:
                self.clock += int(20e9)
                break
            if ticks >= o.ticks:
                left = [r for r in ranks if r not in self.dumped]
                if not left:
                    break
                self.dump(self.random.choice(left))
            self.move(self.random.choice(runnable))
            self.clock += self.random.randrange(1_000_000, 3_000_000)
            ticks += 1
        for rank in ranks:
            if rank not in self.dumped:
                self.dump(rank)

    def may_move(self, rank):
        state = self.pending[rank]
        if state in ("dead", "asleep", "done"):
            return False
        if self.creating[rank] is not None:
            group = self.creating[rank].group
            return len(group.created) == len(group.members)
        if state is None:
            return True
        call, row = state
        return self.is_complete(rank, call, row)

    def is_complete(self, rank, call, row):
        if row.get("stuck"):
            return False
        if call.peer is not None:
            other = call.group.members[call.peer]
            me = call.group.members.index(rank)
            key = ("recv" if call.op == "send" else "send", me)
            return self.counts[other].get((call.group.label,) + key, 0) > row["nth"]
        members = call.group.members
        if call.op == "broadcast":
            return rank == members[0] or self.seq(members[0], call.group) >= row["collective_seq_id"]
        return all(self.seq(m, call.group) >= row["collective_seq_id"] for m in members)

    def seq(self, rank, group):
        return self.counts[rank].get(group.label, 0)

    def move(self, rank):
        if self.creating[rank] is not None:
            call, self.creating[rank] = self.creating[rank], None
            self.enter(rank, call)
            return
        if self.pending[rank] is not None:
            row = self.pending[rank][1]
            row["done"] = self.clock
            self.pending[rank] = None
            return
        call = next(self.loops[rank])
        while call == "device":
            self.slow_device.add(rank)
            call = next(self.loops[rank])
        if call is None or isinstance(call, str):
            self.pending[rank] = {None: "asleep", "die": "dead", "end": "done"}[call]
            return
        first = rank not in call.group.created and self.options.backend == "nccl" and call.peer is None
        call.group.created.add(rank)
        if first and len(call.group.created) < len(call.group.members):
            self.creating[rank] = call
            return
        self.enter(rank, call)

    def enter(self, rank, call):
        counts = self.counts[rank]
        row = {"call": call, "created": self.clock, "done": None, "record_id": len(self.rows[rank]), "p2p_seq_id": 0}
        if call.peer is not None:
            key = (call.group.label, call.op, call.peer)
            row["nth"] = counts.get(key, 0)
            counts[key] = row["nth"] + 1
            row["p2p_seq_id"] = counts[(call.group.label, "p2p")] = counts.get((call.group.label, "p2p"), 0) + 1
        else:
            counts[call.group.label] = counts.get(call.group.label, 0) + 1
        row["collective_seq_id"] = counts.get(call.group.label, 0)
        row["stuck"] = rank in self.slow_device
        self.rows[rank].append(row)
        self.pending[rank] = (call, row)

    # What the rank's recorder holds now.
    def dump(self, rank):
        self.dumped_ns[rank] = self.clock
        if self.pending[rank] == "dead":
            self.dumped[rank] = None
            return
        o, mesh = self.options, self.mesh
        rows = self.rows[rank][-o.entries:]
        if o.only_active:
            rows = [r for r in rows if r["done"] is None]
        entries, shared = [], {}
        for row in rows:
            entries.append(self.entry(rank, row, shared))
        used = {r["call"].group.label: r["call"].group for r in self.rows[rank]}
        config, status = {}, {}
        for label, group in used.items():
            if o.backend == "nccl":
                config[label] = {"name": label, "desc": group.name, "ranks": str(group.members)}
            mine = [r for r in self.rows[rank] if r["call"].group is group]
            is_p2p = mine[-1]["call"].peer is not None
            number = "p2p_seq_id" if is_p2p else "collective_seq_id"
            done = [r[number] for r in mine if r["done"] is not None]
            status[str(mesh.slots[rank][label])] = {
                "last_enqueued_collective": mine[-1][number], "last_started_collective": -1,
                "last_completed_collective": max(done) if done else -1}
        if o.backend == "gloo":
            config = {"": {"name": "", "desc": "", "ranks": "[]"}}
        key = "nccl_version" if o.version < "2.10" else "comm_lib_version"
        self.dumped[rank] = {"version": o.version, "pg_config": config, key: "2.28.9", "pg_status": status, "entries": entries}

    def entry(self, rank, row, shared):
        o, call, mesh = self.options, row["call"], self.mesh
        name = call.op
        if call.peer is not None:
            me = call.group.members.index(rank)
            name += f" {me}->{call.peer}" if call.op == "send" else f" {me}<-{call.peer}"
        is_old = row["done"] is not None and self.clock - row["done"] > 100_000_000
        nccl = o.backend == "nccl"
        entry = {} if o.no_stacks else {"frames": self.frames(call, shared)}
        entry.update(
            record_id=row["record_id"], pg_id=mesh.slots[rank][call.group.label],
            process_group=(call.group.label, call.group.name), thread_name="python3", thread_id=str(7000 + rank),
            collective_seq_id=row["collective_seq_id"], p2p_seq_id=row["p2p_seq_id"], op_id=row["record_id"] + 1,
            profiling_name=f"{o.backend}:{name}", time_created_ns=row["created"], input_sizes=call.sizes,
            input_dtypes=[call.dtype], output_sizes=call.sizes, output_dtypes=[call.dtype],
            state="completed" if nccl and row["done"] else "scheduled", time_discovered_started_ns=None,
            time_discovered_completed_ns=(min(self.clock, row["done"] + (90_000_000 if is_old else 10**12)) if nccl and row["done"] else None),
            retired=is_old if nccl else row["done"] is not None, timeout_ms=600000, is_p2p=call.peer is not None)
        return entry

    def frames(self, call, shared):
        def frame(name, file, line):
            return shared.setdefault((name, file, line), {"name": name, "filename": file, "line": line})

        site = call.site
        lines = [(call.op, LIBRARY, 2968)]
        if site in SITES and site not in ("receive", "compute"):
            lines += [("reduce", FILE, 7), ("reduce_attention", FILE, 11)]
        lines += [(site, FILE, SITES.get(site, 40)), ("run", FILE, call.line or 60 + SITES.get(site, 40)), ("<module>", FILE, 99)]
        return [frame(*one) for one in lines]

    def write(self, folder):
        o = self.options
        os.makedirs(folder, exist_ok=True)
        for rank, dump in self.dumped.items():
            if dump is None or rank in o.missing:
                continue
            path = os.path.join(folder, f"{o.prefix}{rank}")
            if o.json:
                path += ".json"
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(dump, file)
            else:
                with open(path, "wb") as file:
                    data = pickle.dumps(dump, protocol=o.protocol)
                    file.write(data[: len(data) // 2] if rank in o.truncated else data)
            if o.times:
                os.utime(path, ns=(self.dumped_ns[rank], self.dumped_ns[rank]))


def many(folder, count, entries, ranks_per_group):
    """Dumps of `count` ranks without a simulation: all at one place of one program but rank 3."""
    mesh_sites = list(SITES)[1:]
    everyone = str(list(range(count)))
    last = None  # ranks of one group have the same to tell
    for rank in range(count):
        group = rank // ranks_per_group
        lagging = 1 if rank == 3 else 0
        if last and last[0] == (group, lagging):
            with open(os.path.join(folder, f"rank_{rank}"), "wb") as file:
                file.write(last[1])
            continue
        rows, shared = [], {}
        for number in range(entries - lagging):
            is_world = number % 10 == 9
            site = "compute" if is_world else mesh_sites[number % 5]
            name = ("0", "default_pg") if is_world else (str(1 + group), "attention_tp")
            seq = number // 10 + 1 if is_world else number - number // 10 + 1
            done = number + 1 < entries - lagging or lagging
            frames = [("all_reduce", LIBRARY, 2968), ("reduce", FILE, 7), (site, FILE, SITES[site]), ("run", FILE, 60 + SITES[site])]
            rows.append(dict(
                frames=[shared.setdefault(f, dict(name=f[0], filename=f[1], line=f[2])) for f in frames],
                record_id=number + 5000, pg_id=0 if is_world else 1, process_group=name, thread_name="python3",
                thread_id="7000", collective_seq_id=seq + 500, p2p_seq_id=0, op_id=seq + 500,
                profiling_name="nccl:all_reduce", time_created_ns=10**18 + number * 10**6, input_sizes=[[64]],
                input_dtypes=["BFloat16"], output_sizes=[[64]], output_dtypes=["BFloat16"],
                state="completed" if done else "scheduled", time_discovered_started_ns=None,
                time_discovered_completed_ns=10**18 + number * 10**6 + 500 if done else None, retired=bool(done),
                timeout_ms=600000, is_p2p=False))
        members = [group * ranks_per_group + i for i in range(ranks_per_group)]
        config = {"0": {"name": "0", "desc": "default_pg", "ranks": everyone},
                  str(1 + group): {"name": str(1 + group), "desc": "attention_tp", "ranks": str(members)}}
        dump = {"version": "2.10", "pg_config": config, "comm_lib_version": "2.28.9", "pg_status": {}, "entries": rows}
        last = ((group, lagging), pickle.dumps(dump, protocol=2))
        with open(os.path.join(folder, f"rank_{rank}"), "wb") as file:
            file.write(last[1])


def ranks(text):
    return [int(part) for part in text.split(",") if part]


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out")
    p.add_argument("--fault", default="none")
    p.add_argument("--culprits", type=ranks, default=[])
    p.add_argument("--backend", default="nccl", choices=["nccl", "gloo"])
    for axis in ("dp", "cp", "tp", "pp"):
        p.add_argument(f"--{axis}", type=int, default=1)
    p.add_argument("--at", type=int, default=4, help="the step in which the fault strikes")
    p.add_argument("--idle", type=int, default=1, help="the replica without work, of idle_replica")
    p.add_argument("--new-site", action="store_true", help="the wrong group is used by a function of its own")
    p.add_argument("--extra-line", type=int, default=None, help="the extra call is made from this line")
    p.add_argument("--steps", type=int, default=0, help="ranks stop in good order after so many")
    p.add_argument("--ticks", type=int, default=20000, help="moves of ranks, after which dumps are taken")
    p.add_argument("--entries", type=int, default=2000, help="size of the ring")
    p.add_argument("--only-active", action="store_true")
    p.add_argument("--no-stacks", action="store_true")
    p.add_argument("--json", action="store_true")
    p.add_argument("--times", action="store_true", help="files are as old as what is in them, as if nobody copied them")
    p.add_argument("--missing", type=ranks, default=[])
    p.add_argument("--truncated", type=ranks, default=[])
    p.add_argument("--protocol", type=int, default=2)
    p.add_argument("--version", default="2.10")
    p.add_argument("--prefix", default="dump_")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--count", type=int, default=0)
    return p


def make(words):
    options = parser().parse_args(words)
    if options.json:
        options.no_stacks = True
    if options.count:
        os.makedirs(options.out, exist_ok=True)
        many(options.out, options.count, options.entries, 8)
        return
    simulation = Simulation(options)
    simulation.run()
    simulation.write(options.out)


if __name__ == "__main__":
    import sys

    make(sys.argv[1:])

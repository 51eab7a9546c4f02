"""Four PyTorch processes over gloo, watched through radixwatch.py: healthy, or with a fault planted. What
`radixbench diagnose` must say of their rings is in CASES. Usage: radixwatch_torch.py TOOL LIBRARY [CASE]"""
import json, multiprocessing, os, subprocess, sys, tempfile  # noqa: E401

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "share", "radixbench"))
WORLD, STEPS = 4, 12

# case: class, culprits, site, exit code
CASES = {
    "healthy": ("none", [], None, 0),
    # The result is reduced over attention TP alone: nothing hangs, each half keeps its own minimum.
    "too_small": ("wrong_group/too_small", [0, 1, 2, 3], "check_prefetch_progress", 3),
    # Rank 2 leaves a check out and its next calls pair with it, to the end; one more at the end hides it.
    "silent_mispair": ("skipped_call", [2], "check_prefetch_progress", 3),
    # Rank 1 decides otherwise from what it alone sees, and nothing breaks in these steps.
    "diverging": ("decision_divergence", [1], "load_back", 3),
}


class Coordinator:
    """What an engine's group coordinator looks like from outside."""

    def __init__(self, dist, name, ranks, group):
        self.dist, self.unique_name, self.ranks, self.group = dist, name, ranks, group

    def all_reduce(self, tensor):
        self.dist.all_reduce(tensor, group=self.group)
        return tensor


def run_rank(rank, case, folder):
    import torch
    import torch.distributed as dist
    import radixwatch
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=WORLD)
    assert radixwatch.start(folder, run_id=case)

    def make(name, lists):
        mine = None
        for ranks in lists:
            group = dist.new_group(ranks)
            mine = (ranks, group) if rank in ranks else mine
        return mine

    (_, tp), (_, cp), (shards, attention_tp), (_, device) = (
        make("tp", [[0, 1, 2, 3]]), make("cp", [[0, 2], [1, 3]]), make("attention_tp", [[0, 1], [2, 3]]),
        make("device", [[0, 1], [2, 3]]))
    forward = radixwatch.wrap(Coordinator(dist, "attention_tp.device", shards, device))

    def agree(site, key, value, op, groups):
        with radixwatch.at(site, key):
            tensor = torch.tensor([value], dtype=torch.int32)
            for group in groups:
                dist.all_reduce(tensor, op=op, group=group)
            return tensor

    smallest = dist.ReduceOp.MIN
    for step in range(STEPS):
        radixwatch.step(step)
        if case != "silent_mispair":  # there each of these would wait for the call that was left out
            with radixwatch.at("recv_requests"):
                dist.broadcast(torch.tensor([step]), src=0, group=tp)
            with radixwatch.at("forward"):
                forward.all_reduce(torch.ones(4))
        agree("writing_check", 0, 1, smallest, (cp, attention_tp))
        groups = (attention_tp,) if case == "too_small" and step >= 5 else (cp, attention_tp)
        if not (case == "silent_mispair" and step == 5 and rank == 2):
            agree("check_prefetch_progress", step + 1, 64 * (rank + 1), smallest, groups)
        agree("drain_storage_control_queues", 0, 0, smallest, (cp, attention_tp))
        wrong = case == "diverging" and step == 6 and rank == 1
        radixwatch.decision("available_size", outcome=0 if wrong else 256, site="load_back", key=42 + step,
                            inputs=[255 if wrong else 256])
    if case == "silent_mispair" and rank == 2:
        agree("drain_storage_control_queues", 0, 0, smallest, (cp, attention_tp))
    dist.barrier()
    dist.destroy_process_group()


def check(tool, case):
    expected_class, culprits, site, code = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        # Forked, so that PyTorch is loaded once and not by each rank of each case.
        ranks = [multiprocessing.get_context("fork").Process(target=run_rank, args=(rank, case, folder))
                 for rank in range(WORLD)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join(120)
            assert process.exitcode == 0, f"{case}: a rank ended with {process.exitcode}"
        with open(os.path.join(folder, "sites"), "w") as contracts:
            contracts.write("site load_back axes=tp members=optional key=node outcome=256\n")
        ended = subprocess.run([tool, "diagnose", folder, "--layout", "sglang:tp=4,cp=2", "--format", "json", "--contracts",
                                os.path.join(folder, "sites")], capture_output=True, text=True, timeout=60)
        told = json.loads(ended.stdout)
        got = (told["class"], sorted(told.get("culprit_ranks", [])), told.get("site") or None, ended.returncode)
        assert got == (expected_class, culprits, site, code), f"{case}: {got}\n{ended.stdout}{ended.stderr}"
        print(f"{case}: {told['class']} {told.get('culprit_ranks', [])}")


if __name__ == "__main__":
    try:
        import torch.distributed  # noqa: F401
    except ImportError as missing:
        print(f"skipped: {missing}")
        sys.exit(77)
    os.environ["RADIXWATCH_LIBRARY"] = os.path.abspath(sys.argv[2])
    for one in sys.argv[3:] or CASES:
        check(sys.argv[1], one)

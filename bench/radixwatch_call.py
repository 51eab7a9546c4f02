"""What one recorded call costs a Python caller: a coordinator whose all_reduce does nothing, watched and not.
Usage: radixwatch_call.py LIBRARY"""
import os, statistics, sys, tempfile, time  # noqa: E401

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "share", "radixbench"))
os.environ["RADIXWATCH_LIBRARY"] = os.path.abspath(sys.argv[1])
import radixwatch  # noqa: E402


class Coordinator:
    ranks, unique_name = [0, 1], "tp"

    def all_reduce(self, tensor):
        return tensor


def microseconds_a_call(group, calls=20000):
    begun = time.perf_counter_ns()
    for _ in range(calls):
        group.all_reduce(None)
    return (time.perf_counter_ns() - begun) / calls / 1000


with tempfile.TemporaryDirectory() as folder:
    assert radixwatch.start(folder, rank=0, world_size=2)
    bare, watched, named = Coordinator(), radixwatch.wrap(Coordinator()), radixwatch.wrap(Coordinator())

    def inside_a_name():
        with radixwatch.at("writing_check"):
            return microseconds_a_call(named)

    rounds = [(microseconds_a_call(bare), microseconds_a_call(watched), inside_a_name()) for _ in range(9)]
    for name, values in zip(("not watched", "watched, named by its caller", "watched, named by at()"), zip(*rounds)):
        print(f"{name:30} {statistics.median(values):6.2f} us a call, median of {len(values)} rounds "
              f"({min(values):.2f} to {max(values):.2f})")

"""Records what this rank calls and decides into a ring that `radixbench diagnose DIR` reads.

    import radixwatch
    radixwatch.start("/dumps")                               # once a process, after init_process_group
    radixwatch.wrap(tp_group)                                # an object with .ranks and all_reduce, barrier, ...
    with radixwatch.at("can_terminate_prefetch", key=rid):   # names the calls inside; else their caller does
        dist.all_reduce(votes, op=dist.ReduceOp.MAX, group=group)
    radixwatch.decision("enter_result_sync", outcome=1, site="check_prefetch_progress", key=rid)
    radixwatch.step(iteration)                               # once an iteration of the engine's loop
Calls of torch.distributed are recorded by themselves. libradixwatch.so is found beside this file, through
RADIXWATCH_LIBRARY, or by the loader. Its own trouble never reaches the program that is watched.
"""
import contextlib, ctypes, functools, os, sys, threading  # noqa: E401

KINDS = dict(all_reduce=0, barrier=1, broadcast=2, all_gather=3, all_gather_into_tensor=3, send=4, isend=4, recv=5, irecv=5)
OPS = dict(MIN=0, MAX=1, SUM=2)
KNOWN, MAKING, MADE, FAILED, PASSED = range(5)
_watch, _lib, _ops, _local = None, None, {}, threading.local()
_P, _S, _N, _I64, _U64, _U32 = (getattr(ctypes, "c_" + name) for name in ("void_p", "char_p", "size_t", "int64", "uint64", "uint32"))

class _Call(ctypes.Structure):
    _fields_ = [("site", _S), ("thread", _S), ("key", _U64), ("group", ctypes.c_int32), ("peer", _U32), ("count", _U32),
                ("kind", ctypes.c_uint8), ("op", ctypes.c_uint8), ("type", ctypes.c_uint8)]

def _load():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libradixwatch.so")
    lib = ctypes.CDLL(os.environ.get("RADIXWATCH_LIBRARY") or (beside if os.path.exists(beside) else "libradixwatch.so"))
    for name, result, words in (("open", _P, (_S, _U32, _U32, _S, _S, _N)), ("exit", None, (_P, _U64, ctypes.c_int, _P, _N)),
                                ("group", ctypes.c_int32, (_P, _S, _P, _N, _U32, ctypes.c_int, _I64)),
                                ("enter", _U64, (_P, ctypes.POINTER(_Call))), ("heartbeat", None, (_P, _U64)),
                                ("decision", None, (_P, _S, _S, _U64, _I64, _P, _N))):
        function = getattr(lib, "radixwatch_" + name)
        function.restype, function.argtypes = result, words
    return lib

def start(folder, rank=None, world_size=None, run_id=""):
    """Opens FOLDER/rank00000.ring and watches torch.distributed where it is loaded; False, with words on stderr, if it can't."""
    global _watch, _lib
    try:
        dist = sys.modules.get("torch.distributed")
        rank, world_size = dist.get_rank() if rank is None else rank, dist.get_world_size() if world_size is None else world_size
        os.makedirs(folder, exist_ok=True)
        path, error = os.path.join(folder, f"rank{rank:05d}.ring"), ctypes.create_string_buffer(512)
        if os.path.exists(path):  # an earlier process's last words
            os.replace(path, f"{path}.{int(os.stat(path).st_mtime)}")
        _lib = _load()
        _watch = _lib.radixwatch_open(path.encode(), rank, world_size, run_id.encode(), error, len(error))
        if not _watch:
            raise OSError(error.value.decode())
        _watch_torch(dist) if dist else None
        return True
    except Exception as trouble:
        print(f"radixwatch: {trouble}", file=sys.stderr)
        return False

@contextlib.contextmanager
def at(site, key=0):
    before, _local.at = getattr(_local, "at", None), (site, key)
    try:
        yield
    finally:
        _local.at = before
def decision(guard, outcome, site="", key=0, inputs=()):
    _watch and _lib.radixwatch_decision(_watch, guard.encode(), site.encode(), int(key), int(outcome), *_int64s(inputs))
def step(number):
    _watch and _lib.radixwatch_heartbeat(_watch, number)
def _int64s(values):
    return (_I64 * max(len(values), 1))(*map(int, values)), len(values)
def _group(name, ranks, ordinal, state=KNOWN):
    return _lib.radixwatch_group(_watch, name.encode(), (_U32 * len(ranks))(*ranks), len(ranks), ordinal, state, 0)
def _caller():  # the nearest frame outside this file and torch
    frame, inside = sys._getframe(2), f"{os.sep}torch{os.sep}"
    while frame.f_back and (frame.f_code.co_filename == __file__ or inside in frame.f_code.co_filename):
        frame = frame.f_back
    return f"{frame.f_code.co_name} {os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
def _recorded(call, kind, group, peer, args, kwargs):
    if getattr(_local, "inside", False):  # of a call made of calls the outermost counts
        return call(*args, **kwargs)
    words = [*args, *kwargs.values()]
    tensor = next((word for word in words if hasattr(word, "numel")), None)
    op = next((OPS[name] for name, op in _ops.items() for word in words if type(word) is type(op) and word == op), 2)
    site, key = getattr(_local, "at", None) or (_caller(), 0)
    token = _lib.radixwatch_enter(_watch, _Call(
        site.encode(), threading.current_thread().name.encode(), int(key), group, peer,
        tensor.numel() if tensor is not None else 0, kind, op, "int32" not in str(getattr(tensor, "dtype", ""))))
    def left(is_ok):  # what a small reduction of integers on the CPU left is worth keeping
        keeps = is_ok and kind in (0, 2) and tensor is not None and "int" in str(tensor.dtype) and tensor.numel() <= 8
        _lib.radixwatch_exit(_watch, token, is_ok, *_int64s(tensor.flatten().tolist() if keeps and not tensor.is_cuda else ()))
    _local.inside = True
    try:
        work = call(*args, **kwargs)
    except BaseException:
        left(0)
        raise
    finally:
        _local.inside = False
    return _Pending(work, left) if hasattr(work, "wait") else left(1) or work
class _Pending:  # work under way is over when somebody has waited for it
    def __init__(self, work, left): self._work, self._left = work, left  # noqa: E704
    def wait(self, *args, **kwargs):
        result, left, self._left = self._work.wait(*args, **kwargs), self._left, lambda is_ok: None
        return left(1) or result
    __getattr__ = lambda self, name: getattr(self._work, name)  # noqa: E731
def _wrap_calls(target, group_of, modules, is_world_rank):
    for name, kind in KINDS.items():
        def recorded(*args, _call=getattr(target, name, None), _kind=kind, **kwargs):
            try:
                number, ranks = group_of(args, kwargs)
                peer = next((kwargs[word] for word in ("src", "dst") if kwargs.get(word) is not None),
                            next((word for word in args if type(word) is int), 0))
                place = ranks.index(peer) if is_world_rank and peer in ranks else min(peer, len(ranks) - 1)
            except Exception:  # a group that it does not understand is not recorded
                return _call(*args, **kwargs)
            return _recorded(_call, _kind, number, place, args, kwargs)
        for module in modules if callable(getattr(target, name, None)) else ():
            setattr(module, name, functools.wraps(getattr(target, name))(recorded))

def _watch_torch(dist):
    from torch.distributed import distributed_c10d as c10d
    groups, counts = {}, {}
    _ops.update({name: getattr(dist.ReduceOp, name) for name in OPS})
    def group_of(args, kwargs):
        group = kwargs.get("group") or next((word for word in args if isinstance(word, c10d.ProcessGroup)), None)
        group = None if group is c10d.GroupMember.WORLD else group
        if group not in groups:  # made before the ring was
            known = c10d._world.pg_group_ranks if hasattr(c10d, "_world") else c10d._pg_group_ranks
            ranks = sorted(range(dist.get_world_size()) if group is None else known[group])
            groups[group] = _group("world" if group is None else "group", ranks, 0), ranks
        return groups[group]
    def new_group(ranks=None, *args, _call=dist.new_group, **kwargs):
        members = sorted(ranks) if ranks else list(range(dist.get_world_size()))
        counts[tuple(members)] = ordinal = counts.get(tuple(members), 0) + 1
        is_member, _local.inside, state = dist.get_rank() in members, True, FAILED
        _group("group", members, ordinal, MAKING if is_member else PASSED)
        try:
            made, state = _call(ranks, *args, **kwargs), MADE
        finally:
            _local.inside, number = False, _group("group", members, ordinal, state) if is_member else -1
        groups.update({made: (number, members)} if is_member else {})
        return made
    _wrap_calls(dist, group_of, (dist, c10d), True)
    dist.new_group = c10d.new_group = new_group

def wrap(coordinator, name=None):
    """Records the methods of an object that stands for a group: .ranks, and all_reduce, barrier, broadcast, ..."""
    if _watch:
        ranks = list(coordinator.ranks)
        number = _group(name or getattr(coordinator, "unique_name", "group"), ranks, 0)
        _wrap_calls(coordinator, lambda args, kwargs: (number, ranks), (coordinator,), False)
    return coordinator

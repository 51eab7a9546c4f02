#!/usr/bin/python3
"""A trace in the Mooncake schema, of our own making: make_sample.py ROWS SEED > FILE

Sessions grow from one common root block; a tenth of the follow-ups branch off an edited history; a
partial last block has an id of its own; ids are handed out in order of first use. Integers only, so
that the same arguments give the same bytes everywhere: sample_400.jsonl is `make_sample.py 400 1`.
"""
import json
import sys

BLOCK_TOKENS = 512
MASK = 2**64 - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = (seed * 2862933555777941757 + 3037000493) & MASK

    def below(self, bound):  # biased for large bounds, which does not matter here
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % bound


def rows(count, random):
    next_id = 1
    now_ms = 0
    sessions = []  # full blocks of each session's last prompt
    for _ in range(count):
        now_ms += random.below(600)
        session = None
        history = [0]
        if sessions and random.below(100) < 55:
            # The younger of two draws: recent sessions go on more often.
            session = len(sessions) - 1 - min(random.below(len(sessions)), random.below(len(sessions)))
            history = sessions[session]
            if random.below(100) < 10 and len(history) > 2:
                history = history[: 1 + random.below(len(history) - 1)]
        full = list(history)
        for _ in range(random.below(6)):
            full.append(next_id)
            next_id += 1
        ids = list(full)
        tail_tokens = random.below(BLOCK_TOKENS)
        if tail_tokens:
            ids.append(next_id)
            next_id += 1
        yield {
            "timestamp": now_ms,
            "input_length": len(full) * BLOCK_TOKENS + tail_tokens,
            "output_length": 1 + random.below(400),
            "hash_ids": ids,
        }
        if session is None:
            sessions.append(full)
        else:
            sessions[session] = full


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]), SplitMix64(int(sys.argv[2]))):
        print(json.dumps(row))

/* libradixwatch: a recorder that a serving engine loads. Writes the ring that `radixbench
 * diagnose` reads (docs/formats/ring.md, version 1); six functions, C ABI version 1.
 *
 * Any thread may call; none of these blocks on another rank, throws, or ends the process. What
 * finds no room is left out and counted in the ring. Names are cut after 56 bytes (groups' after
 * 64). A process opens its ring after it was forked. There is no close: the ring is what is left
 * however the process ends, and is complete at any moment. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)
/* NOLINTBEGIN(readability-identifier-naming): a C interface has the names of C. */

typedef struct radixwatch radixwatch;

enum {
  RADIXWATCH_ALL_REDUCE,
  RADIXWATCH_BARRIER,
  RADIXWATCH_BROADCAST,
  RADIXWATCH_ALL_GATHER,
  RADIXWATCH_SEND,
  RADIXWATCH_RECV
};
enum { RADIXWATCH_MIN, RADIXWATCH_MAX, RADIXWATCH_SUM };
enum { RADIXWATCH_INT32, RADIXWATCH_INT64 };

/* What radixwatch_group is told of a group's creation. */
enum {
  RADIXWATCH_KNOWN,  /* it was made before the ring was */
  RADIXWATCH_MAKING, /* this thread is about to make it, and may block */
  RADIXWATCH_MADE,   /* the one that this thread was making is made */
  RADIXWATCH_FAILED, /* ... could not be made */
  RADIXWATCH_PASSED  /* others make it; this rank is no member */
};

typedef struct radixwatch_call {
  const char* site;   /* who calls: equal on all ranks; NULL: not known */
  const char* thread; /* the calling thread's name, taken at its first call; NULL: numbered */
  uint64_t key;       /* request, node, operation; 0: none */
  int32_t group;      /* of radixwatch_group */
  uint32_t peer;      /* index in the group: root of a broadcast, other end of a send or recv */
  uint32_t count;     /* elements */
  uint8_t kind, op, type;
} radixwatch_call;

/* A new ring at `path`, which must not exist: 2.5 MB, allocated at once. `run_id` is shown in
 * verdicts. NULL where it cannot be had; then `error` holds the reason in words. */
radixwatch* radixwatch_open(const char* path,
                            uint32_t rank,
                            uint32_t world_size,
                            const char* run_id,
                            char* error,
                            size_t error_bytes);

/* A group by name, members (world ranks in rank_in_group order) and the number of its creation
 * over the world, as the ranks count it. The same three give the same number, at every state.
 * `timeout_ns` is what its calls wait at most, 0: not known. Negative where it found no room. */
int32_t radixwatch_group(radixwatch* watch,
                         const char* name,
                         const uint32_t* members,
                         size_t count,
                         uint32_t ordinal,
                         int state,
                         int64_t timeout_ns);

/* Before a call can block; and after it is over, with what it left in place (the first 8 count).
 * The answer to enter is what exit is told, on any thread; 0: not recorded. */
uint64_t radixwatch_enter(radixwatch* watch, const radixwatch_call* call);
void radixwatch_exit(
    radixwatch* watch, uint64_t token, int is_ok, const int64_t* values, size_t count);

/* Before a collective whose being called hangs on something that this rank decides: `outcome` is
 * equal on all ranks that are well, `inputs` (at most 4) is what it was decided from. */
void radixwatch_decision(radixwatch* watch,
                         const char* guard,
                         const char* site,
                         uint64_t key,
                         int64_t outcome,
                         const int64_t* inputs,
                         size_t count);

/* Once an iteration of the engine's loop: the step that calls are stamped with, a sign of life. */
void radixwatch_heartbeat(radixwatch* watch, uint64_t step);

/* NOLINTEND(readability-identifier-naming) */
#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

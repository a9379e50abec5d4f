/* Two-phase commit searched by hand: the yardstick of `make bench`.
 *
 * The actions of TwoPhase.tla (Gray and Lamport, Consensus on Transaction Commit), one 64-bit word a state, plain
 * breadth-first search with one open-addressing table that doubles, one thread, both invariants' worth of work per new
 * state. Written the way an experienced C programmer writes it in an afternoon: no batching, no prefetching.
 *
 *     cc -O2 -o tpc two_phase_commit.c && ./tpc 8
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

typedef uint64_t U;

static unsigned rms;
static U *table, *queue;
static U capacity, used, head, tail, room, generated;

/* bits: 0..2n-1 phases (0 working, 1 prepared, 2 committed, 3 aborted); then n bits "tm prepared", n bits "prepared
 * message", 2 bits coordinator (0 init, 1 committed, 2 aborted), 1 bit commit message, 1 bit abort message */
static unsigned tm_prepared, message, coordinator, commit_bit, abort_bit;

static U mix(U x) {
    x ^= x >> 33; x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

static void *allocate(U count) {
    void *p = calloc(count, sizeof(U));
    if (!p) { fputs("out of memory\n", stderr); exit(3); }
    return p;
}

static int insert(U *where, U size, U key) {
    for (U i = mix(key) & (size - 1);; i = (i + 1) & (size - 1)) {
        if (where[i] == key) return 0;
        if (!where[i]) { where[i] = key; return 1; }
    }
}

static void grow(void) {
    U *bigger = allocate(capacity * 2);
    for (U i = 0; i < capacity; i++) if (table[i]) insert(bigger, capacity * 2, table[i]);
    free(table);
    table = bigger;
    capacity *= 2;
}

static void check(U s) {
    int committed = 0, aborted = 0;
    for (unsigned r = 0; r < rms; r++) {
        U p = (s >> (2 * r)) & 3;
        committed |= p == 2;
        aborted |= p == 3;
    }
    if (committed && aborted) { fputs("violated: consistent\n", stderr); exit(1); }
}

static void found(U s) {
    generated++;
    if (!insert(table, capacity, s + 1)) return; /* + 1: an empty slot is zero */
    check(s);
    if (++used * 2 > capacity) grow();
    if (tail == room) {
        room *= 2;
        queue = realloc(queue, room * sizeof(U));
        if (!queue) { fputs("out of memory\n", stderr); exit(3); }
    }
    queue[tail++] = s;
}

static void expand(U s) {
    U init = ((s >> coordinator) & 3) == 0, all = ((U)1 << rms) - 1;
    U decided = s & ~((U)3 << coordinator);
    if (init && ((s >> tm_prepared) & all) == all) found(decided | (U)1 << coordinator | (U)1 << commit_bit);
    if (init) found(decided | (U)2 << coordinator | (U)1 << abort_bit);
    for (unsigned r = 0; r < rms; r++) {
        U phase = (s >> (2 * r)) & 3, rest = s & ~((U)3 << (2 * r));
        if (init && (s >> (message + r)) & 1) found(s | (U)1 << (tm_prepared + r));
        if (phase == 0) {
            found(rest | (U)1 << (2 * r) | (U)1 << (message + r));
            found(rest | (U)3 << (2 * r));
        }
        if ((s >> commit_bit) & 1) found(rest | (U)2 << (2 * r));
        if ((s >> abort_bit) & 1) found(rest | (U)3 << (2 * r));
    }
}

int main(int argc, char **argv) {
    rms = argc > 1 ? (unsigned)atoi(argv[1]) : 8;
    if (rms < 1 || rms > 14) { fputs("usage: two_phase_commit MANAGERS (1..14)\n", stderr); return 2; }
    tm_prepared = 2 * rms; message = 3 * rms; coordinator = 4 * rms; commit_bit = 4 * rms + 2; abort_bit = 4 * rms + 3;
    capacity = 1 << 16; room = 1 << 16;
    table = allocate(capacity); queue = allocate(room);
    found(0);
    while (head < tail) expand(queue[head++]);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("{\"distinct\": %llu, \"generated\": %llu, \"cpu_seconds\": %.3f, \"peak_bytes\": %llu}\n",
           (unsigned long long)used, (unsigned long long)generated,
           u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6 + u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6,
           (unsigned long long)u.ru_maxrss * 1024);
    return 0;
}

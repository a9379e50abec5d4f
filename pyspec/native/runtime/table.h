/* One open-addressing table of 64-bit fingerprints, shared by all threads: linear probing from the fingerprint's high bits.
 *
 * High bits as the index keep the table nearly sorted by fingerprint. So it doubles in place, from the top down, without a
 * second table; it is written to a sorted run on disk in one pass; and a sorted run is looked up in it sequentially. */
#ifndef PYSPEC_TABLE_H
#define PYSPEC_TABLE_H
#include <pthread.h>
#include <sys/mman.h>

#define SLACK 8192 /* slots past the end instead of wrapping around: a cluster is never that long at load 0.7 */
#define MOVED_ALONE (4 * SLACK)        /* slots whose entries a doubling sets aside */
#define MOVED_TOGETHER ((U)1 << 18)    /* slots for which threads are worth starting */
#define MOVERS 16

typedef struct {
    U *slot;
    unsigned log2;     /* slots = 1 << log2, and SLACK more */
    unsigned max_log2; /* address space reserved, or the memory budget */
    U limit;           /* entries at which it must grow */
    size_t reserved;   /* bytes */
    U count __attribute__((aligned(64))); /* entries; on a cache line of its own, since every batch adds to it */
    char rest[56];
} Table;

FN U table_slots(const Table *t) { return ((U)1 << t->log2) + SLACK; }

static void table_set_limit(Table *t) { t->limit = (U)((double)((U)1 << t->log2) * 0.7); }

/* Reserve address space for max_log2 (less if refused), use log2 for now. Returns 0 when there is no memory. */
static int table_open(Table *t, unsigned log2, unsigned max_log2) {
    for (t->max_log2 = max_log2; t->max_log2 >= 12; t->max_log2--) {
        t->reserved = (((size_t)1 << t->max_log2) + SLACK) * sizeof(U);
        void *p = mmap(NULL, t->reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) continue;
        t->slot = p;
        t->log2 = log2 < t->max_log2 ? log2 : t->max_log2;
        t->count = 0;
        table_set_limit(t);
        return 1;
    }
    return 0;
}

static void table_close(Table *t) {
    if (t->slot) munmap(t->slot, t->reserved);
    t->slot = NULL;
}

/* Fewer page table misses; asked for only once the table is large, so that small runs stay small. */
static void table_advise(Table *t) {
#ifdef MADV_HUGEPAGE
    size_t bytes = ((size_t)1 << t->log2) * sizeof(U);
    if (bytes >= (size_t)4 << 20) madvise(t->slot, bytes, MADV_HUGEPAGE);
#else
    (void)t;
#endif
}

FN U *table_home(const Table *t, U fp) { return t->slot + (fp >> (64 - t->log2)); }
FN void table_prefetch(const Table *t, U fp) { __builtin_prefetch(table_home(t, fp), 1, 1); }

/* 1 if fp was not there. `shared` is 0 when one thread runs: then no locked instruction. */
FN int table_insert(const Table *t, U fp, int shared) {
    for (U *p = table_home(t, fp);; p++) {
        U v = __atomic_load_n(p, __ATOMIC_RELAXED);
        if (v == fp) return 0;
        if (v) continue;
        if (!shared) { *p = fp; return 1; }
        if (__atomic_compare_exchange_n(p, &v, fp, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return 1;
        if (v == fp) return 0;
    }
}

/* Slot of fp, or -1. */
FN I table_find(const Table *t, U fp) {
    for (U *p = table_home(t, fp);; p++) {
        if (*p == fp) return p - t->slot;
        if (!*p) return -1;
    }
}

static int compare_u(const void *a, const void *b) {
    U x = *(const U *)a, y = *(const U *)b;
    return x < y ? -1 : x > y;
}

/* Moving the entries of [from, to) to where a table twice as large has them: all places beyond the range. */
typedef struct { Table *t; U from, to; int shared; } Move;

static void *table_move(void *of) {
    const Move *m = of;
    U *slot = m->t->slot;
    for (U i = m->to; i-- > m->from;) {
        U fp = slot[i];
        if (!fp) continue;
        slot[i] = 0;
        table_insert(m->t, fp, m->shared);
    }
    return NULL;
}

/* The same, shared out among threads; what a thread cannot be had for is moved by the caller. */
static void table_move_all(Table *t, U from, U to, int threads) {
    Move part[MOVERS];
    pthread_t id[MOVERS];
    int started[MOVERS];
    if (threads > MOVERS) threads = MOVERS;
    for (int i = 0; i < threads; i++) {
        part[i] = (Move){t, from + (to - from) * (U)i / (U)threads, from + (to - from) * (U)(i + 1) / (U)threads, threads > 1};
        started[i] = i && !pthread_create(&id[i], NULL, table_move, &part[i]);
    }
    for (int i = 0; i < threads; i++)
        if (!started[i]) table_move(&part[i]);
    for (int i = 0; i < threads; i++)
        if (started[i]) pthread_join(id[i], NULL);
}

/* Double in place. An entry moves to about twice its slot. So the upper half of what is left (above an empty slot, which
 * no entry was displaced across) goes to places beyond all that is left, by all threads at once, and so on downwards; the
 * last few are set aside first. Returns 0 when there is no memory for those. */
static int table_double(Table *t, int threads) {
    U left = table_slots(t), kept = 0;
    U *aside = malloc(MOVED_ALONE * sizeof(U));
    if (!aside) return 0;
    t->log2++;
    table_advise(t);
    while (left > MOVED_ALONE) {
        U half = left / 2;
        while (half < left && t->slot[half]) half++;
        table_move_all(t, half, left, left > MOVED_TOGETHER ? threads : 1);
        left = half;
    }
    for (U i = 0; i < left; i++) {
        if (t->slot[i]) aside[kept++] = t->slot[i];
        t->slot[i] = 0;
    }
    for (U i = 0; i < kept; i++) table_insert(t, aside[i], 0);
    free(aside);
    table_set_limit(t);
    return 1;
}

static void table_clear(Table *t) {
    size_t bytes = table_slots(t) * sizeof(U);
    if (madvise(t->slot, bytes, MADV_DONTNEED)) memset(t->slot, 0, bytes);
    t->count = 0;
}

/* Move all entries to the front, sorted; the table is then no table until cleared. Returns their number. Entries are
 * displaced by less than a cluster, so insertion is short. */
static U table_sort(Table *t) {
    U slots = table_slots(t), n = 0;
    for (U i = 0; i < slots; i++) {
        U fp = t->slot[i];
        if (!fp) continue;
        U j = n++;
        for (; j > 0 && t->slot[j - 1] > fp; j--) t->slot[j] = t->slot[j - 1];
        t->slot[j] = fp;
    }
    return n;
}

#endif

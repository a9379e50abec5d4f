/* What a thread of the search carries (Cx) and what all share (Search); how a successor enters the search.
 *
 * A successor is packed into the thread's batch and the table slot it will need is prefetched; when the batch is full it is
 * drained. By then the slots are in the cache, which hides the one cost that dominates a search written naively. */
#ifndef PYSPEC_CX_H
#define PYSPEC_CX_H
#include "table.h"
#include "log.h"
#include "memo.h"

#define BATCH 64
#define OUT_WORDS (2048 > 4 * (W_MAX + 1) ? 2048 : 4 * (W_MAX + 1)) /* records are written in chunks of this size */
#define PROPERTIES (N_INVARIANTS + N_STEPS + N_GOALS + 2) /* ... deadlock, evaluation error */
#define P_DEADLOCK (N_INVARIANTS + N_STEPS + N_GOALS)
#define P_ERROR (P_DEADLOCK + 1)
#define NO_ACTION (-1)
#define MOST_PICKS 64

enum { CHECKING, EXPANDING, STARTING }; /* phases of process() */
enum { RUNNING, S_DONE, S_TIME, S_STATES, S_MEMORY, S_INTERRUPT, S_FAULT, S_ROOM };
enum { WANT_ROOM = 1, WANT_CHECKPOINT = 2, WANT_START = 4 };

typedef struct {
    U fp, parent;
    unsigned n;
    int action;
    U w[W_MAX];
} Entry;

/* How a property was decided. `at` is the log position of the state (CHECKING) or of the state before the step (EXPANDING);
 * then w holds the state after it, if n > 0. */
typedef struct {
    int set, phase, action, kind, span;
    unsigned n;
    U at, level;
    U w[W_MAX];
} Finding;

typedef struct {
    int64_t threads, symmetry, keep_going, stop_when_decided;
    uint64_t max_states, max_slots_log2;
    const char *folder, *checkpoint;
    const uint8_t *wanted; /* PROPERTIES flags */
    int64_t checkpoint_ms, resume;
    int64_t variant; /* which of several models compiled as one */
} Options;

typedef struct { int fd; U n; } Run; /* a sorted file of fingerprints */

typedef struct Search {
    Options o;
    uint8_t wanted[PROPERTIES];
    Table table;
    Log log;
    Chunks now, next;
    U now_taken, verified_chunks; /* chunks handed out; chunks of `next` known to hold no state of a run */
    Cx *cx;
    pthread_t *thread;
    pthread_mutex_t lock;
    pthread_cond_t turn, finished;
    int arrived, at_end, at_boundary; /* threads waiting, in all, and of these at the end of the level, between chunks */
    U turns;
    int want, stop, done, fault, running; /* stop: a S_ reason; fault: an errno */
    int started, stop_saved;              /* the initial states are found; a S_ reason to stop once a checkpoint is written */
    U level, pending, distinct, generated, depth, outside; /* pending: new states of the level being built */
    U fired[AT_LEAST_1(N_ACTIONS)];
    uint8_t cover[AT_LEAST_1(N_COVER)];
    Finding found[PROPERTIES];
    int bad_state, bad_step; /* this round: a finding that ends the search, by phase */
    U undecided;
    Run *run;
    U runs;
    uint8_t *old; /* spilling: a bit per slot, set when the fingerprint is already in a run */
    U checkpoints;
} Search;

/* Successors of one state for Python: action, words, packed state, words, packed representative; see TAP_STRIDE. */
typedef struct { U *to, room, n; } Tap;
#define TAP_STRIDE (3 + 2 * W_MAX)

struct __attribute__((aligned(128))) Cx { /* threads share no cache line, nor the pair that is fetched together */
    S cur, nxt;
    const U *cw; /* the packed state being expanded, its words, its log position */
    unsigned cn;
    U pos;
    int phase, item, failed; /* item: property or action being evaluated */
    U padded[W_MAX + 1];
    U successors;
    U depth;
    U generated, fresh, inserted, expanded;
    U fired[AT_LEAST_1(N_ACTIONS)];
    uint8_t cover[AT_LEAST_1(N_COVER)];
    unsigned bn, on;
    int error_kind, error_span;
    jmp_buf *back; /* where an evaluation error goes on */
    U pick[MOST_PICKS], known; /* re-execution: the choices of this run */
    Search *g;
    Entry b[BATCH];
    U out[OUT_WORDS];
    U in[OUT_WORDS];
    int broken; /* a step property failed on this step */
    Memo memo[AT_LEAST_1(N_MEMOS)];
    Tap *tap; /* exploring: takes each successor instead of the search */
    struct Live *live; /* ... and this is what for */
    U label; /* exploring: which arguments a fair action is taken with */
};

/* n of them, zeroed; or NULL. */
static Cx *cx_new(size_t n) {
    Cx *cx = aligned_alloc(_Alignof(Cx), n * sizeof(Cx));
    if (cx) memset(cx, 0, n * sizeof(Cx));
    return cx;
}

static COLD __attribute__((noreturn)) void fail(Cx *cx, int kind, int span) {
    cx->error_kind = kind;
    cx->error_span = span;
    longjmp(*cx->back, 1);
}

static void drain(Cx *cx);
static void outside(Cx *cx);
static void tapped(Cx *cx);
static int within(Cx *cx);
static void take_steps(Cx *cx, const U *w);
static int check_steps(Cx *cx, void (*steps)(Cx *, const S *, const S *));
static COLD void found(Cx *cx, int property, unsigned n, const U *w);
static COLD void found_here(Cx *cx, int property, const S *s); /* a property is decided by the state s */
static COLD void found_step(Cx *cx, int property);             /* ... by the step from cur to nxt */

/* the generated model */
static void model_unpack(const U *w, S *s);
static unsigned model_pack(const S *s, U *w);
static void model_initial(Cx *cx);
static void model_expand(Cx *cx);
static void model_check(Cx *cx, const S *s);
static int model_terminal(Cx *cx, const S *s);
static int model_limit(Cx *cx, const S *s);
static void model_live(Cx *cx, const S *s, uint8_t *first, uint8_t *second) UNUSED;
static void model_start(Cx *cx, const S *s);
static U model_view(Cx *cx, const S *s);

/* The packed successor is in slot(cx): hand it over. */
FN U *slot(Cx *cx) { return cx->b[cx->bn].w; }

FN void push(Cx *cx, unsigned n, U fp) {
    Entry *e = &cx->b[cx->bn];
    e->fp = fp;
    e->n = n;
    e->parent = cx->pos;
    table_prefetch(&cx->g->table, fp);
    if (++cx->bn == BATCH) drain(cx);
}

/* A run of an action reached its end. */
FN void completed(Cx *cx, int action) {
    cx->fired[action]++;
    cx->generated++;
    cx->successors++;
}

FN int wanted(const Cx *cx, int property) { return cx->g->wanted[property]; }

#endif

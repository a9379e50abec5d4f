/* Breadth-first search, one level at a time, with any number of threads.
 *
 * Round d: every state of level d is unpacked once; invariants and goals are evaluated on it, then its successors are
 * generated. A state of level d that violates an invariant was found when level d-1 was expanded, and there the search had
 * to stop; so the round's own successors are then discarded. Counts therefore do not depend on threads or timing. */
#ifndef PYSPEC_SEARCH_H
#define PYSPEC_SEARCH_H
#include "spill.h"

/* ---------------------------------------------------------------------------------------------------- findings */

FN int ends_search(const Search *g, int property) {
    int goal = property >= N_INVARIANTS + N_STEPS && property < P_DEADLOCK;
    return !goal && (!g->o.keep_going || property == P_ERROR);
}

static COLD void found(Cx *cx, int property, unsigned n, const U *w) {
    Search *g = cx->g;
    if (!wanted(cx, property) || cx->tap) return;
    pthread_mutex_lock(&g->lock);
    Finding *f = &g->found[property];
    if (!f->set) {
        *f = (Finding){.set = 1, .phase = n ? EXPANDING : cx->phase, .at = cx->pos, .n = n, .level = g->level,
                       .action = cx->phase == EXPANDING ? cx->item : NO_ACTION,
                       .kind = cx->error_kind, .span = cx->error_span};
        if (n) memcpy(f->w, w, n * sizeof(U));
        if (g->undecided) g->undecided--;
    }
    if (ends_search(g, property)) {
        if (f->phase == CHECKING) g->bad_state = 1;
        else g->bad_step = 1;
    }
    pthread_mutex_unlock(&g->lock);
}

static COLD void found_there(Cx *cx, int property, const S *s) {
    U w[W_MAX];
    found(cx, property, model_pack(s, w), w);
}

static COLD void found_here(Cx *cx, int property, const S *s) {
    if (s == &cx->cur) found(cx, property, 0, NULL);
    else found_there(cx, property, s);
}

static COLD void found_step(Cx *cx, int property) {
    cx->broken = 1;
    found_there(cx, property, &cx->nxt);
}

/* An evaluation error while a successor (already counted) is looked at: it does not abandon the action. */
static COLD void failed_there(Cx *cx) {
    cx->broken = 1;
    if (cx->error_kind == E_ROOM) cx->g->stop = S_ROOM;
    else found_there(cx, P_ERROR, &cx->nxt);
}

/* A successor beyond the limits is checked, but neither stored nor expanded. */
static void outside(Cx *cx) {
    jmp_buf here, *outer = cx->back;
    int item = cx->item;
    __atomic_fetch_add(&cx->g->outside, 1, __ATOMIC_RELAXED);
    cx->back = &here;
    cx->item = 0;
    if (_setjmp(here)) {
        failed_there(cx);
        cx->item++;
    }
    model_check(cx, &cx->nxt);
    cx->item = item;
    cx->back = outer;
}

/* A limit that cannot be evaluated is taken as exceeded. */
static int within(Cx *cx) {
    jmp_buf here, *outer = cx->back;
    cx->back = &here;
    int inside = 0;
    if (_setjmp(here)) failed_there(cx);
    else inside = model_limit(cx, &cx->nxt);
    cx->back = outer;
    return inside;
}

/* Step properties on the step from cur to nxt, 1 if all held; each is abandoned on its own by an evaluation error. */
static int check_steps(Cx *cx, void (*steps)(Cx *, const S *, const S *)) {
    jmp_buf here, *outer = cx->back;
    int item = cx->item;
    cx->back = &here;
    cx->item = 0;
    cx->broken = 0;
    if (_setjmp(here)) {
        failed_there(cx);
        cx->item++;
    }
    steps(cx, &cx->cur, &cx->nxt);
    cx->item = item;
    cx->back = outer;
    return !cx->broken;
}

/* ------------------------------------------------------------------------------------------------- one state */

static void write_out(Cx *cx) {
    Search *g = cx->g;
    if (!cx->on) return;
    U at = log_reserve(&g->log, cx->on);
    pthread_mutex_lock(&g->lock);
    int e = log_in_memory(&g->log, at) ? 0 : log_file(&g->log);
    pthread_mutex_unlock(&g->lock);
    if (!e) e = log_write(&g->log, cx->out, at, cx->on);
    pthread_mutex_lock(&g->lock);
    if (!e && !chunks_add(&g->next, (Chunk){at, cx->on})) e = ENOMEM;
    if (e) { g->fault = e; g->stop = S_FAULT; }
    pthread_mutex_unlock(&g->lock);
    cx->on = 0;
}

/* Look up the batch; new states go to the log. */
static void drain(Cx *cx) {
    Search *g = cx->g;
    int shared = g->o.threads > 1;
    unsigned n = cx->bn;
    for (unsigned i = 0; i < n; i++) {
        Entry *e = &cx->b[i];
        if (!table_insert(&g->table, e->fp, shared)) continue;
        cx->inserted++;
        cx->fresh++;
        if (cx->on + e->n + 1 > OUT_WORDS) write_out(cx);
        cx->out[cx->on++] = e->parent << 16 | e->n;
        memcpy(cx->out + cx->on, e->w, (ONE_WORD ? 1 : e->n) * sizeof(U));
        cx->on += e->n;
    }
    cx->bn = 0;
    if (!cx->inserted) return;
    U count = __atomic_add_fetch(&g->table.count, cx->inserted, __ATOMIC_RELAXED);
    cx->inserted = 0;
    if (UNLIKELY(g->o.max_states && count >= g->o.max_states && !g->stop)) stop_saved(g, S_STATES);
    if (UNLIKELY(count > g->table.limit)) __atomic_fetch_or(&g->want, WANT_ROOM, __ATOMIC_RELAXED);
    if (UNLIKELY(__atomic_load_n(&g->want, __ATOMIC_RELAXED) & WANT_ROOM)) rendezvous(cx, 0, 0);
}

/* After an evaluation error: report it. Returns 0 when the search as a whole must fall back. */
static COLD int failed(Cx *cx) {
    if (cx->error_kind == E_ROOM) { cx->g->stop = S_ROOM; return 0; }
    cx->failed = 1;
    found(cx, P_ERROR, 0, NULL);
    return 1;
}

/* Invariants and goals of the current state, each abandoned on its own by an evaluation error. */
static void check_state(Cx *cx) {
    jmp_buf here;
    cx->back = &here;
    if (_setjmp(here)) {
        if (!failed(cx)) return;
        cx->item++;
    }
    model_check(cx, &cx->cur);
}

static void expand_state(Cx *cx) {
    jmp_buf here;
    cx->back = &here;
    if (_setjmp(here)) {
        if (!failed(cx)) return;
        cx->nxt = cx->cur;
        cx->item++;
    }
    model_expand(cx);
#if CHECK_DEADLOCK
    if (cx->successors || cx->failed || !wanted(cx, P_DEADLOCK) || cx->g->found[P_DEADLOCK].set) return;
    cx->item = N_ACTIONS; /* an error in what follows resumes after all actions */
    if (!model_terminal(cx, &cx->cur)) {
        cx->item = NO_ACTION;
        found(cx, P_DEADLOCK, 0, NULL);
    }
#endif
}

static void process(Cx *cx, const U *w, unsigned n, U pos, int expand) {
    cx->cw = w;
    cx->cn = n;
    cx->pos = pos;
#if W_MAX > 1
    memset(cx->padded + n, 0, (W_MAX + 1 - n) * sizeof(U));
    memcpy(cx->padded, w, n * sizeof(U));
    cx->cw = cx->padded;
#endif
    model_unpack(cx->cw, &cx->cur);
    cx->phase = CHECKING;
    cx->item = 0;
    cx->failed = 0;
    check_state(cx);
    if (!expand || cx->g->bad_state) return;
    cx->expanded++;
    memcpy(&cx->nxt, &cx->cur, sizeof(S));
    cx->phase = EXPANDING;
    cx->item = 0;
    cx->successors = 0;
    expand_state(cx);
}

/* ------------------------------------------------------------------------------------------------ one level */

static int take_chunk(Cx *cx, Chunk *c) {
    Search *g = cx->g;
    if (__atomic_load_n(&g->stop, __ATOMIC_RELAXED)) return 0;
    U i = __atomic_fetch_add(&g->now_taken, 1, __ATOMIC_RELAXED);
    if (i >= g->now.n) return 0;
    *c = g->now.item[i];
    int e = log_read(&g->log, cx->in, c->at, c->n);
    if (!e) return 1;
    g->fault = e;
    g->stop = S_FAULT;
    return 0;
}

static void process_chunk(Cx *cx, Chunk c, int expand) {
    const int *stop = &cx->g->stop;
    for (U i = 0; i < c.n && !__atomic_load_n(stop, __ATOMIC_RELAXED);) {
        unsigned n = (unsigned)(cx->in[i] & 0xffff);
        process(cx, cx->in + i + 1, n, c.at + i, expand);
        i += n + 1;
    }
}

/* Counters of one thread for this round become the search's, or nobody's. */
static void collect(Cx *cx, int keep) {
    Search *g = cx->g;
    if (keep) {
        g->generated += cx->generated;
        for (int i = 0; i < N_ACTIONS; i++) g->fired[i] += cx->fired[i];
    }
    for (int i = 0; i < N_COVER; i++) g->cover[i] |= cx->cover[i];
    g->pending += cx->fresh;
    cx->generated = cx->fresh = 0;
    memset(cx->fired, 0, sizeof cx->fired);
}

/* What was found while expanding a level that should not have been expanded. */
static void discard_steps(Search *g) {
    for (int i = 0; i < PROPERTIES; i++)
        if (g->found[i].set && g->found[i].level == g->level && g->found[i].phase == EXPANDING) g->found[i].set = 0;
}

/* The search ends with the level just built: its states are checked but not expanded. */
static void check_last_level(Search *g) {
    Cx *cx = &g->cx[0];
    Chunk c;
    while (take_chunk(cx, &c)) process_chunk(cx, c, 0);
}

static void next_level(Search *g) {
    Chunks t = g->now;
    g->now = g->next;
    g->next = t;
    g->next.n = 0;
    g->now_taken = g->verified_chunks = 0;
    g->level++;
    g->depth = g->level;
}

/* All threads stand still. Returns 1 when the search is over. */
static int level_end(Search *g) {
    int discard = g->bad_state;
    for (int i = 0; i < g->o.threads; i++) collect(&g->cx[i], !discard);
    if (discard) {
        discard_steps(g);
        g->pending = 0;
        return 1;
    }
    spill_verify(g);
    g->distinct += g->pending;
    int empty = !g->pending;
    g->pending = 0;
    if (g->stop) return 1;
    if (empty) return 1;
    next_level(g);
    int over = g->bad_step || (g->o.stop_when_decided && !g->undecided);
    if (over) check_last_level(g);
    return over || g->stop;
}

/* -------------------------------------------------------------------------------------------------- threads */

/* The initial states: level 0. The other threads wait; they count in a rendezvous for more room. */
static void first_level(Cx *cx) {
    Search *g = cx->g;
    cx->phase = STARTING;
    cx->item = NO_ACTION;
    cx->pos = NO_PARENT;
    jmp_buf here;
    cx->back = &here;
    if (_setjmp(here)) {
        failed(cx);
        g->bad_step = g->done = 1;
        cx->generated = 0; /* no state counts */
        return;
    }
    model_initial(cx);
    drain(cx);
    write_out(cx);
    collect(cx, 1);
    spill_verify(g);
    g->distinct = g->pending;
    g->pending = 0;
    g->now = g->next;
    memset(&g->next, 0, sizeof g->next);
    g->verified_chunks = 0;
    if (g->bad_state || g->bad_step) {
        g->bad_state = g->bad_step = 0;
        check_last_level(g);
        g->bad_step = 1;
    }
    if (!g->now.n || g->bad_step) g->done = 1;
}

static void start_level(Cx *cx) {
    Search *g = cx->g;
    if (cx == g->cx) {
        first_level(cx);
        __atomic_fetch_or(&g->want, WANT_START, __ATOMIC_RELAXED);
        rendezvous(cx, 0, 0);
    } else
        while (!g->started) rendezvous(cx, 0, 0);
}

static void *worker(void *arg) {
    Cx *cx = arg;
    Search *g = cx->g;
    Chunk c;
    if (!g->o.resume) start_level(cx);
    while (!g->done) {
        while (take_chunk(cx, &c)) {
            process_chunk(cx, c, 1);
            if (UNLIKELY(__atomic_load_n(&g->want, __ATOMIC_RELAXED) & WANT_CHECKPOINT)) {
                drain(cx);
                rendezvous(cx, 1, 0);
            }
        }
        drain(cx);
        rendezvous(cx, 1, 1);
    }
    pthread_mutex_lock(&g->lock);
    if (!--g->running) pthread_cond_broadcast(&g->finished);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

#endif

/* What Python calls, through ctypes: new, start, wait (so that Python stays in charge of time and Ctrl-C), results, free. */
#ifndef PYSPEC_API_H
#define PYSPEC_API_H
#include "checkpoint.h"

#define API __attribute__((visibility("default")))

API void search_free(Search *g) {
    if (!g) return;
    table_close(&g->table);
    log_close(&g->log);
    for (U i = 0; i < g->runs; i++) close(g->run[i].fd);
    for (int i = 0; g->cx && i < g->o.threads; i++)
        for (int m = 0; m < N_MEMOS; m++) free(g->cx[i].memo[m].entry);
    free(g->run); free(g->old); free(g->cx); free(g->thread); free(g->now.item); free(g->next.item);
    free(g);
}

API Search *search_new(const Options *o) {
    Search *g = aligned_alloc(64, (sizeof(Search) + 63) / 64 * 64);
    if (!g) return NULL;
    memset(g, 0, sizeof *g);
    g->o = *o;
    g->cx = cx_new((size_t)o->threads);
    g->thread = calloc((size_t)o->threads, sizeof(pthread_t));
    for (int i = 0; i < PROPERTIES; i++) {
        g->wanted[i] = o->wanted[i];
        if (i != P_ERROR && o->wanted[i]) g->undecided++;
    }
    g->log.fd = -1;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->turn, NULL);
    pthread_cond_init(&g->finished, NULL);
    if (!g->cx || !g->thread || !table_open(&g->table, 14, (unsigned)o->max_slots_log2)) { search_free(g); return NULL; }
    for (int i = 0; i < o->threads; i++) {
        g->cx[i].g = g;
        for (int m = 0; m < N_MEMOS; m++) memo_open(&g->cx[i].memo[m], MEMO_WORDS[m]);
    }
    return g;
}

/* 0 when threads run (or there is nothing to do), else an errno, or what resume() says. */
API int search_start(Search *g) {
    int e = log_open(&g->log, g->o.checkpoint ? g->o.checkpoint : g->o.folder, g->o.checkpoint != NULL);
    if (e) return e;
    if (g->o.resume && (e = resume(g))) return e;
    if (g->o.resume && !g->now.n && !g->next.n) { g->done = 1; return 0; }
    for (int i = 0; i < g->o.threads; i++) {
        pthread_mutex_lock(&g->lock);
        g->running++;
        pthread_mutex_unlock(&g->lock);
        e = pthread_create(&g->thread[i], NULL, worker, &g->cx[i]);
        if (e) { g->running--; return e; }
    }
    return 0;
}

/* 1 when the search is over. */
API int search_wait(Search *g, int ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) { until.tv_sec++; until.tv_nsec -= 1000000000L; }
    pthread_mutex_lock(&g->lock);
    while (g->running && !pthread_cond_timedwait(&g->finished, &g->lock, &until)) {}
    int over = !g->running;
    pthread_mutex_unlock(&g->lock);
    if (over)
        for (int i = 0; i < g->o.threads; i++)
            if (g->thread[i]) { pthread_join(g->thread[i], NULL); g->thread[i] = 0; }
    return over;
}

API void search_stop(Search *g, int reason) {
    if (!g->stop) __atomic_store_n(&g->stop, reason, __ATOMIC_RELAXED);
}
/* The same after a checkpoint, where checkpoints are asked for. */
API void search_stop_saved(Search *g, int reason) { stop_saved(g, reason); }
API void search_checkpoint(Search *g) { __atomic_fetch_or(&g->want, WANT_CHECKPOINT, __ATOMIC_RELAXED); }

/* distinct, generated, depth, stop, fault, table slots, chunks to do in this level, chunks of the next, runs, outside,
 * checkpoints, states waiting. While threads run the numbers are a little behind. */
API void search_progress(Search *g, U *to) {
    U generated = g->generated, fresh = g->pending, expanded = 0;
    for (int i = 0; i < g->o.threads; i++) {
        generated += g->cx[i].generated;
        fresh += g->cx[i].fresh;
        expanded += g->cx[i].expanded;
    }
    U all[] = {g->distinct + fresh, generated, g->depth, (U)g->stop, (U)g->fault, table_slots(&g->table),
               g->now_taken < g->now.n ? g->now.n - g->now_taken : 0, g->next.n, g->runs, g->outside, g->checkpoints,
               g->distinct + fresh > expanded ? g->distinct + fresh - expanded : 0};
    memcpy(to, all, sizeof all);
}

API void search_counters(Search *g, U *fired, uint8_t *cover) {
    memcpy(fired, g->fired, N_ACTIONS * sizeof(U));
    memcpy(cover, g->cover, N_COVER);
}

/* to: set, phase, action, kind, span, log position, words of the next state, level. */
API void search_finding(Search *g, int property, I *to, U *words) {
    Finding *f = &g->found[property];
    I all[] = {f->set, f->phase, f->action, f->kind, f->span, (I)f->at, f->n, (I)f->level};
    memcpy(to, all, sizeof all);
    memcpy(words, f->w, f->n * sizeof(U));
}

/* The state at a log position; returns its words, or -1. `parent`: position of its parent, NO_PARENT for an initial state. */
API int search_record(Search *g, U at, U *words, U *parent) {
    U head;
    if (log_read(&g->log, &head, at, 1)) return -1;
    *parent = head >> 16;
    int n = (int)(head & 0xffff);
    return log_read(&g->log, words, at + 1, (U)n) ? -1 : n;
}

/* ------------------------------------------------------------------------------------------------- exploring */

API U search_log_end(Search *g) { return g->log.end; }

/* n words of the log: records one after the other, and gaps of zero words. 0 or an errno. */
API int search_log(Search *g, U at, U n, U *to) {
    memset(to, 0, n * sizeof(U));
    if (!log_in_memory(&g->log, at)) return log_read(&g->log, to, at, n);
    U here = at + n > LOG_MEMORY ? LOG_MEMORY - at : n;
    int e = log_read(&g->log, to, at, here);
    return e || here == n ? e : log_read(&g->log, to + here, LOG_MEMORY, n - here);
}

#include "live.h"

static unsigned pack_representative(const S *s, U *w) {
#if HAS_SYMMETRY
    return canonical(s, w);
#else
    return model_pack(s, w);
#endif
}

static void tapped(Cx *cx) {
    Tap *t = cx->tap;
    cx->successors++;
#if N_LIVE
    if (cx->live) { live_edge(cx); return; }
#endif
    if (++t->n > t->room) return;
    U *to = t->to + (t->n - 1) * TAP_STRIDE;
    to[0] = (U)cx->item;
    to[1] = model_pack(&cx->nxt, to + 3);
    to[2] = pack_representative(&cx->nxt, to + 3 + W_MAX);
}

/* The successors of a packed state (or, with n < 0, the initial states) go to `to`, TAP_STRIDE words each; returns their
 * number, which may exceed `room`. */
API I search_successors(Search *g, const U *words, int n, U *to, U room) {
    Tap t = {to, room, 0};
    Cx *cx = cx_new(1);
    if (!cx) return -1;
    cx->g = g;
    cx->tap = &t;
    if (n >= 0) {
        memcpy(cx->padded, words, (size_t)n * sizeof(U));
        cx->cw = cx->padded;
        cx->cn = (unsigned)n;
        model_unpack(cx->padded, &cx->cur);
        cx->nxt = cx->cur;
        cx->phase = EXPANDING;
        expand_state(cx);
    } else {
        jmp_buf here;
        cx->back = &here;
        if (!_setjmp(here)) model_initial(cx);
    }
    free(cx);
    return (I)t.n;
}

#if N_LIVE
/* The graph of a finished search: open, build until nothing is left, ask, close. */
API struct Live *liveness_open(Search *g) { return live_open(g); }
API I liveness_build(Live *l, N most) { return live_build(l, most); }
API int liveness_decide(Live *l, int shape, U formula) { return live_decide(l, shape, formula); }
API U liveness_path(Live *l, N from, int from_marks, int through, N to, int to_marks, N *out, N room) {
    return live_path(l, from, from_marks, through, to, to_marks, out, room);
}
API int liveness_taken(Live *l, N label, N *ends) { return live_taken(l, label, ends); }
/* Labels, and whether one of them is strong; the log position of a state; whether a state has marks. */
API N liveness_labels(Live *l) { return l->labels; }
API int liveness_strong(Live *l, N label) { return l->strong[label]; }
API U liveness_at(Live *l, N s) { return l->at[s]; }
API N liveness_edges(Live *l, N s, N *out, N room) {
    N n = 0;
    for (U e = l->edge[s]; e < l->edge[s + 1] && n < room; e++)
        if (l->target[e] != BLOCKED && (l->mark[l->target[e]] & M_FAIR)) out[n++] = l->target[e];
    return n;
}
API void liveness_close(Live *l) { live_close(l); }
#endif

#endif

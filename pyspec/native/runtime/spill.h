/* When all threads stand still: room for the table, in memory or on disk; the meeting point of the threads.
 *
 * With a memory budget the table cannot double for ever. A full table is written to disk as a sorted run and cleared. From
 * then on "new" means only "not in the table": at the end of a level (or before the next run is written) the runs are read
 * once, in order, beside the table, which is nearly in order too, and states of the level that were in a run are dropped
 * from the log (delayed duplicate detection: Stern and Dill 1998). */
#ifndef PYSPEC_SPILL_H
#define PYSPEC_SPILL_H
#include "cx.h"

static int level_end(Search *g);
static void write_out(Cx *cx);
static void rendezvous(Cx *cx, int boundary, int end);
static void checkpoint(Search *g);

#define RUN_BUFFER 8192

static void spill_fault(Search *g, int e) {
    if (!e) return;
    g->fault = e;
    g->stop = S_FAULT;
}

/* Mark the table's entries that are in run r. */
static void run_scan(Search *g, Run *r) {
    U *buffer = malloc(RUN_BUFFER * sizeof(U));
    if (!buffer) { spill_fault(g, ENOMEM); return; }
    for (U at = 0; at < r->n && !g->stop; at += RUN_BUFFER) {
        U n = r->n - at < RUN_BUFFER ? r->n - at : RUN_BUFFER;
        spill_fault(g, file_read(r->fd, buffer, n * sizeof(U), (off_t)(at * sizeof(U))));
        for (U i = 0; i < n && !g->stop; i++) {
            I s = table_find(&g->table, buffer[i]);
            if (s >= 0) g->old[s >> 3] |= (uint8_t)(1 << (s & 7));
        }
    }
    free(buffer);
}

FN U model_fingerprint(Cx *cx, const U *w, unsigned n) {
#if HAS_VIEW
    S s;
    U padded[W_MAX + 1] = {0};
    memcpy(padded, w, n * sizeof(U));
    model_unpack(padded, &s);
    return model_view(cx, &s);
#else
    (void)cx;
    return fingerprint(w, n);
#endif
}

FN int spill_is_old(const Search *g, U fp) {
    I s = table_find(&g->table, fp);
    return s >= 0 && (g->old[s >> 3] >> (s & 7) & 1);
}

/* Drop the records of one chunk that were in a run; the rest moves together at the chunk's start. */
static void chunk_filter(Search *g, Chunk *c) {
    Cx *cx = &g->cx[0];
    U *buffer = malloc(OUT_WORDS * sizeof(U));
    if (!buffer) { spill_fault(g, ENOMEM); return; }
    spill_fault(g, log_read(&g->log, buffer, c->at, c->n));
    U kept = 0;
    for (U i = 0; i < c->n && !g->stop;) {
        unsigned n = (unsigned)(buffer[i] & 0xffff);
        if (spill_is_old(g, model_fingerprint(cx, buffer + i + 1, n))) g->pending--;
        else {
            memmove(buffer + kept, buffer + i, (n + 1) * sizeof(U));
            kept += n + 1;
        }
        i += n + 1;
    }
    if (kept < c->n) {
        if (g->log.all_in_file) c->at = log_reserve(&g->log, kept); /* a checkpoint may describe the old place */
        spill_fault(g, log_write(&g->log, buffer, c->at, kept));
        c->n = kept;
    }
    free(buffer);
}

/* Afterwards every state of the level being built is really new, and g->old says which entries of the table are not. */
static void spill_verify(Search *g) {
    if (g->runs && g->verified_chunks < g->next.n) {
        memset(g->old, 0, table_slots(&g->table) / 8 + 1);
        for (U i = 0; i < g->runs; i++) run_scan(g, &g->run[i]);
        for (U i = g->verified_chunks; i < g->next.n && !g->stop; i++) chunk_filter(g, &g->next.item[i]);
    }
    g->verified_chunks = g->next.n;
}

/* A run lives in an unlinked temporary file, with checkpoints in a named one. */
static int run_open(Search *g) {
    char path[1100];
    if (g->o.checkpoint) {
        snprintf(path, sizeof path, "%s/run-%llu", g->o.checkpoint, (unsigned long long)g->runs);
        return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    snprintf(path, sizeof path, "%s/pyspec-run-XXXXXX", g->o.folder);
    int fd = mkstemp(path);
    if (fd >= 0) unlink(path);
    return fd;
}

static void spill_unmark(Search *g) {
    U slots = table_slots(&g->table);
    for (U i = 0; i < slots; i++)
        if (g->old[i >> 3] >> (i & 7) & 1) g->table.slot[i] = 0;
}

/* Write the table to a new sorted run and clear it. */
static void spill_table(Search *g) {
    Run r = {.fd = run_open(g)};
    Run *all = realloc(g->run, (g->runs + 1) * sizeof(Run));
    if (all) g->run = all;
    if (!g->old) g->old = malloc(table_slots(&g->table) / 8 + 1);
    if (r.fd < 0 || !all || !g->old) { spill_fault(g, r.fd < 0 ? errno : ENOMEM); return; }
    if (g->runs) spill_unmark(g);
    r.n = table_sort(&g->table);
    spill_fault(g, file_write(r.fd, g->table.slot, r.n * sizeof(U), 0));
    g->run[g->runs++] = r;
    table_clear(&g->table);
}

static void make_room(Search *g) {
    if (g->table.count <= g->table.limit) return;
    if (g->table.log2 < g->table.max_log2) {
        if (!table_double(&g->table, (int)g->o.threads)) spill_fault(g, ENOMEM);
        return;
    }
    for (int i = 0; i < g->o.threads; i++) {
        g->pending += g->cx[i].fresh;
        g->cx[i].fresh = 0;
    }
    spill_verify(g);
    if (!g->stop) spill_table(g);
}

/* Stop, but first save what a resumed search needs, if the search is to be saved. */
static void stop_saved(Search *g, int reason) {
    if (g->stop) return;
    if (!g->o.checkpoint) { __atomic_store_n(&g->stop, reason, __ATOMIC_RELAXED); return; }
    g->stop_saved = reason;
    __atomic_fetch_or(&g->want, WANT_CHECKPOINT, __ATOMIC_RELAXED);
}

/* What the last thread to arrive does while all the others wait. */
static void take_turn(Search *g) {
    int all = (int)g->o.threads;
    if (g->want & WANT_START) { /* only when all threads have come: none may leave its waiting loop before */
        g->want &= ~WANT_START;
        g->started = 1;
    }
    if (g->want & WANT_ROOM) {
        g->want &= ~WANT_ROOM;
        make_room(g);
    }
    if ((g->want & WANT_CHECKPOINT) && g->at_boundary == all && !g->stop) {
        __atomic_fetch_and(&g->want, ~WANT_CHECKPOINT, __ATOMIC_RELAXED);
        checkpoint(g);
        if (g->stop_saved && !g->stop) g->stop = g->stop_saved;
    }
    if (g->at_end == all && level_end(g)) g->done = 1;
    if (g->o.max_states && g->distinct + g->pending >= g->o.max_states && !g->done) stop_saved(g, S_STATES);
}

/* Wait for all threads; the last one does what is to be done. `boundary`: between two chunks; `end`: no chunk is left. */
static void rendezvous(Cx *cx, int boundary, int end) {
    Search *g = cx->g;
    write_out(cx);
    pthread_mutex_lock(&g->lock);
    U turn = g->turns;
    g->arrived++;
    g->at_boundary += boundary;
    g->at_end += end;
    if (g->arrived == g->o.threads) {
        pthread_mutex_unlock(&g->lock); /* findings lock too */
        take_turn(g);
        pthread_mutex_lock(&g->lock);
        g->arrived = g->at_boundary = g->at_end = 0;
        g->turns++;
        pthread_cond_broadcast(&g->turn);
    } else
        while (g->turns == turn) pthread_cond_wait(&g->turn, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

#endif

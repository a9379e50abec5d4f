/* Checkpoints: everything a search needs to go on after it was killed, written between two chunks while all threads wait.
 *
 * The folder holds states.log (append-only), run-0, run-1, ... (never changed once written) and `checkpoint`, which names
 * the valid length of each and is replaced atomically. */
#ifndef PYSPEC_CHECKPOINT_H
#define PYSPEC_CHECKPOINT_H
#include "search.h"
#include <sys/stat.h>

#define CHECKPOINT_MAGIC 0x7079737065633032ULL

typedef struct {
    U magic, model, level, pending, distinct, generated, depth, outside, round_generated;
    U fired[AT_LEAST_1(N_ACTIONS)], round_fired[AT_LEAST_1(N_ACTIONS)];
    uint8_t cover[AT_LEAST_1(N_COVER)];
    Finding found[PROPERTIES];
    int bad_state, bad_step;
    U undecided, log_end, now, next, verified, entries, runs, table_log2, expanded;
} Header;

typedef struct { int fd, error; off_t at; } Stream;

static void stream_write(Stream *s, const void *p, size_t bytes) {
    if (!s->error) s->error = file_write(s->fd, p, bytes, s->at);
    s->at += (off_t)bytes;
}

static void stream_read(Stream *s, void *p, size_t bytes) {
    if (!s->error) s->error = file_read(s->fd, p, bytes, s->at);
    s->at += (off_t)bytes;
}

static Header *header_of(Search *g) {
    Header *h = calloc(1, sizeof(Header));
    if (!h) return NULL;
    *h = (Header){.magic = CHECKPOINT_MAGIC, .model = MODEL_KEY, .level = g->level, .pending = g->pending,
                  .distinct = g->distinct, .generated = g->generated, .depth = g->depth, .outside = g->outside,
                  .bad_state = g->bad_state, .bad_step = g->bad_step, .undecided = g->undecided, .log_end = g->log.end,
                  .now = g->now_taken < g->now.n ? g->now.n - g->now_taken : 0, .next = g->next.n,
                  .verified = g->verified_chunks, .entries = g->table.count, .runs = g->runs,
                  .table_log2 = g->table.log2};
    memcpy(h->fired, g->fired, sizeof g->fired);
    memcpy(h->cover, g->cover, sizeof g->cover);
    memcpy(h->found, g->found, sizeof g->found);
    for (int i = 0; i < g->o.threads; i++) {
        Cx *cx = &g->cx[i];
        h->pending += cx->fresh;
        h->round_generated += cx->generated;
        h->expanded += cx->expanded;
        for (int a = 0; a < N_ACTIONS; a++) h->round_fired[a] += cx->fired[a];
        for (int c = 0; c < N_COVER; c++) h->cover[c] |= cx->cover[c];
    }
    return h;
}

static void write_entries(Search *g, Stream *s) {
    U buffer[512], n = 0, slots = table_slots(&g->table);
    for (U i = 0; i < slots; i++) {
        if (!g->table.slot[i]) continue;
        buffer[n++] = g->table.slot[i];
        if (n < 512) continue;
        stream_write(s, buffer, sizeof buffer);
        n = 0;
    }
    stream_write(s, buffer, n * sizeof(U));
}

static void checkpoint(Search *g) {
    char path[1100], part[1100];
    snprintf(path, sizeof path, "%s/checkpoint", g->o.checkpoint);
    snprintf(part, sizeof part, "%s/checkpoint.part", g->o.checkpoint);
    Stream s = {.fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    Header *h = header_of(g);
    if (s.fd < 0 || !h) { spill_fault(g, s.fd < 0 ? errno : ENOMEM); free(h); return; }
    stream_write(&s, h, sizeof *h);
    for (U i = 0; i < g->runs; i++) stream_write(&s, &g->run[i].n, sizeof(U));
    stream_write(&s, g->now.item + (g->now.n - h->now), h->now * sizeof(Chunk));
    stream_write(&s, g->next.item, h->next * sizeof(Chunk));
    write_entries(g, &s);
    for (U i = 0; i < g->runs; i++) if (!s.error && fsync(g->run[i].fd)) s.error = errno;
    if (!s.error && (fsync(g->log.fd) || fsync(s.fd))) s.error = errno;
    close(s.fd);
    if (!s.error && rename(part, path)) s.error = errno;
    if (s.error) unlink(part);
    else g->checkpoints++;
    spill_fault(g, s.error);
    free(h);
}

static void read_chunks(Stream *s, Chunks *c, U n) {
    for (U i = 0; i < n && !s->error; i++) {
        Chunk k;
        stream_read(s, &k, sizeof k);
        if (!s->error && !chunks_add(c, k)) s->error = ENOMEM;
    }
}

static int file_holds(int fd, U words) {
    struct stat st;
    return !fstat(fd, &st) && (U)st.st_size / sizeof(U) >= words;
}

static void read_runs(Search *g, Stream *s, U n) {
    g->run = calloc(n + 1, sizeof(Run));
    if (!g->run) s->error = ENOMEM;
    for (g->runs = 0; g->runs < n && !s->error; g->runs++) {
        stream_read(s, &g->run[g->runs].n, sizeof(U));
        char path[1100];
        snprintf(path, sizeof path, "%s/run-%llu", g->o.checkpoint, (unsigned long long)g->runs);
        g->run[g->runs].fd = open(path, O_RDWR | O_CLOEXEC);
        if (g->run[g->runs].fd < 0) { s->error = errno == ENOENT ? EIO : errno; return; }
        if (!file_holds(g->run[g->runs].fd, g->run[g->runs].n)) s->error = EIO;
    }
}

static void read_header(Search *g, const Header *h) {
    g->level = h->level; g->pending = h->pending; g->distinct = h->distinct; g->generated = h->generated;
    g->depth = h->depth; g->outside = h->outside; g->bad_state = h->bad_state; g->bad_step = h->bad_step;
    g->undecided = h->undecided; g->verified_chunks = h->verified;
    memcpy(g->fired, h->fired, sizeof g->fired);
    memcpy(g->cover, h->cover, sizeof g->cover);
    memcpy(g->found, h->found, sizeof g->found);
    g->cx[0].generated = h->round_generated;
    g->cx[0].expanded = h->expanded;
    memcpy(g->cx[0].fired, h->round_fired, sizeof h->round_fired);
}

enum { NOT_SAVED = -1, OTHER_MODEL = -2, DAMAGED = -3 };

/* 0, one of these, or an errno. */
static int resume(Search *g) {
    char path[1100];
    snprintf(path, sizeof path, "%s/checkpoint", g->o.checkpoint);
    Stream s = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (s.fd < 0) return errno == ENOENT ? NOT_SAVED : errno;
    Header *h = calloc(1, sizeof *h);
    if (!h) { close(s.fd); return ENOMEM; }
    stream_read(&s, h, sizeof *h);
    int wrong = h->magic != CHECKPOINT_MAGIC ? DAMAGED : h->model != MODEL_KEY ? OTHER_MODEL : s.error ? s.error : 0;
    if (!wrong && !file_holds(g->log.fd, h->log_end)) wrong = DAMAGED;
    if (wrong) {
        close(s.fd);
        free(h);
        return wrong == EIO ? DAMAGED : wrong;
    }
    read_runs(g, &s, h->runs);
    read_chunks(&s, &g->now, h->now);
    read_chunks(&s, &g->next, h->next);
    while (!s.error && g->table.log2 < h->table_log2 && g->table.log2 < g->table.max_log2) g->table.log2++;
    table_set_limit(&g->table);
    if (h->entries > g->table.limit + (g->table.limit >> 2)) s.error = ENOMEM;
    for (U i = 0; i < h->entries && !s.error; i++) {
        U fp;
        stream_read(&s, &fp, sizeof fp);
        if (!s.error) g->table.count += (U)table_insert(&g->table, fp, 0);
    }
    if (g->runs && !s.error && !(g->old = malloc(table_slots(&g->table) / 8 + 1))) s.error = ENOMEM;
    if (!s.error && ftruncate(g->log.fd, (off_t)(h->log_end * sizeof(U)))) s.error = errno;
    g->log.end = h->log_end;
    read_header(g, h);
    close(s.fd);
    free(h);
    return s.error == EIO ? DAMAGED : s.error;
}

#endif

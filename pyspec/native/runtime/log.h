/* The append-only log of states: every distinct state with the position of its parent, in breadth-first order.
 *
 * A record is one header word (parent position << 16 | number of words) and the packed state. Positions count words. The
 * frontier is a part of the log, so the search itself holds only the table and a few buffers. The first few megabytes live
 * in memory; past them the log is a file in a temporary folder, unlinked as soon as it is open. */
#ifndef PYSPEC_LOG_H
#define PYSPEC_LOG_H
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define LOG_MEMORY ((U)1 << 18) /* words kept in memory */
#define NO_PARENT (((U)1 << 48) - 1)

typedef struct { U at, n; } Chunk;
typedef struct { Chunk *item; U n, room; } Chunks;

typedef struct {
    U *memory;
    U end; /* words, reserved atomically */
    int fd;
    int all_in_file; /* with checkpoints: the file holds everything and has a name */
    char path[1024];
} Log;

static int chunks_add(Chunks *c, Chunk k) {
    if (c->n == c->room) {
        U room = c->room ? c->room * 2 : 64;
        Chunk *p = realloc(c->item, room * sizeof(Chunk));
        if (!p) return 0;
        c->item = p;
        c->room = room;
    }
    c->item[c->n++] = k;
    return 1;
}

/* 0, or an errno. `keep`: a named file that survives (checkpoints). */
static int log_open(Log *l, const char *folder, int keep) {
    l->end = 0;
    l->fd = -1;
    l->all_in_file = keep;
    l->memory = NULL;
    snprintf(l->path, sizeof l->path, keep ? "%s/states.log" : "%s/pyspec-states-XXXXXX", folder);
    if (keep) {
        l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        return l->fd < 0 ? errno : 0;
    }
    l->memory = mmap(NULL, LOG_MEMORY * sizeof(U), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return l->memory == MAP_FAILED ? ENOMEM : 0;
}

static void log_close(Log *l) {
    if (l->memory && l->memory != MAP_FAILED) munmap(l->memory, LOG_MEMORY * sizeof(U));
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    l->memory = NULL;
}

/* The caller holds the search's lock. */
static int log_file(Log *l) {
    if (l->fd >= 0) return 0;
    int fd = mkstemp(l->path);
    if (fd < 0) return errno;
    unlink(l->path);
    __atomic_store_n(&l->fd, fd, __ATOMIC_RELEASE);
    return 0;
}

static int file_write(int fd, const void *from, size_t bytes, off_t at) {
    const char *p = from;
    while (bytes) {
        ssize_t n = pwrite(fd, p, bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : ENOSPC;
        p += n; at += n; bytes -= (size_t)n;
    }
    return 0;
}

static int file_read(int fd, void *to, size_t bytes, off_t at) {
    char *p = to;
    while (bytes) {
        ssize_t n = pread(fd, p, bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : EIO;
        p += n; at += n; bytes -= (size_t)n;
    }
    return 0;
}

/* Chunks do not straddle the end of the part in memory: see log_reserve. */
FN int log_in_memory(const Log *l, U at) { return !l->all_in_file && at < LOG_MEMORY; }

static U log_reserve(Log *l, U n) {
    for (;;) {
        U at = __atomic_fetch_add(&l->end, n, __ATOMIC_RELAXED);
        if (l->all_in_file || at >= LOG_MEMORY || at + n <= LOG_MEMORY) return at;
    }
}

static int log_write(Log *l, const U *from, U at, U n) {
    if (log_in_memory(l, at)) {
        memcpy(l->memory + at, from, n * sizeof(U));
        return 0;
    }
    return file_write(l->fd, from, n * sizeof(U), (off_t)(at * sizeof(U)));
}

static int log_read(const Log *l, U *to, U at, U n) {
    if (log_in_memory(l, at)) {
        memcpy(to, l->memory + at, n * sizeof(U));
        return 0;
    }
    return file_read(l->fd, to, n * sizeof(U), (off_t)(at * sizeof(U)));
}

#endif

/* What the generated model and the search share: integer types, bit fields, hashing, evaluation errors.
 *
 * The generated file defines, before it includes this one: W_MAX (64-bit words of the widest packed state), KEY_WORDS (what
 * is hashed at most), STATE_BITS,
 * N_ACTIONS, N_INVARIANTS, N_STEPS, N_GOALS, N_COVER, HAS_LIMIT, HAS_VIEW, CHECK_DEADLOCK. After it: struct S (an unpacked
 * state) and the model_* functions that search.h calls. */
#ifndef PYSPEC_BASE_H
#define PYSPEC_BASE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t U;
typedef int64_t I;
typedef unsigned __int128 UU;

#define COLD __attribute__((noinline, cold))
#define UNUSED __attribute__((unused))
#define FN static inline UNUSED
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AT_LEAST_1(n) ((n) > 0 ? (n) : 1)
#define ONE_WORD (STATE_BITS <= 63 && !HAS_VIEW)
#define MASK(bits) ((bits) >= 64 ? ~(U)0 : ((U)1 << (bits)) - 1)

typedef struct S S;
typedef struct Cx Cx;

/* An evaluation error abandons what is being evaluated: see process() in search.h. Defined there. */
static COLD __attribute__((noreturn)) void fail(Cx *cx, int kind, int span);

/* ---------------------------------------------------------------- checked arithmetic (kinds: pyspec.model.errors) */

enum { E_RANGE, E_OVERFLOW, E_DIVISION, E_INDEX, E_KEY, E_NONE, E_EMPTY, E_CAPACITY, E_CASE, E_ORDER, E_ASSERTION, E_ROOM };

FN I add_checked(Cx *cx, I a, I b, int span) {
    I r;
    if (UNLIKELY(__builtin_add_overflow(a, b, &r))) fail(cx, E_OVERFLOW, span);
    return r;
}
FN I sub_checked(Cx *cx, I a, I b, int span) {
    I r;
    if (UNLIKELY(__builtin_sub_overflow(a, b, &r))) fail(cx, E_OVERFLOW, span);
    return r;
}
FN I mul_checked(Cx *cx, I a, I b, int span) {
    I r;
    if (UNLIKELY(__builtin_mul_overflow(a, b, &r))) fail(cx, E_OVERFLOW, span);
    return r;
}
/* Floor division, as in Python; the caller has excluded zero. */
FN I div_floor(Cx *cx, I a, I b, int span) {
    if (UNLIKELY(b == -1)) return sub_checked(cx, 0, a, span);
    I q = a / b;
    return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}
FN I mod_floor(I a, I b) {
    if (b == -1) return 0;
    I r = a % b;
    return r != 0 && ((r < 0) != (b < 0)) ? r + b : r;
}

/* --------------------------------------------------------------------------------------------------- small sets */

FN I popcount(U x) { return __builtin_popcountll(x); }
FN I lowest(U x) { return __builtin_ctzll(x); }
FN I highest(U x) { return 63 - __builtin_clzll(x); }

/* Sets of more than 64 elements: k words, element i in bit i % 64 of word i / 64. */
FN int wide_in(const U *a, U i) { return (int)(a[i >> 6] >> (i & 63) & 1); }
FN void wide_add(U *a, U i) { a[i >> 6] |= (U)1 << (i & 63); }
FN I wide_size(const U *a, int k) {
    I n = 0;
    for (int i = 0; i < k; i++) n += popcount(a[i]);
    return n;
}
FN int wide_compare(const U *a, const U *b, int k) {
    for (int i = k - 1; i >= 0; i--)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}
/* The first element at or after i, or -1. */
FN I wide_next(const U *a, int k, U i) {
    for (int j = (int)(i >> 6); j < k; j++) {
        U rest = a[j] & (j == (int)(i >> 6) ? ~(U)0 << (i & 63) : ~(U)0);
        if (rest) return (I)j * 64 + lowest(rest);
    }
    return -1;
}
FN I wide_last(const U *a, int k) {
    for (int j = k - 1; j >= 0; j--)
        if (a[j]) return (I)j * 64 + highest(a[j]);
    return -1;
}

/* --------------------------------------------------------------------------------------------------- bit streams */

typedef struct { U *w; unsigned at; } Put;
typedef struct { const U *w; unsigned at; } Get;

/* The words from the current one on must be zero. */
FN void put_bits(Put *p, U code, unsigned bits) {
    unsigned i = p->at >> 6, o = p->at & 63;
    p->w[i] |= code << o;
    if (o + bits > 64) p->w[i + 1] |= code >> (64 - o);
    p->at += bits;
}
FN U get_bits(Get *g, unsigned bits) {
    unsigned i = g->at >> 6, o = g->at & 63;
    U v = g->w[i] >> o;
    if (o + bits > 64) v |= g->w[i + 1] << (64 - o);
    g->at += bits;
    return v & MASK(bits);
}

/* ------------------------------------------------------------------------------------------------------- hashing */

/* A bijection: two states of one word never collide (Stafford's variant 13 of the murmur3 finalizer). */
FN U mix(U x) {
    x ^= x >> 30; x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27; x *= 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static U KEYS[2 * KEY_WORDS + 2];
__attribute__((constructor)) static void make_keys(void) {
    for (unsigned i = 0; i < 2 * KEY_WORDS + 2; i++) KEYS[i] = mix(0x9e3779b97f4a7c15ULL * (i + 1));
}

/* Multilinear hashing modulo 2^128, high half (Dietzfelbinger 1996): for random keys two different states collide with
 * probability 2^-64. Zero words add nothing, so trailing zero words may be left out. */
FN U fingerprint_words(const U *w, unsigned n) {
    UU sum = ((UU)KEYS[2 * KEY_WORDS] << 64) | KEYS[2 * KEY_WORDS + 1];
    for (unsigned i = 0; i < n; i++) sum += (((UU)KEYS[2 * i] << 64) | KEYS[2 * i + 1]) * w[i];
    U h = (U)(sum >> 64);
    return h ? h : 1;
}

/* 0 marks an empty slot: the flipped top bit keeps one-word states (at most 63 bits) away from it. */
FN U fingerprint(const U *w, unsigned n) {
#if ONE_WORD
    (void)n;
    return mix(w[0] ^ (U)1 << 63);
#else
    return fingerprint_words(w, n);
#endif
}

/* A small mixing step for the signatures of symmetry reduction: two that collide cost time, not correctness. */
FN U stir(U h, U x) {
    h = (h ^ (x + 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
    return h ^ h >> 29;
}

#endif

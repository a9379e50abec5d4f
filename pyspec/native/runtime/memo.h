/* A property mostly reads a small part of the state, and that part takes far fewer values than there are states. So each
 * thread remembers, in a small direct-mapped table, for which values of that part a property was just seen to hold. The
 * values themselves are compared, so a hit is certain. A table that rarely helps is left alone for a while. */
#ifndef PYSPEC_MEMO_H
#define PYSPEC_MEMO_H

#define MEMO_BYTES ((size_t)1 << 19)
#define MEMO_TRIAL 16384 /* look-ups between two judgements */
#define MEMO_PAUSE (4 * MEMO_TRIAL)

typedef struct {
    U *entry, tries, hits;
    int log2, off;
} Memo;

static void memo_open(Memo *m, int words) {
    m->log2 = 0;
    while (((size_t)words * sizeof(U) << (m->log2 + 1)) <= MEMO_BYTES) m->log2++;
    m->entry = calloc((size_t)words << m->log2, sizeof(U));
    m->off = !m->entry;
}

/* The entry for a key, or NULL when the table is off. Keys have a bit set that no empty entry has. */
FN U *memo_entry(Memo *m, const U *key, int words) {
    if (UNLIKELY(m->off)) {
        m->off -= m->entry != NULL;
        return NULL;
    }
    U h = 0;
    for (int i = 0; i < words; i++) h = ((h << 23 | h >> 41) ^ key[i]) * 0xbf58476d1ce4e5b9ULL;
    if (UNLIKELY(++m->tries == MEMO_TRIAL)) {
        m->off = m->hits < MEMO_TRIAL / 3 ? MEMO_PAUSE : 0;
        m->tries = m->hits = 0;
    }
    return m->entry + (h >> (64 - m->log2)) * (U)words;
}

FN int memo_has(Memo *m, const U *entry, const U *key, int words) {
    for (int i = 0; i < words; i++)
        if (entry[i] != key[i]) return 0;
    m->hits++;
    return 1;
}

FN void memo_put(U *entry, const U *key, int words) {
    for (int i = 0; i < words; i++) entry[i] = key[i];
}

#endif

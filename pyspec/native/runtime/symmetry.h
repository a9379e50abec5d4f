/* The representative of a state under permutations of N_SORTS sorts: see emit_symmetry.py, which writes permute() and
 * signature(). */
#ifndef PYSPEC_SYMMETRY_H
#define PYSPEC_SYMMETRY_H

typedef struct {
    int order[N_SORTS][64];  /* elements by signature: order[k][position] */
    int first[N_SORTS * 64]; /* runs of elements still tied: sort, first position, length */
    int sort[N_SORTS * 64];
    int length[N_SORTS * 64];
    int ties;
} Order;

/* Sort the elements of each sort by signature, in the first round without classes; what compares equal stays tied.
 * Returns whether anything is. */
static int order_by_signature(const S *s, const Classes *c, Classes *to, Order *o) {
    Classes next;
    int tied = 0;
    for (int k = 0; k < N_SORTS; k++) {
        for (int e = 0; e < SORT_SIZE[k]; e++) {
            U h = next.of[k][e] = stir(c ? c->of[k][e] : 0, signature(s, k, (U)e, c));
            int i = e;
            for (; i > 0 && next.of[k][o->order[k][i - 1]] > h; i--) o->order[k][i] = o->order[k][i - 1];
            o->order[k][i] = e;
        }
        for (int i = 1; i < SORT_SIZE[k]; i++) tied |= next.of[k][o->order[k][i]] == next.of[k][o->order[k][i - 1]];
    }
    *to = next;
    return tied;
}

static void perm_of(const Order *o, Perm *p) {
    for (int k = 0; k < N_SORTS; k++)
        for (int i = 0; i < SORT_SIZE[k]; i++) p->to[k][o->order[k][i]] = (uint8_t)i;
    if (N_PERMS) p->number = perm_rank(p);
}

static unsigned pack_permuted(const S *s, const Order *o, U *w) {
    Perm p;
    S out;
    perm_of(o, &p);
    permute(s, &out, &p);
    return model_pack(&out, w);
}

/* Whether exchanging elements a and b of sort k leaves the state as it is. */
static int interchangeable(const S *s, int k, int a, int b, const U *packed, unsigned n) {
    Perm p;
    S out;
    U w[W_MAX];
    for (int j = 0; j < N_SORTS; j++)
        for (int i = 0; i < SORT_SIZE[j]; i++) p.to[j][i] = (uint8_t)i;
    p.to[k][a] = (uint8_t)b;
    p.to[k][b] = (uint8_t)a;
    if (N_PERMS) p.number = perm_rank(&p);
    permute(s, &out, &p);
    return model_pack(&out, w) == n && !memcmp(w, packed, n * sizeof(U));
}

/* The runs of tied elements. Within a run, elements that can be exchanged stand together and get one number. */
static void find_ties(const S *s, const Classes *c, Order *o, int kinds[][64]) {
    U packed[W_MAX];
    unsigned n = model_pack(s, packed);
    o->ties = 0;
    for (int k = 0; k < N_SORTS; k++)
        for (int i = 0, j; i < SORT_SIZE[k]; i = j) {
            for (j = i + 1; j < SORT_SIZE[k] && c->of[k][o->order[k][j]] == c->of[k][o->order[k][i]]; j++) {}
            int kind = 0;
            for (int x = i; x < j; x++) {
                kinds[k][o->order[k][x]] = -1;
                for (int y = i; y < x && kinds[k][o->order[k][x]] < 0; y++)
                    if (interchangeable(s, k, o->order[k][y], o->order[k][x], packed, n))
                        kinds[k][o->order[k][x]] = kinds[k][o->order[k][y]];
                if (kinds[k][o->order[k][x]] < 0) kinds[k][o->order[k][x]] = kind++;
            }
            if (kind < 2) continue;
            o->sort[o->ties] = k;
            o->first[o->ties] = i;
            o->length[o->ties++] = j - i;
        }
}

/* The next arrangement of the kinds of a run in lexicographic order; 0 (and the first one again) after the last. */
static int next_arrangement(int *run, int n, const int *kind) {
    int i = n - 2;
    while (i >= 0 && kind[run[i]] >= kind[run[i + 1]]) i--;
    int more = i >= 0;
    if (more) {
        int j = n - 1;
        while (kind[run[j]] <= kind[run[i]]) j--;
        int t = run[i]; run[i] = run[j]; run[j] = t;
    }
    for (int a = i + 1, b = n - 1; a < b; a++, b--) { int t = run[a]; run[a] = run[b]; run[b] = t; }
    return more;
}

static void sort_by_kind(int *run, int n, const int *kind) {
    for (int i = 1; i < n; i++) {
        int x = run[i], j = i;
        for (; j > 0 && kind[run[j - 1]] > kind[x]; j--) run[j] = run[j - 1];
        run[j] = x;
    }
}

#define MOST_ARRANGEMENTS 50000 /* beyond, some state of the orbit has to do: less is reduced, nothing is lost */

/* Every arrangement of the ties is tried. */
static unsigned least_packed(const S *s, Order *o, int kinds[][64], U *w) {
    U other[W_MAX];
    unsigned n = 0, tried = 0;
    for (int t = 0; t < o->ties; t++)
        sort_by_kind(o->order[o->sort[t]] + o->first[t], o->length[t], kinds[o->sort[t]]);
    for (int t = 0; (t < o->ties && ++tried < MOST_ARRANGEMENTS) || !n;) {
        unsigned m = pack_permuted(s, o, other);
        int less = !n;
        if (n && m != n) less = m < n;
        else if (n)
            for (unsigned i = 0; i < n; i++)
                if (other[i] != w[i]) { less = other[i] < w[i]; break; }
        if (less) {
            memcpy(w, other, m * sizeof(U));
            n = m;
        }
        for (t = 0; t < o->ties; t++)
            if (next_arrangement(o->order[o->sort[t]] + o->first[t], o->length[t], kinds[o->sort[t]])) break;
        if (t == o->ties) break;
    }
    return n;
}

static unsigned canonical(const S *s, U *w) {
    Classes c;
    Order o;
    o.ties = 0;
    if (!order_by_signature(s, NULL, &c, &o) || !order_by_signature(s, &c, &c, &o)) return pack_permuted(s, &o, w);
    int kinds[N_SORTS][64];
    find_ties(s, &c, &o, kinds);
    return least_packed(s, &o, kinds, w);
}

#endif

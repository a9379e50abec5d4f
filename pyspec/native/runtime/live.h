/* Liveness after a search: the whole graph in memory, and fair cycles in it.
 *
 * The states are those of the log, numbered in its order; their edges are computed once more and kept: a target and the
 * number of the fair step (action and arguments) it is, if it is one. A step that changes nothing is no step. A step that
 * leads beyond a limit is kept as BLOCKED: it is enabled, but cannot be taken.
 *
 * A run that violates the property ends up in a strongly connected component of the states it may stay in. The component
 * is fair when every weakly fair step enabled in all of its states, and every strongly fair step enabled in one of them,
 * is taken inside it. States where a starved strongly fair step is enabled are cut out and the rest is searched again
 * (Emerson and Lei 1987). Components by Tarjan (1972), without recursion. */
#ifndef PYSPEC_LIVE_H
#define PYSPEC_LIVE_H
#include "checkpoint.h"

#if N_LIVE
#define UNFAIR 0xffff
#define BLOCKED 0xffffffffu
#define LABEL_SLOTS ((U)1 << 18)
#define LABEL_WORDS 1024
enum { M_INITIAL = 1, M_INSIDE = 2, M_START = 4, M_FAIR = 8, M_MUST = 16, M_GOAL = 32 };
enum { EVENTUALLY, ALWAYS_EVENTUALLY, EVENTUALLY_ALWAYS, LEADS_TO };
enum { L_MEMORY = -1, L_ERROR = -2, L_UNKNOWN_STATE = -3, L_LABELS = -4, L_SPILLED = -5, L_LOG = -6 };

typedef uint32_t N;
typedef struct { N *state, n; } Pending;

typedef struct Live {
    Search *g;
    Cx *cx;
    N n, built;
    int fault; /* one of L_ */
    U *at;     /* by state: position in the log */
    N *slot;   /* by slot of the table: the state */
    U *edge, edges, room; /* edge[s] .. edge[s + 1] - 1 are the edges of s */
    N *target;
    uint16_t *label;
    U *hash; /* labels by hash, and the number of each */
    N *name, labels;
    uint8_t *strong;
    uint8_t *truth[2]; /* bit s of row c: whether the c-th formula holds in s; the second ones for "leads to" */
    size_t row;
    uint8_t *mark;
    N *part, *num, *low, *stack, *frame;
    U *next;
    N last, size; /* the last part given out; states of the fair one */
} Live;

static void live_close(Live *l) {
    if (!l) return;
    free(l->cx); free(l->at); free(l->slot); free(l->edge); free(l->target); free(l->label); free(l->hash); free(l->name);
    free(l->strong); free(l->truth[0]); free(l->truth[1]); free(l->mark); free(l->part); free(l->num); free(l->low);
    free(l->stack); free(l->frame); free(l->next);
    free(l);
}

/* -------------------------------------------------------------------------------------------- building the graph */

static uint16_t live_label(Live *l, U hash, int strong) {
    U i = mix(hash) & (LABEL_SLOTS - 1);
    while (l->hash[i] && l->hash[i] != hash) i = (i + 1) & (LABEL_SLOTS - 1);
    if (!l->hash[i]) {
        if (l->labels == UNFAIR) { l->fault = L_LABELS; return UNFAIR; }
        l->hash[i] = hash;
        l->name[i] = l->labels;
        l->strong[l->labels++] = (uint8_t)strong;
    }
    return (uint16_t)l->name[i];
}

static void live_add(Live *l, N to, uint16_t label) {
    if (l->edges == l->room) {
        U room = l->room ? l->room * 2 : 4096;
        N *t = realloc(l->target, room * sizeof(N));
        if (t) l->target = t;
        uint16_t *b = realloc(l->label, room * sizeof(uint16_t));
        if (b) l->label = b;
        if (!t || !b) { l->fault = L_MEMORY; return; }
        l->room = room;
    }
    l->target[l->edges] = to;
    l->label[l->edges++] = label;
}

/* A successor of the state being expanded. */
static void live_edge(Cx *cx) {
    Live *l = cx->live;
    U w[W_MAX + 1];
    unsigned n = model_pack(&cx->nxt, w);
    if (l->fault || (n == cx->cn && !memcmp(w, cx->cw, n * sizeof(U)))) return;
    I s = table_find(&l->g->table, fingerprint(w, n));
    if (s < 0 && (!HAS_LIMIT || within(cx))) { l->fault = L_UNKNOWN_STATE; return; }
    int fair = FAIR[cx->item];
    uint16_t label = fair ? live_label(l, stir(cx->label, (U)cx->item + 1), fair == 2) : UNFAIR;
    if (s >= 0) live_add(l, l->slot[s], label);
    else if (fair) live_add(l, BLOCKED, label);
}

static void live_expand(Live *l, N i, const U *w, unsigned n) {
    Cx *cx = l->cx;
    Tap tap = {0};
    memset(cx->padded, 0, sizeof cx->padded);
    memcpy(cx->padded, w, n * sizeof(U));
    cx->cw = cx->padded;
    cx->cn = n;
    model_unpack(cx->padded, &cx->cur);
    cx->tap = &tap;
    cx->live = l;
    cx->phase = EXPANDING;
    cx->item = 0;
    memcpy(&cx->nxt, &cx->cur, sizeof(S));
    expand_state(cx);
    l->edge[i + 1] = l->edges;
    jmp_buf here;
    cx->back = &here;
    if (_setjmp(here)) { l->fault = L_ERROR; return; }
    uint8_t value[2][N_FORMULAS] = {{0}};
    model_live(cx, &cx->cur, value[0], value[1]);
    for (int side = 0; side < 2; side++)
        for (U c = 0; c < N_FORMULAS; c++)
            l->truth[side][c * l->row + (i >> 3)] |= (uint8_t)(value[side][c] << (i & 7));
}

/* Number the states, in the order of the log. */
static int live_number(Live *l) {
    Search *g = l->g;
    U buffer[(1 << 12) + W_MAX + 2], end = g->log.end, at = 0;
    while (at < end) {
        U n = end - at < sizeof buffer / sizeof(U) ? end - at : sizeof buffer / sizeof(U), i = 0;
        if (search_log(g, at, n, buffer)) return L_LOG;
        while (i < n && i < (U)1 << 12) {
            unsigned size = (unsigned)(buffer[i] & 0xffff);
            if (size) {
                I s = table_find(&g->table, fingerprint(buffer + i + 1, size));
                if (s < 0 || l->n == g->distinct) return L_UNKNOWN_STATE;
                l->slot[s] = l->n;
                l->mark[l->n] = buffer[i] >> 16 == NO_PARENT ? M_INITIAL : 0;
                l->at[l->n++] = at + i;
            }
            i += size + 1;
        }
        at += i;
    }
    return l->n == g->distinct ? 0 : L_UNKNOWN_STATE;
}

#define NEW(field, count) ((l->field = calloc((size_t)(count) + 1, sizeof *l->field)) != NULL)

static Live *live_open(Search *g) {
    Live *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->g = g;
    U n = g->distinct;
    if (g->runs || n >= BLOCKED) { l->fault = L_SPILLED; return l; }
    l->row = n / 8 + 1;
    if (!(l->cx = cx_new(1)) || !NEW(at, n) || !NEW(slot, table_slots(&g->table)) || !NEW(edge, n + 1) ||
        !NEW(hash, LABEL_SLOTS) || !NEW(name, LABEL_SLOTS) || !NEW(strong, UNFAIR) || !NEW(mark, n) ||
        !NEW(truth[0], l->row * N_FORMULAS) || !NEW(truth[1], l->row * N_FORMULAS))
        l->fault = L_MEMORY;
    else {
        l->cx->g = g;
        l->fault = live_number(l);
    }
    return l;
}

/* Expand some more states; returns how many are left, or a fault. */
static I live_build(Live *l, N most) {
    U words[W_MAX + 1], parent;
    for (; most-- && l->built < l->n && !l->fault; l->built++) {
        int n = search_record(l->g, l->at[l->built], words, &parent);
        if (n < 0) l->fault = L_LOG;
        else live_expand(l, l->built, words, (unsigned)n);
    }
    if (l->fault) return l->fault;
    if (l->built == l->n && !l->part &&
        (!NEW(part, l->n) || !NEW(num, l->n) || !NEW(low, l->n) || !NEW(stack, l->n) || !NEW(frame, l->n) || !NEW(next, l->n)))
        return l->fault = L_MEMORY;
    return l->n - l->built;
}

/* ------------------------------------------------------------------------------------------------- fair components */

enum { DISCARD, FAIR_PART, SPLIT };

static void live_enabled(const Live *l, N s, U *enabled, U *taken) {
    for (U e = l->edge[s]; e < l->edge[s + 1]; e++) {
        N b = l->label[e];
        if (b == UNFAIR) continue;
        enabled[b >> 6] |= (U)1 << (b & 63);
        if (taken && l->target[e] != BLOCKED && l->part[l->target[e]] == l->part[s]) taken[b >> 6] |= (U)1 << (b & 63);
    }
}

/* What to do with a component; `starved`: strongly fair steps that are enabled in it, but not taken. */
static int live_examine(const Live *l, const N *state, N m, int must, U *starved) {
    U words = l->labels / 64 + 1;
    U always[LABEL_WORDS], sometimes[LABEL_WORDS], taken[LABEL_WORDS], here[LABEL_WORDS];
    memset(always, 255, words * sizeof(U));
    memset(sometimes, 0, words * sizeof(U));
    memset(taken, 0, words * sizeof(U));
    int met = !must, starving = 0;
    for (N i = 0; i < m; i++) {
        memset(here, 0, words * sizeof(U));
        live_enabled(l, state[i], here, taken);
        for (U k = 0; k < words; k++) { always[k] &= here[k]; sometimes[k] |= here[k]; }
        met |= (l->mark[state[i]] & M_MUST) != 0;
    }
    if (!met) return DISCARD;
    memset(starved, 0, words * sizeof(U));
    for (N b = 0; b < l->labels; b++) {
        U bit = (U)1 << (b & 63);
        if (taken[b >> 6] & bit) continue;
        if (!l->strong[b]) {
            if (always[b >> 6] & bit) return DISCARD;
        } else if (sometimes[b >> 6] & bit) {
            starved[b >> 6] |= bit;
            starving = 1;
        }
    }
    return starving ? SPLIT : FAIR_PART;
}

/* The states of a component in which no starved step is enabled become a part of their own. */
static int live_split(Live *l, const N *state, N m, const U *starved, Pending *rest) {
    U words = l->labels / 64 + 1, here[LABEL_WORDS];
    rest->n = 0;
    if (!(rest->state = malloc(m * sizeof(N)))) return 0;
    for (N i = 0; i < m; i++) {
        N s = state[i];
        memset(here, 0, words * sizeof(U));
        live_enabled(l, s, here, NULL);
        int bad = 0;
        for (U k = 0; k < words; k++) bad |= (here[k] & starved[k]) != 0;
        if (!bad) rest->state[rest->n++] = s;
        l->num[s] = 0;
    }
    for (N i = 0; i < m; i++) l->part[state[i]] = 0;
    l->last++;
    for (N i = 0; i < rest->n; i++) l->part[rest->state[i]] = l->last;
    return 1;
}

/* A component that is complete: 1 if it is fair (and then marked), 0 to go on, or a fault. */
static int live_component(Live *l, N *state, N m, int must, Pending *todo, U *todos, U most) {
    U starved[LABEL_WORDS];
    l->last++;
    for (N i = 0; i < m; i++) l->part[state[i]] = l->last;
    int what = live_examine(l, state, m, must, starved);
    if (what == FAIR_PART) {
        for (N i = 0; i < m; i++) l->mark[state[i]] |= M_FAIR;
        l->size = m;
        return 1;
    }
    if (what == SPLIT && m > 1) {
        if (*todos == most || !live_split(l, state, m, starved, &todo[*todos])) return L_MEMORY;
        ++*todos;
        return 0;
    }
    for (N i = 0; i < m; i++) l->part[state[i]] = 0;
    return 0;
}

/* The components of the part that `root` is in, as far as they can be reached from it. */
static int live_tarjan(Live *l, N root, int must, N *count, Pending *todo, U *todos, U most) {
    N id = l->part[root], depth = 0, top = 0;
    l->frame[0] = root;
    l->next[0] = l->edge[root];
    l->num[root] = l->low[root] = ++*count;
    l->stack[top++] = root;
    for (;;) {
        N s = l->frame[depth];
        if (l->next[depth] < l->edge[s + 1]) {
            N t = l->target[l->next[depth]++];
            if (t == BLOCKED || l->part[t] != id) continue;
            if (l->num[t]) {
                if (l->num[t] < l->low[s]) l->low[s] = l->num[t];
                continue;
            }
            l->num[t] = l->low[t] = ++*count;
            l->stack[top++] = t;
            l->frame[++depth] = t;
            l->next[depth] = l->edge[t];
            continue;
        }
        if (l->low[s] == l->num[s]) {
            N first = top;
            do first--; while (l->stack[first] != s);
            int found = live_component(l, l->stack + first, top - first, must, todo, todos, most);
            if (found) return found;
            top = first;
        }
        if (!depth) return 0;
        N before = l->frame[--depth];
        if (l->low[s] < l->low[before]) l->low[before] = l->low[s];
    }
}

#define MOST_PENDING ((U)1 << 20)

/* A fair component of the states that are marked as reached (part 1): 1, 0, or a fault. */
static int live_fair(Live *l, N *reached, N m, int must) {
    Pending *todo = calloc(MOST_PENDING, sizeof(Pending));
    if (!todo) return L_MEMORY;
    U todos = 1;
    int found = 0;
    todo[0] = (Pending){reached, m};
    l->last = 1;
    while (todos && !found) {
        Pending p = todo[--todos];
        N id = p.n ? l->part[p.state[0]] : 0, count = 0;
        for (N i = 0; i < p.n && !found; i++)
            if (l->part[p.state[i]] == id && !l->num[p.state[i]])
                found = live_tarjan(l, p.state[i], must, &count, todo, &todos, MOST_PENDING);
        if (p.state != reached) free(p.state);
    }
    while (todos) if (todo[--todos].state != reached) free(todo[todos].state);
    free(todo);
    return found;
}

static int live_holds(const Live *l, int side, U formula, N s) {
    return l->truth[side][formula * l->row + (s >> 3)] >> (s & 7) & 1;
}

/* What the property says about each state: may a run that violates it stay there, begin there, must it come back there? */
static void live_marks(Live *l, int shape, U formula) {
    for (N s = 0; s < l->n; s++) {
        int first = live_holds(l, 0, formula, s), second = live_holds(l, 1, formula, s);
        int inside = shape == EVENTUALLY_ALWAYS || !(shape == LEADS_TO ? second : first);
        int start = inside && (shape != LEADS_TO || first) && (shape != EVENTUALLY || (l->mark[s] & M_INITIAL));
        l->mark[s] = (uint8_t)((l->mark[s] & M_INITIAL) | (inside ? M_INSIDE : 0) | (start ? M_START : 0) |
                               (shape == EVENTUALLY_ALWAYS && !first ? M_MUST : 0));
    }
}

/* 1: some fair run violates a property (see the marks); 0: none does; or a fault. */
static int live_decide(Live *l, int shape, U formula) {
    live_marks(l, shape, formula);
    memset(l->part, 0, l->n * sizeof(N));
    memset(l->num, 0, l->n * sizeof(N));
    N m = 0, *reached = malloc(((size_t)l->n + 1) * sizeof(N));
    if (!reached) return L_MEMORY;
    for (N s = 0; s < l->n; s++)
        if (l->mark[s] & M_START) { l->part[s] = 1; reached[m++] = s; }
    for (N i = 0; i < m; i++)
        for (U e = l->edge[reached[i]]; e < l->edge[reached[i] + 1]; e++) {
            N t = l->target[e];
            if (t != BLOCKED && !l->part[t] && (l->mark[t] & M_INSIDE)) { l->part[t] = 1; reached[m++] = t; }
        }
    int found = live_fair(l, reached, m, shape == EVENTUALLY_ALWAYS);
    free(reached);
    return found;
}

/* ------------------------------------------------------------------------------------------------------- lassos */

FN int live_all(const Live *l, N s, int marks) { return (l->mark[s] & marks) == marks; }

/* A shortest path from `from` (BLOCKED: the states with these marks) to `to` (likewise), through states with the marks
 * `through`. Writes at most `room` states, from the end backwards; returns their number, 0 when there is no path. */
static N live_path(Live *l, N from, int from_marks, int through, N to, int to_marks, N *out, N room) {
    N head = 0, tail = 0, *queue = l->stack, *before = l->num;
    memset(before, 0, l->n * sizeof(N)); /* one more than the state before; n + 1 for a first one */
    for (N s = from == BLOCKED ? 0 : from; s < (from == BLOCKED ? l->n : from + 1); s++)
        if (from != BLOCKED || live_all(l, s, from_marks)) { before[s] = l->n + 1; queue[tail++] = s; }
    while (head < tail) {
        N s = queue[head++], length = 0;
        if (to == BLOCKED ? live_all(l, s, to_marks) : s == to) {
            for (;; s = before[s] - 1) {
                if (length < room) out[length] = s;
                length++;
                if (before[s] == l->n + 1) return length;
            }
        }
        for (U e = l->edge[s]; e < l->edge[s + 1]; e++) {
            N t = l->target[e];
            if (t != BLOCKED && !before[t] && live_all(l, t, through)) { before[t] = s + 1; queue[tail++] = t; }
        }
    }
    return 0;
}

/* An edge of the fair part with a label: 1 and its ends, or 0, and the states where it is not enabled are marked. */
static int live_taken(Live *l, N label, N *ends) {
    for (N s = 0; s < l->n; s++) {
        l->mark[s] &= (uint8_t)~M_GOAL;
        if (!(l->mark[s] & M_FAIR)) continue;
        int enabled = 0;
        for (U e = l->edge[s]; e < l->edge[s + 1]; e++) {
            if (l->label[e] != label) continue;
            enabled = 1;
            if (l->target[e] == BLOCKED || !(l->mark[l->target[e]] & M_FAIR)) continue;
            ends[0] = s;
            ends[1] = l->target[e];
            return 1;
        }
        if (!enabled) l->mark[s] |= M_GOAL;
    }
    return 0;
}
#endif
#endif

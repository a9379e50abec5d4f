/* Permutations of N_SORTS sorts at once, and their numbers: where all of them are few, what they do to small codes is kept
 * in tables (see emit_symmetry.py). */
#ifndef PYSPEC_PERMUTATIONS_H
#define PYSPEC_PERMUTATIONS_H

typedef struct {
    uint8_t to[N_SORTS][64];
    int number; /* if N_PERMS > 0 */
} Perm;

typedef struct { U of[N_SORTS][64]; } Classes;

/* The number of a permutation: the ranks in lexicographic order of its parts, combined. */
FN int perm_rank(const Perm *p) {
    int all = 0;
    for (int k = 0; k < N_SORTS; k++)
        for (int i = 0, n = SORT_SIZE[k]; i < n; i++) {
            int less = 0;
            for (int j = i + 1; j < n; j++) less += p->to[k][j] < p->to[k][i];
            all = all * (n - i) + less;
        }
    return all;
}

/* The permutation with a number. */
static UNUSED Perm perm_numbered(int number) {
    Perm p;
    p.number = number;
    for (int k = N_SORTS - 1; k >= 0; k--) {
        int n = SORT_SIZE[k], digit[64], free[64];
        for (int i = n - 1; i >= 0; i--) {
            digit[i] = number % (n - i);
            number /= n - i;
        }
        for (int i = 0; i < n; i++) free[i] = i;
        for (int i = 0; i < n; i++) {
            p.to[k][i] = (uint8_t)free[digit[i]];
            for (int j = digit[i]; j + 1 < n - i; j++) free[j] = free[j + 1];
        }
    }
    return p;
}

#endif

/* Two-phase commit for SPIN: the actions of TwoPhase.tla (Gray and Lamport, Consensus on Transaction Commit).
 * -DN=8 is the number of managers, at most 10. A sent message stays readable, so messages are bits. */
#ifndef N
#define N 8
#endif
#define ALL ((1 << N) - 1)
#define WORKING 0
#define PREPARED 1
#define COMMITTED 2
#define ABORTED 3

byte phase[N];
short sent, ready;
byte decision;
bool commit, abort;

#define MANAGER(r) \
    :: d_step { phase[r] == WORKING -> phase[r] = PREPARED; sent = sent | (1 << r) } \
    :: d_step { phase[r] == WORKING -> phase[r] = ABORTED } \
    :: d_step { decision == 0 && (sent & (1 << r)) -> ready = ready | (1 << r) } \
    :: d_step { commit -> phase[r] = COMMITTED } \
    :: d_step { abort -> phase[r] = ABORTED }

active proctype protocol() {
    do
    :: d_step { decision == 0 && ready == ALL -> decision = 1; commit = true }
    :: d_step { decision == 0 -> decision = 2; abort = true }
    MANAGER(0)
    MANAGER(1)
    MANAGER(2)
#if N > 3
    MANAGER(3)
#endif
#if N > 4
    MANAGER(4)
#endif
#if N > 5
    MANAGER(5)
#endif
#if N > 6
    MANAGER(6)
#endif
#if N > 7
    MANAGER(7)
#endif
#if N > 8
    MANAGER(8)
#endif
#if N > 9
    MANAGER(9)
#endif
    od
}

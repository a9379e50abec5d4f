"""The one table of built-in operators of the core. Every engine has an entry for each key, and a test holds them to it.

Operand types in the comments: B bool, I int, O an ordered type (int, enum, ordered sort: any two of one type),
T any type, S set, G bag, Q seq, M map, ? option. Undefined cases are evaluation errors, named in brackets.
"""

OPS: dict[str, str] = {
    # booleans: `and`, `or` take two or more arguments and stop early; `implies` stops early
    "not": "B -> B",
    "and": "B... -> B",
    "or": "B... -> B",
    "implies": "B B -> B",
    # any type
    "eq": "T T -> B",
    "ne": "T T -> B",
    # integers; quotient rounds toward minus infinity and the remainder has the divisor's sign, as in Python
    "neg": "I -> I [overflow]",
    "add": "I I -> I [overflow]",
    "sub": "I I -> I [overflow]",
    "mul": "I I -> I [overflow]",
    "div": "I I -> I [division by zero]",
    "mod": "I I -> I [division by zero]",
    "abs": "I -> I [overflow]",
    # order: integers by value, enum members and elements of ordered sorts by position
    "lt": "O O -> B",
    "le": "O O -> B",
    "gt": "O O -> B",
    "ge": "O O -> B",
    "min2": "O O -> O",
    "max2": "O O -> O",
    "succ": "O -> O, enum or ordered sort [no successor of the last]",
    "pred": "O -> O, enum or ordered sort [no predecessor of the first]",
    "index_of": "O -> I, position of an enum member or ordered-sort element, from 0",
    # sets
    "set.in": "T S -> B",
    "set.union": "S S -> S",
    "set.inter": "S S -> S",
    "set.diff": "S S -> S",
    "set.subset": "S S -> B, not necessarily proper",
    "set.size": "S -> I",
    "set.subsets": "S -> set of S",
    "set.flatten": "set of S -> S, the union of the members",
    "set.min": "S of O -> O [empty]",
    "set.max": "S of O -> O [empty]",
    "set.only": "S -> T, the one element [not exactly one]",
    "set.majority": "S of a sort -> B: 2 * size > number of elements of the sort",
    "range": "I I -> set of I: lo..hi, empty when lo > hi",
    "range.seq": "I I -> seq of I: [lo, ..., hi], empty when lo > hi",
    # bags
    "bag.in": "T G -> B",
    "bag.count": "G T -> I",
    "bag.add": "G G -> G, sum of counts",
    "bag.diff": "G G -> G, difference of counts, never below zero",
    "bag.size": "G -> I, all copies",
    "bag.support": "G -> S, the set of its distinct elements",
    # sequences
    "seq.in": "T Q -> B",
    "seq.at": "Q I -> T [index outside 0..len-1]",
    "seq.len": "Q -> I",
    "seq.concat": "Q Q -> Q",
    "seq.slice": "Q I I -> Q, items lo..hi-1 [unless 0 <= lo and hi <= len; empty when hi <= lo]",
    "seq.prefix": "Q Q -> B, the first is a prefix of the second",
    "seq.set": "Q -> S, its elements",
    "seq.first": "Q -> T [empty]",
    "seq.last": "Q -> T [empty]",
    "seq.update": "Q I T -> Q, one item replaced [index]",
    # maps (total)
    "map.at": "M K -> V [key outside the key type]",
    "map.update": "M K V -> M, one value replaced [key]",
    "map.values": "M -> S",
    # options: `some` lifts; equality with none is `eq`
    "some": "T -> ?",
    "unwrap": "? -> T [none]",
    "or_else": "? T -> T, evaluates the second only when the first is none",
}

"""What replicas of a set say to each other and write to their disks."""

import hashlib
from dataclasses import dataclass

from immutables import Map

from impl.crdt_set.orset import Context, Delta, Dot, Shard, whole
from impl.runtime.codec import Codec
from impl.runtime.packing import pack

Dots = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A delta of one shard in plain data: the context (runs, and dots beyond them), then key, member and dots."""

    shard: int
    upto: Dots
    beyond: Dots
    rows: tuple[tuple[bytes, bytes, Dots], ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Life:
    """Record: a life of this node has begun; its number is part of the actor's name."""

    number: int


@dataclass(frozen=True, slots=True)
class Merged:
    """Record: these pieces were joined, in order."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """New pieces, sent to everyone when they are made. Losing one is harmless."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """Gossip: a fingerprint of each shard."""

    marks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Shards:
    """Gossip: whole shards that differed; with `back`, the receiver sends its own in return."""

    pieces: tuple[Piece, ...]
    back: bool


RECORDS: tuple[type, ...] = (Life, Merged)
MESSAGES: tuple[type, ...] = (Change, Digest, Shards)
CODEC = Codec((Piece, *RECORDS, *MESSAGES))


def plain_dots(dots: frozenset[Dot]) -> Dots:
    """Dots in order."""
    return tuple(sorted(dots))


def piece_of(number: int, delta: Delta) -> Piece:
    """A delta as plain data; equal deltas give equal pieces."""
    rows = tuple((key, member, plain_dots(dots)) for (key, member), dots in delta.rows)
    upto = tuple(sorted(delta.context.upto.items()))
    return Piece(number, upto, plain_dots(delta.context.beyond), rows, delta.whole)


def delta_of(piece: Piece) -> Delta:
    """The delta that a piece describes."""
    context = Context(Map(piece.upto), frozenset(piece.beyond))
    return Delta(context, tuple(((key, member), frozenset(dots)) for key, member, dots in piece.rows), piece.whole)


def mark_of(shard: Shard) -> bytes:
    """A fingerprint that differs where shards differ."""
    piece = piece_of(0, whole(shard))
    return hashlib.blake2b(pack((piece.upto, piece.beyond, piece.rows)), digest_size=12).digest()

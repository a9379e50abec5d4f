"""The Lua scripts that lock libraries send, recognised by what they say; no other script is run."""

import hashlib
import re
from dataclasses import dataclass

WORD = re.compile(rb"\"[^\"]*\"|'[^']*'|[A-Za-z_][A-Za-z_0-9]*|[0-9]+|~=|==|[^\s\w]")


@dataclass(frozen=True, slots=True)
class Script:
    """A known script: which operation it is, how many keys and arguments it takes, and its text."""

    body: bytes
    keys: int
    arguments: int
    text: bytes

    @property
    def digest(self) -> bytes:
        """The SHA1 under which a client that knows the text asks for it."""
        return digest_of(self.text)


def digest_of(text: bytes) -> bytes:
    """The SHA1 under which a client that has sent this text asks for it."""
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()


def normal(text: bytes) -> tuple[bytes, ...]:
    """The words of a script without layout, comments, quoting style and case of keywords and commands."""
    bare = re.sub(rb"--[^\n]*", b"", text)
    return tuple(word.replace(b"'", b'"').lower() for word in WORD.findall(bare) if word != b";")


OWNED = b"""
        local token = redis.call('get', KEYS[1])
        if not token or token ~= ARGV[1] then
            return 0
        end
"""

RELEASE = (
    OWNED
    + b"""        redis.call('del', KEYS[1])
        return 1
    """
)

EXTEND = (
    OWNED
    + b"""        local expiration = redis.call('pttl', KEYS[1])
        if not expiration then
            expiration = 0
        end
        if expiration < 0 then
            return 0
        end

        local newttl = ARGV[2]
        if ARGV[3] == "0" then
            newttl = ARGV[2] + expiration
        end
        redis.call('pexpire', KEYS[1], newttl)
        return 1
    """
)

RENEW = (
    OWNED
    + b"""        redis.call('pexpire', KEYS[1], ARGV[2])
        return 1
    """
)

GUARDED = b'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call(%s) else return 0 end'

SCRIPTS = (
    Script(b"release", 1, 1, RELEASE),
    Script(b"extend", 1, 3, EXTEND),
    Script(b"renew", 1, 2, RENEW),
    Script(b"release", 1, 1, GUARDED % b'"del", KEYS[1]'),
    Script(b"renew", 1, 2, GUARDED % b'"pexpire", KEYS[1], ARGV[2]'),
)

BY_WORDS = {normal(script.text): script for script in SCRIPTS}
BY_DIGEST = {script.digest: script for script in SCRIPTS}


def recognise(text: bytes) -> Script | None:
    """The known script with these words, however it is laid out."""
    return BY_WORDS.get(normal(text))

"""Commands that a node answers by itself: greetings, passwords, transactions' brackets, scripts, status, faults."""

import hmac
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from impl.runtime import scripts
from impl.runtime.effects import OK, Command, Failure, Result, Status
from impl.runtime.resp import Limits, encode

if TYPE_CHECKING:
    from impl.runtime.front import Connection

FOR_STRANGERS = frozenset((b"AUTH", b"HELLO", b"QUIT", b"RESET"))
ALONE = frozenset((b"MEMBER",))
"""Commands for the core that never share a request with others."""

VERSION = "7.0.15"
"""The Redis version whose behaviour is followed."""

Handler = Callable[["Connection", Command], Result]


class Later:
    """The marker of a handler that has already arranged for its reply."""


LATER = Later()


def handle(connection: "Connection", command: Command) -> None:
    """Answer one command that is not part of a run for the core."""
    handler = HANDLERS.get(command[0])
    if connection.queued is not None and command[0] not in BRACKETS | INTERNAL:
        reply: Any = _queue(connection, command)
    elif handler is not None:
        reply = handler(connection, command)
    elif command[0] in INTERNAL:
        reply = Failure(unknown(command))
    else:
        reply = _core(connection, command)
    if reply is not LATER:
        connection.segment(encode(reply, connection.version))


def _core(connection: "Connection", command: Command) -> Result:
    """A command for the core that must go alone, or that is wrong."""
    problem = complaint(connection, command)
    if problem is not None:
        return Failure(problem)
    only_reads = command[0] in connection.door.protocol.reads
    connection.submit((command,), only_reads, lambda results: encode(results[0], connection.version))
    return LATER


def complaint(connection: "Connection", command: Command) -> str | None:
    """What is wrong with a command for the core, if anything."""
    protocol = connection.door.protocol
    if command[0] not in protocol.reads and command[0] not in protocol.writes:
        return unknown(command)
    return protocol.check(command)


def unknown(command: Command) -> str:
    """The error for a command nobody knows."""
    name = command[0][:128].decode("utf-8", "replace")
    return f"ERR unknown command '{name}', with args beginning with: " + " ".join(
        f"'{argument[:32].decode('utf-8', 'replace')}'" for argument in command[1:4]
    )


def arity(command: Command) -> Failure:
    """The error for a wrong number of arguments."""
    return Failure(f"ERR wrong number of arguments for '{command[0].decode('utf-8', 'replace').lower()}' command")


def _queue(connection: "Connection", command: Command) -> Result:
    """A command between MULTI and EXEC."""
    assert connection.queued is not None
    resolved = resolve(connection, command)
    problem: str | None
    if isinstance(resolved, Failure):
        problem = resolved.text
    elif resolved[0] in HANDLERS or resolved[0] in ALONE:
        problem = f"ERR {command[0].decode('utf-8', 'replace')} is not allowed in transactions"
    else:
        problem = complaint(connection, resolved)
    if problem is not None or isinstance(resolved, Failure):
        connection.spoiled = True
        return Failure(problem or "ERR")
    if len(connection.queued) >= 4096:
        connection.spoiled = True
        return Failure("ERR too many commands in one transaction")
    connection.queued.append(resolved)
    return Status("QUEUED")


def _auth(connection: "Connection", command: Command) -> Result:
    if len(command) not in (2, 3):
        return arity(command)
    if not connection.door.password:
        return Failure("ERR AUTH called without any password configured for the default user.")
    return OK if admit(connection, command[1:]) else wrong_password()


def wrong_password() -> Failure:
    """The error for a name or password that is not right."""
    return Failure("WRONGPASS invalid username-password pair or user is disabled.")


def admit(connection: "Connection", words: tuple[bytes, ...]) -> bool:
    """Check `password` or `user password`, in time that tells nothing, and trust the client from then on."""
    user = words[0] if len(words) == 2 else b"default"
    right = hmac.compare_digest(words[-1], connection.door.password.encode()) and user == b"default"
    if right:
        connection.trusted = True
        connection.parser.limits = Limits()
    return right


def _hello(connection: "Connection", command: Command) -> Result:
    words = list(command[1:])
    version = connection.version
    if words:
        if words[0] not in (b"2", b"3"):
            return Failure("NOPROTO unsupported protocol version")
        version = int(words.pop(0))
    while words:
        option = words.pop(0).upper()
        if option == b"AUTH" and len(words) >= 2:
            if not admit(connection, (words.pop(0), words.pop(0))):
                return wrong_password()
        elif option == b"SETNAME" and words:
            connection.name = words.pop(0)
        else:
            return Failure("ERR Syntax error in HELLO option")
    if not connection.trusted:
        return Failure(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
            "<user> <pass> option can be used to authenticate the client and select the RESP protocol version at once"
        )
    connection.version = version
    role = "master"
    return {"server": "redis", "version": VERSION, "proto": version, "id": 1, "mode": "standalone", "role": role} | {
        "modules": ()
    }


def _ping(connection: "Connection", command: Command) -> Result:
    return Status("PONG") if len(command) == 1 else command[1]


def _echo(connection: "Connection", command: Command) -> Result:
    return command[1] if len(command) == 2 else arity(command)


def _quit(connection: "Connection", command: Command) -> Result:
    connection.segment(encode(OK))
    connection.end()
    return LATER


def _reset(connection: "Connection", command: Command) -> Result:
    connection.queued, connection.spoiled, connection.version = None, False, 2
    connection.watched.clear()
    connection.trusted = not connection.door.password
    return Status("RESET")


def _select(connection: "Connection", command: Command) -> Result:
    if len(command) != 2:
        return arity(command)
    return OK if command[1] == b"0" else Failure("ERR DB index is out of range")


def _client(connection: "Connection", command: Command) -> Result:
    verb = command[1].upper() if len(command) > 1 else b""
    if verb == b"SETNAME" and len(command) == 3:
        connection.name = command[2]
        return OK
    if verb == b"GETNAME":
        return connection.name or None
    if verb == b"ID":
        return 1
    if verb in (b"SETINFO", b"NO-EVICT", b"NO-TOUCH"):
        return OK
    if verb in (b"LIST", b"INFO"):
        return b"id=1 name=" + connection.name + b"\n"
    return Failure("ERR unknown subcommand of CLIENT")


def _command(connection: "Connection", command: Command) -> Result:
    known = sorted(connection.door.protocol.reads | connection.door.protocol.writes)
    if len(command) > 1 and command[1].upper() == b"COUNT":
        return len(known)
    return ()


def _config(connection: "Connection", command: Command) -> Result:
    if len(command) >= 3 and command[1].upper() == b"GET":
        known = {b"save": b"", b"appendonly": b"yes", b"maxmemory": b"0"}
        return {name.lower(): known[name.lower()] for name in command[2:] if name.lower() in known}
    return Failure("ERR only CONFIG GET is known")


def _info(connection: "Connection", command: Command) -> Result:
    status = connection.door.status()
    lines = ["# Server", f"redis_version:{VERSION}", "redis_mode:standalone", "arch_bits:64", "# Cluster"]
    lines += ["cluster_enabled:0", "# Replication", "role:master", "# Node"]
    lines += [f"node_{key}:{json.dumps(value)}" for key, value in status.items()]
    return "\r\n".join([*lines, ""])


def _status(connection: "Connection", command: Command) -> Result:
    return json.dumps(connection.door.status())


def _fault(connection: "Connection", command: Command) -> Result:
    words = tuple(word.decode("utf-8", "replace") for word in command[1:])
    problem = connection.door.fault(words)
    return OK if problem is None else Failure(f"ERR {problem}")


def _multi(connection: "Connection", command: Command) -> Result:
    if connection.queued is not None:
        return Failure("ERR MULTI calls can not be nested")
    if b"EXEC" not in connection.door.protocol.writes:
        return Failure("ERR this system has no transactions")
    connection.queued, connection.spoiled = [], False
    return OK


def _discard(connection: "Connection", command: Command) -> Result:
    if connection.queued is None:
        return Failure("ERR DISCARD without MULTI")
    connection.queued = None
    connection.watched.clear()
    return OK


def _exec(connection: "Connection", command: Command) -> Result:
    if connection.queued is None:
        return Failure("ERR EXEC without MULTI")
    commands, watched, spoiled = tuple(connection.queued), tuple(connection.watched.items()), connection.spoiled
    connection.queued = None
    connection.watched.clear()
    if spoiled:
        return Failure("EXECABORT Transaction discarded because of previous errors.")
    transaction = (b"EXEC", watched, commands)
    connection.submit((transaction,), False, lambda results: encode(results[0], connection.version))
    return LATER


def _watch(connection: "Connection", command: Command) -> Result:
    if connection.queued is not None:
        return Failure("ERR WATCH inside MULTI is not allowed")
    if len(command) < 2 or b"VERSIONS" not in connection.door.protocol.reads:
        return arity(command)
    keys = command[1:]

    def remember(results: tuple[Result, ...]) -> bytes:
        if isinstance(results[0], Failure):
            return encode(results[0])
        for key, version in zip(keys, results[0], strict=True):
            connection.watched.setdefault(key, version)
        return encode(OK)

    connection.submit(((b"VERSIONS", *keys),), True, remember)
    return LATER


def _unwatch(connection: "Connection", command: Command) -> Result:
    connection.watched.clear()
    return OK


def resolve(connection: "Connection", command: Command) -> Command | Failure:
    """EVAL and EVALSHA as the known script they mean; other commands as they are."""
    if command[0] not in (b"EVAL", b"EVALSHA"):
        return command
    if b"SCRIPTED" not in connection.door.protocol.writes:
        return Failure(unknown(command))
    if len(command) < 3:
        return arity(command)
    script = find_script(connection, command)
    if script is None:
        return Failure("NOSCRIPT No matching script. Only the scripts of lock libraries can be run.")
    if command[2] != b"%d" % script.keys or len(command) - 3 != script.keys + script.arguments:
        return Failure("ERR Number of keys or arguments is not what the script takes")
    return (b"SCRIPTED", script.body, *command[3:])


def find_script(connection: "Connection", command: Command) -> scripts.Script | None:
    """The known script that a text or a digest stands for."""
    if command[0] == b"EVALSHA":
        digest = command[1].lower()
        return scripts.BY_DIGEST.get(digest) or connection.door.scripts.get(digest)
    return scripts.recognise(command[1])


def _eval(connection: "Connection", command: Command) -> Result:
    resolved = resolve(connection, command)
    return resolved if isinstance(resolved, Failure) else _core(connection, resolved)


def _script(connection: "Connection", command: Command) -> Result:
    verb = command[1].upper() if len(command) > 1 else b""
    if verb == b"LOAD" and len(command) == 3:
        script = scripts.recognise(command[2])
        if script is None:
            return Failure("ERR Only the scripts of lock libraries can be loaded")
        digest = scripts.digest_of(command[2])
        if len(connection.door.scripts) < 1000:
            connection.door.scripts[digest] = script
        return digest
    if verb == b"EXISTS":
        known = (scripts.BY_DIGEST, connection.door.scripts)
        return tuple(int(any(digest.lower() in table for table in known)) for digest in command[2:])
    if verb == b"FLUSH":
        connection.door.scripts.clear()
        return OK
    return Failure("ERR unknown subcommand of SCRIPT")


BRACKETS = frozenset((b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"QUIT", b"RESET"))

HANDLERS: dict[bytes, Handler] = {
    b"AUTH": _auth,
    b"HELLO": _hello,
    b"PING": _ping,
    b"ECHO": _echo,
    b"QUIT": _quit,
    b"RESET": _reset,
    b"SELECT": _select,
    b"CLIENT": _client,
    b"COMMAND": _command,
    b"CONFIG": _config,
    b"INFO": _info,
    b"STATUS": _status,
    b"FAULT": _fault,
    b"MULTI": _multi,
    b"EXEC": _exec,
    b"DISCARD": _discard,
    b"WATCH": _watch,
    b"UNWATCH": _unwatch,
    b"EVAL": _eval,
    b"EVALSHA": _eval,
    b"SCRIPT": _script,
}

INTERNAL = frozenset((b"SCRIPTED",))
"""Commands for the core that only a front may form."""

SPECIAL = frozenset(HANDLERS) | ALONE | INTERNAL
"""Commands that never travel in a run."""

"""Info replies of one Aerospike node, through the official client.

One request of several commands per read, and one of its own for each list that bears names which users gave: no name
can stand for the reply to another command. A further one only when the namespaces or indexes changed. What the client
does that shapes this module: a request in which the server refuses one command is lost as a whole; its
`is_connected` says nothing; dropping a client without `close` can hang the process; a client for one node
(`force_single_node`) has no thread of its own, opens no connection to the rest of the cluster, and never logs in again
by itself.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aerospike
from aerospike import exception as client_errors

from exporter.errors import ConnectError, LoginError, NoAnswerError, ParseError, SessionError, SourceError
from exporter.model import info_commands
from exporter.model.release import RELEASE_COMMAND, SINDEX_PATH
from exporter.model.selection import UNREADABLE, Selection
from exporter.parsers import info, lists
from exporter.sources.client import client_config, one_line, reason
from exporter.sources.connection import Connection, ask, greet, where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

logger = logging.getLogger(__name__)

LOGIN_RETRY_SECONDS = 30.0
LOGIN_RETRY_LIMIT_SECONDS = 900.0
REFUSED_RETRY_SECONDS = 300.0

MOST_REPLY_BYTES = 64 << 20
"""The longest reply that is looked at; the client itself takes up to 128 MiB. 32 namespaces of 4,095 sets need half."""

MOST_NAMESPACES = 64
"""Twice as many as a server can have; each costs commands and series."""

NO_ANSWER = "ERROR::no answer"
"""What stands for the reply to a command that the server left out."""

_SESSION_ENDED = (60, 65, 66, 80)
"""Codes: unknown user, wrong credential (or token), session expired, not authenticated. There is no class for 66."""

_FIRST = (info_commands.BUILD, info_commands.NODE, info_commands.CLUSTER_NAME, info_commands.NAMESPACES)


def commands(replies: Mapping[str, str], sets: Selection, sindexes: Selection, sindex_stat: bool) -> tuple[str, ...]:
    """All commands that the lists in the replies call for.

    From 8.1 on the figures of each index cost a line in the server's log, so that they are asked for only if
    `sindex_stat` says so. Never asks for what is deprecated: the server counts that. Raises `ParseError` where the
    replies are none of a server.
    """
    release = info.release(replies.get(info_commands.BUILD, ""))
    wanted = [*_FIRST, info_commands.STATISTICS]
    wanted.append(info_commands.RELEASE if release in RELEASE_COMMAND else info_commands.EDITION)
    names = info_commands.names(replies.get(info_commands.NAMESPACES, ""))
    if len(names) > MOST_NAMESPACES:
        raise ParseError(f"{len(names)} namespaces")
    wanted += map(info_commands.namespace, names)
    wanted += [info_commands.sets(name) for name in names if sets.asks(name)]
    if any(sindexes.asks(name) for name in names):
        wanted.append(info_commands.SINDEX_LIST)
        if info.error(replies.get(info_commands.SINDEX_LIST, "")):
            # Refused, or the client takes the name of an index for an error: that costs no index of other namespaces.
            wanted += [info_commands.sindex_list(release, name) for name in names if sindexes.asks(name)]
        if release in SINDEX_PATH or sindex_stat:
            for index in _listed(replies):
                if index.name != UNREADABLE and sindexes.keeps(index.ns, index.name):
                    wanted.append(info_commands.sindex(release, index.ns, index.name))
    return tuple(wanted)


@dataclass
class Refusals:
    """What is remembered of refused logins; it may outlive the source, so that a new one does not start to try anew."""

    refusal: str = ""
    delay: float = 0.0  # seconds from the latest refusal to the next try
    next: float = 0.0  # when that is, by the source's clock

    def refused(self, refusal: str, now: float) -> None:
        """Wait longer before the next try: each may count towards a lock-out of the account."""
        self.refusal = refusal
        self.delay = min(max(LOGIN_RETRY_SECONDS, 2 * self.delay), LOGIN_RETRY_LIMIT_SECONDS)
        self.next = now + self.delay


class AerospikeSource:
    """One node. For one thread at a time."""

    def __init__(
        self,
        connection: Connection,
        sets: Selection | None = None,
        sindexes: Selection | None = None,
        sindex_stat: bool = False,
        clock: Callable[[], float] = time.monotonic,
        refusals: Refusals | None = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._wants = (sets or Selection(), sindexes or Selection(), sindex_stat)
        self._client: Any = None
        self._reached = connection
        self._node_name = ""
        self._commands: tuple[str, ...] = ()
        self._best_practices = ""
        self._refused: dict[str, str] = {}
        self._refused_until = 0.0
        self._refusals = refusals or Refusals()

    def read(self, timeout: float) -> dict[str, str]:
        """The replies to all commands of interest, in at most about `timeout` seconds.

        A command that the server refuses is answered with the server's complaint. Raises `SourceError`.
        """
        return self._session(self._read, self._clock() + min(timeout, 2 * self._connection.timeout))

    def ask(self, command: str, timeout: float = 5.0) -> str:
        """The reply to one command, or the server's complaint; nothing if the server does not know it."""
        return self.answers([command], timeout).get(command, "")

    def answers(self, commands: Sequence[str], timeout: float = 5.0) -> dict[str, str]:
        """The replies to some commands in one request; those that the server does not know are left out."""
        try:
            return self._session(lambda deadline: self._ask(commands, deadline), self._clock() + timeout)
        finally:
            self._refused = {}

    def close(self) -> None:
        """Close the connection; the next read opens a new one."""
        client, self._client = self._client, None
        self._commands = ()
        self._best_practices = ""
        self._refused = {}
        if client is not None:
            client.close()

    def _session(self, work: Callable[[float], dict[str, str]], deadline: float) -> dict[str, str]:
        """Do something over a connection, and where the session has ended meanwhile, over a new one."""
        try:
            old = self._client is not None
            self._connect(deadline)
            try:
                replies = work(deadline)
            except SessionError:
                if not old:
                    raise
                # Sessions end, once a day by default, and that must not cost a scrape.
                self.close()
                self._connect(deadline)
                replies = work(deadline)
            self._refusals.delay = 0.0
            return replies
        except SessionError as problem:
            # A login that is good for nothing is as good as none.
            self.close()
            raise self._refuse_login(str(problem)) from None
        except SourceError:
            # Also on a time-out: the address behind the name may have changed.
            self.close()
            raise

    def _read(self, deadline: float) -> dict[str, str]:
        first = self._commands or _FIRST
        if self._clock() >= self._refused_until:
            self._refused = {}
        replies = self._ask(first, deadline)
        try:
            wanted = commands(replies, *self._wants)
        except ParseError as problem:
            raise SourceError(f"{self._where} does not answer as an Aerospike server does: {problem}") from None
        while missing := [command for command in wanted if command not in first]:
            # A few times at most: for the namespaces, for their own lists of indexes, and for the indexes on the lists.
            replies |= self._ask(missing, deadline)
            first, wanted = wanted, commands(replies, *self._wants)
        self._commands = wanted
        if not self._best_practices:
            # Once per connection, as the server looks once, when it starts; never alone, or the client takes no answer
            # for a lost connection.
            found = self._ask((info_commands.BUILD, info_commands.BEST_PRACTICES), deadline)
            self._best_practices = found.get(info_commands.BEST_PRACTICES, NO_ANSWER)
        there = {command: replies.get(command, NO_ANSWER) for command in wanted}
        stray = {key: replies[key] for key in (info_commands.STRAY,) if key in replies}
        return {**there, **stray, info_commands.BEST_PRACTICES: self._best_practices}

    def _ask(self, asked: Iterable[str], deadline: float) -> dict[str, str]:
        """One request for all that bears no names, and one for each command that does."""
        asked = [command for command in asked if command not in self._refused]
        alone = [command for command in asked if info_commands.bears_names(command)]
        together = [command for command in asked if command not in alone]
        replies = self._together(together, deadline) if together else {}
        for command in alone:
            replies |= self._alone(command, deadline)
        return replies | self._refused

    def _together(self, asked: Sequence[str], deadline: float) -> dict[str, str]:
        """One request; if the server refuses something in it, one request for each command."""
        try:
            return self._request(asked, deadline)
        except client_errors.ServerError as refusal:
            if len(asked) == 1:
                # Not asked again: it may be a command that changes something.
                self._refuse(asked[0], refusal)
                return {}
            logger.debug("%s refused a request of %d commands: %s", self._where, len(asked), refusal.msg)
        replies: dict[str, str] = {}
        for command in asked:
            try:
                replies |= self._request([command], deadline)
            except client_errors.ServerError as refusal:
                self._refuse(command, refusal)
        return replies

    def _alone(self, command: str, deadline: float) -> dict[str, str]:
        """A request for a list with names; one that fails costs only itself, as long as the node answers.

        The client takes a name with `ERROR:` after a tab for an error of the whole reply, with any code: a time-out, an
        ended session. Whether it is true is seen from a request without names.
        """
        try:
            return self._request([command], deadline)
        except (client_errors.ServerError, SourceError) as problem:
            failure: Exception = problem
        if self._clock() < deadline:
            self._together((info_commands.BUILD, info_commands.NODE), deadline)
            if self._connection.tls is None and self._connection.auth_mode is None:
                replies = self._ask_plainly(command, deadline)
                if not info.error(replies.get(command, NO_ANSWER)):
                    return replies
        if isinstance(failure, client_errors.ServerError):
            self._refuse(command, failure)
            return {}
        # Without the text of the reply, as each other text is a line of the log.
        return {command: f"ERROR::no list, as where a name in it reads as an error: {str(failure).partition(' (')[0]}"}

    def _ask_plainly(self, command: str, deadline: float) -> dict[str, str]:
        """One request past the client, where the node wants no login; nothing where that does not go well either."""
        left = min(deadline - self._clock(), self._connection.timeout)
        try:
            text = ask(self._reached, command, left, MOST_REPLY_BYTES).decode(errors="replace")
        except SourceError:
            return {}
        return info.replies(text, (command,))[0]

    def _refuse(self, command: str, refusal: Any) -> None:
        """Keep what the server answered to a command that it refused, and do not ask again for a while."""
        self._refused[command] = f"ERROR:{refusal.code}:{one_line(refusal.msg)}"
        self._refused_until = self._clock() + REFUSED_RETRY_SECONDS

    def _request(self, asked: Sequence[str], deadline: float) -> dict[str, str]:
        """One round trip; a refusal by the server passes, all else becomes a `SourceError`."""
        replies, stray = info.replies(self._reply("\n".join(asked), deadline), frozenset(asked))
        if stray:
            # Without what may be figures, as each other text is a line of the log.
            first = stray[0].partition("\t")[0][:40]
            replies[info_commands.STRAY] = f"{len(stray)} in a reply, the first {first!r}"
        return replies

    def _reply(self, request: str, deadline: float) -> str:
        """The text of the reply to a request; what is not UTF-8 in it, as a name may be, is replaced."""
        left = min(deadline - self._clock(), self._connection.timeout)
        if left <= 0:
            raise NoAnswerError(f"{self._where} did not answer in time")
        try:
            # Whole milliseconds, at least one: 0 would be no limit at all.
            text: str = self._client.info_single_node(request, self._node_name, {"timeout": max(1, int(left * 1000))})
        except client_errors.TimeoutError:
            raise NoAnswerError(f"{self._where} did not answer in time") from None
        except client_errors.AerospikeError as problem:
            if problem.code in _SESSION_ENDED:
                raise SessionError(f"{self._where} ended the session: {reason(problem)}") from None
            if isinstance(problem, client_errors.ServerError):
                raise
            raise ConnectError(f"{self._where} does not answer: {reason(problem)}") from None
        except UnicodeDecodeError as problem:
            text = problem.object.decode(errors="replace")
        except SystemError:
            raise SourceError(f"{self._where} answered what is not text") from None
        if len(text) > MOST_REPLY_BYTES:
            raise SourceError(f"{self._where} answered with more than {MOST_REPLY_BYTES >> 20} MiB")
        if not text.endswith("\n"):
            # The client cuts a reply off at a zero byte, and takes a wrong length for the right one.
            raise SourceError(f"{self._where} answered with what is not a whole reply")
        return text

    def _connect(self, deadline: float) -> None:
        if self._client is not None:
            return
        if self._clock() < self._refusals.next:
            raise LoginError(self._refusals.refusal)
        seconds = max(0.001, min(deadline - self._clock(), self._connection.timeout))
        left = max(1, int(seconds * 1000))
        reached = self._reached = greet(self._connection, seconds)
        # It would write to the console what it thinks of the node.
        aerospike.set_log_level(aerospike.LOG_LEVEL_OFF)
        try:
            self._client = aerospike.client(client_config(reached, left))
            node = self._client.get_node_names()[0]
        except client_errors.AdminError as refusal:
            raise self._refuse_login(f"{self._where} refused the login: {reason(refusal)}") from None
        except client_errors.TimeoutError:
            raise NoAnswerError(f"{self._where} did not accept a connection in time") from None
        except (client_errors.AerospikeError, IndexError) as problem:
            # The address was reached, as the greeting says: over TLS it is the handshake that failed.
            hint = "; see aerospike.tls: names, authorities, own certificate" if self._connection.tls else ""
            raise ConnectError(f"no connection to {self._where}: {reason(problem)}{hint}") from None
        except (UnicodeDecodeError, SystemError):
            raise SourceError(f"{self._where} answered what is not text") from None
        self._node_name = node["node_name"]
        admits = self._connection.admits
        # The client asks a node for its addresses, and goes on with one of those.
        if admits is not None and not admits(node["address"], node["port"]):
            raise ConnectError(f"{self._where} leads to an address that is not allowed")

    def _refuse_login(self, refusal: str) -> LoginError:
        """Do not log in again for a while: each try may count towards a lock-out of the account."""
        self._refusals.refused(refusal, self._clock())
        return LoginError(refusal)

    @property
    def _where(self) -> str:
        return where(self._connection)


def _listed(replies: Mapping[str, str]) -> tuple[lists.ListedIndex, ...]:
    listed: tuple[lists.ListedIndex, ...] = ()
    for command, listing in replies.items():
        if command.startswith(info_commands.SINDEX_LIST) and not info.error(listing):
            with contextlib.suppress(ParseError):
                listed += lists.sindex_list(listing)
    return listed

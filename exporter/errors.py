"""The exceptions of the exporter.

ExporterError
├── SettingsError      a key of the configuration is wrong, unknown or missing
├── SourceError        a source could not be read
│   ├── ConnectError   no connection to the node
│   ├── HiddenError    the kernel does not show it to where the exporter runs
│   ├── LoginError     the node refused the login; trying again soon may lock the account
│   ├── LostError      the process that read the node for us has ended
│   ├── NoAnswerError  no answer in time
│   ├── NoDataError    an answer without what it was asked for
│   ├── SessionError   the node no longer accepts the login that it accepted
│   └── TooDearError   a reading took more of the processor's time than it may, and was stopped
├── JournalError       the journal of changes cannot be read or written
├── ParseError         a text was read and is not what its format says
└── RequestError       a request over HTTP asks for what it does not get

Errors of libraries never pass the module that calls the library: they are translated there, into one line for a
person. The message never holds a secret, nor a detail that changes from try to try (an ephemeral port, say), so that
a repeated failure can be told from a new one.
"""

from __future__ import annotations


class ExporterError(Exception):
    """Anything that the exporter itself raises."""


class SettingsError(ExporterError):
    """A key of the configuration is wrong, unknown or missing; one line per key."""


class SourceError(ExporterError):
    """A source could not be read."""


class ConnectError(SourceError):
    """No connection to the node."""


class HiddenError(SourceError):
    """The kernel does not show it to where the exporter runs: by design, and not for a fault."""


class LoginError(SourceError):
    """The node refused the login."""


class LostError(SourceError):
    """The process that read the node for us has ended, or cannot be started."""


class NoAnswerError(SourceError):
    """No answer in time."""


class NoDataError(SourceError):
    """An answer without what it was asked for."""


class SessionError(SourceError):
    """The node no longer accepts the login that it accepted."""


class TooDearError(SourceError):
    """A reading took more of the processor's time than it may, and was stopped.

    `seconds` are what it took until then, `part` is how much of it was done, 0 to 1.
    """

    def __init__(self, message: str, seconds: float, part: float) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.part = part


class JournalError(ExporterError):
    """The journal of changes cannot be read or written."""


class ParseError(ExporterError):
    """A text was read and is not what its format says."""


class RequestError(ExporterError):
    """A request over HTTP asks for what it does not get; the status says why, the message never what was asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

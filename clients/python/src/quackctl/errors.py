"""DB-API's exceptions, each with what to do, and the one that fits what a function, Lambda or S3 says."""

from __future__ import annotations

import builtins
import re
from typing import Optional

#: What a terminal acts on rather than showing it: controls but line ends and tabs, marks of direction, invisible tags.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\ufeff\u2028-\u202e\u2066-\u206f\U000e0000-\U000e007f]"
)

#: The longest message of a function's that is shown, characters.
_LONGEST = 20_000


def plain(text: str) -> str:
    """`text` with nothing in it that a terminal obeys."""
    return _OBEYED.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


class Warning(builtins.Warning):  # noqa: A001 - the name is DB-API's
    """DB-API's; nothing here warns with it."""


class Error(Exception):
    """Anything that this package raises. `help` says what to do about it; `error_type` is the function's own word for it."""

    def __init__(self, message: str, help: str = "", error_type: Optional[str] = None) -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.help = help
        self.error_type = error_type

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message


class InterfaceError(Error):
    """The package is used wrongly, or an answer is not one that it knows."""


class DatabaseError(Error):
    """The engine, or what it stands on, says no."""


class DataError(DatabaseError):
    """A value that cannot be: a cast, an overflow, a parameter that no type holds."""


class OperationalError(DatabaseError):
    """Credentials, networks, throttles, time-outs, memory: not the statement's fault."""


class IntegrityError(DatabaseError):
    """DB-API's; a lake has no keys that could be violated."""


class InternalError(DatabaseError):
    """The engine lost its way."""


class ProgrammingError(DatabaseError):
    """The SQL is wrong, or its parameters are."""


class NotSupportedError(DatabaseError):
    """What the bare function, or this package, does not do."""


#: DuckDB's kinds of errors, and what each is in DB-API. Others are the SQL's.
_KINDS = {
    "Conversion": DataError,
    "OutofRange": DataError,
    "MismatchType": DataError,
    "DivideByZero": DataError,
    "InvalidType": DataError,
    "IO": OperationalError,
    "HTTP": OperationalError,
    "OutofMemory": OperationalError,
    "OutOfMemory": OperationalError,
    "INTERRUPT": OperationalError,
    "Connection": OperationalError,
    "INTERNAL": InternalError,
    "FATAL": InternalError,
    "Notimplemented": NotSupportedError,
}

_QUACK = {
    "Quack.InternalError": InternalError,
    "Quack.CatalogError": OperationalError,
    "Quack.InitError": OperationalError,
    "Quack.EncodingError": DataError,
    "Quack.Cancelled": OperationalError,
}

#: How a refusal begins of a statement that changes the lake, and of one that is about a transaction of several.
_CHANGES = re.compile(r"(CREATE|INSERT|UPDATE|DELETE|MERGE|TRUNCATE|DROP|ALTER|COMMENT) is refused: ")
_TRANSACTIONS = re.compile(r"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT) is refused: ")

#: Who changes a lake.
_CHANGERS = "`quackctl query`, or through `quackctl serve` with any PostgreSQL driver"

#: What is said where another version of the function is.
RENEW = "run `quackctl up`, which renews the function, or install the version of this package that is the function's"


def of_function(error_type: str, message: str) -> Error:
    """The error for what a failed invocation answered."""
    message, kind = plain(message[:_LONGEST].rstrip()), plain(error_type[:100])
    if refused := _CHANGES.match(message) or _TRANSACTIONS.match(message):
        what = "changes the lake" if _CHANGES.match(message) else "is for transactions"
        return NotSupportedError(
            f"{refused.group(1)} {what}, and the function by itself only reads",
            f"run it with {_CHANGERS}",
            kind,
        )
    if kind == "Quack.BadEvent" and message.startswith("the event is malformed"):
        return InterfaceError(f"the function does not know what this version of quackctl asks: {message}", RENEW, kind)
    if kind == "Sandbox.Timedout" or "Task timed out after" in message:
        return OperationalError(
            "the query did not end within the time that the function may take",
            "raise function.timeout_s in quack.toml (to 900 at most) and run `quackctl up`, or ask for less",
            kind,
        )
    if kind == "Runtime.OutOfMemory" or "Out of Memory Error" in message or "no space left on device" in message:
        return OperationalError(
            f"the query needs more memory or disk than the function has: {message}",
            "raise function.memory_mb or function.ephemeral_mb in quack.toml and run `quackctl up`, or ask for less",
            kind,
        )
    if kind == "Function.ResponseSizeTooLarge":
        return OperationalError(f"the result does not fit a response: {message}", "ask for less", kind)
    if kind.startswith("Quack."):
        help = f"what changes the lake is for {_CHANGERS}" if "only SELECT is run" in message else ""  # noqa: A001
        return _QUACK.get(kind, ProgrammingError)(message, help, kind)
    if kind.startswith("DuckDB."):
        name = kind[len("DuckDB.") :]
        name = name[: -len("Error")] if name.endswith("Error") else name
        return _KINDS.get(name, ProgrammingError)(message, _help_of(message), kind)
    return OperationalError(
        f"the function crashed: {message}", "`quackctl logs` shows its last words; the next query gets a new instance", kind
    )


def _help_of(message: str) -> str:
    if re.search(r"Table with name .* does not exist", message):
        return "`quackctl tables` lists the tables"
    if "STRING_LITERAL" in message:
        return "a parameter that is a str or None is a text to DuckDB: give it a Python value of another type, or write CAST($name AS TYPE)"
    return ""


def of_service(error: Exception, function: str) -> Error:
    """The error for what kept boto3 from an answer: Lambda's or S3's refusal, credentials, the network."""
    name, message = type(error).__name__, plain(str(error)[:_LONGEST])
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    if code == "ResourceNotFoundException":
        return OperationalError(f"there is no function {function!r} there", "run `quackctl up`, or name the function and its region")
    if code in ("AccessDeniedException", "AccessDenied", "403"):
        return OperationalError(f"access is denied: {message}", "`quackctl doctor --policy` prints the rights that are needed")
    if code == "RequestEntityTooLargeException" or code == "RequestTooLargeException":
        return ProgrammingError(f"the query is too large to send: {message}", "shorten the SQL or its parameters")
    if code in ("UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken"):
        return OperationalError(f"the credentials are not taken: {message}", "renew them: `aws sso login`, `aws configure`")
    if name in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "CredentialRetrievalError", "TokenRetrievalError",
                "SSOTokenLoadError", "UnauthorizedSSOTokenError"):
        return OperationalError(f"there are no credentials: {message}", "`aws configure`, `aws sso login`, or give a boto3 session")
    if name == "NoRegionError":
        return InterfaceError("no AWS region is set", "give region=, set AWS_REGION, or write region under [aws] in quack.toml")
    if name in ("EndpointConnectionError", "ConnectTimeoutError"):
        return OperationalError(f"nothing answers: {message}", "`quackctl status` tells what is up, `quackctl up` brings it up")
    if code:
        return OperationalError(f"AWS refused the query: {code}: {message}", "`quackctl status` tells whether the stage is well")
    return OperationalError(f"the connection was lost while the query ran: {message}", "run it again")

"""How the failure of a job in another process comes back as an error in this one."""

from dataclasses import dataclass
from typing import Literal

from MedDeepRegSegLib.errors import Canceled, InputError, MissingPackageError

ErrorKind = Literal["input", "missing-package", "canceled", "failed", "ended"]


class JobFailed(RuntimeError):
    """A job ended by a fault of the program or of the machine, not of its input.

    Attributes
    ----------
    cause:
        The traceback of the job, or the last lines of its log; for a bug report.
    """

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class CauseInChild(Exception):
    """Carries the traceback text of the child process, so that it is printed with the error raised here."""

    def __str__(self) -> str:
        return "\n" + "".join(self.args)


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job did not give a result.

    Attributes
    ----------
    kind:
        ``input`` (the user's input), ``missing-package``, ``canceled``, ``failed`` (an exception in the
        job) or ``ended`` (the process crashed, was killed, or never started).
    message:
        One clear line for a person.
    cause:
        Traceback or the last lines of the log; may be empty.
    """

    kind: ErrorKind
    message: str
    cause: str = ""

    def exception(self) -> Exception:
        """Return the exception to raise in this process, with the child's traceback as its cause."""
        error: Exception
        if self.kind == "input":
            error = InputError(self.message)
        elif self.kind == "missing-package":
            error = MissingPackageError(self.message)
        elif self.kind == "canceled":
            error = Canceled(self.message)
        else:
            error = JobFailed(self.message, self.cause)
        if self.cause:
            error.__cause__ = CauseInChild(self.cause)
        return error


def one_line(text: str) -> str:
    """Return ``text`` as one line: line ends become spaces."""
    return " ".join(text.split())


def describe(error: BaseException) -> tuple[ErrorKind, str]:
    """Return the kind and the one-line message of an exception of a job."""
    if isinstance(error, Canceled | KeyboardInterrupt):
        return "canceled", one_line(str(error)) or "canceled by the user; nothing was written"
    if isinstance(error, InputError):
        return "input", one_line(str(error))
    if isinstance(error, MissingPackageError):
        return "missing-package", one_line(str(error))
    if isinstance(error, MemoryError):
        return "failed", "ran out of memory: close other programs, or use smaller or coarser images"
    return "failed", one_line(f"{type(error).__name__}: {error}")

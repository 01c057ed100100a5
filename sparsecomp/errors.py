"""The one exception family. Each class fixes an exit code; each instance carries a message and a hint.

The command line prints ``error: <message>`` and ``hint: <hint>`` and exits with ``exit_code``.
"""


class SparseCompError(Exception):
    """Base of everything that this package raises on purpose.

    ``message`` says what is wrong in one line, ``hint`` what the user can do about it.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConversionError(SparseCompError):
    """The model is readable, but it cannot be turned into integers, a plan or C."""

    exit_code = 1


class InputError(SparseCompError):
    """What the user handed in (model, data, board file, option) is rejected."""

    exit_code = 2


class DoesNotFitError(SparseCompError):
    """The model does not fit the board; the message names the layer and the bytes."""

    exit_code = 3


class ToolError(SparseCompError):
    """A compiler, board, serial line or file system failed."""

    exit_code = 4


class MismatchError(SparseCompError):
    """Two levels that must agree bit for bit do not."""

    exit_code = 5

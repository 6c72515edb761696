"""What can go wrong between a server and a file, told apart by who can mend it."""

from __future__ import annotations


class FetchError(Exception):
    """One address could not be brought; `Failed` of its entry tells it to people.

    Parameters
    ----------
    found, expected, mend : str
        As in `poml_map.errors.Problem`.
    address : str
        What was asked for; without what a query may hold of secrets.
    """

    #: Whether catalog or server are wrong (exit code 2), not network or machine (3).
    of_input = True

    def __init__(self, found: str, expected: str = "", mend: str = "", address: str = ""):
        found, expected = _printable(found), _printable(expected)
        self.found, self.expected, self.mend, self.address = found, expected, mend, address
        super().__init__(f"{found}, expected {expected}" if expected else found)

    def __reduce__(self):
        return type(self), (self.found, self.expected, self.mend, self.address)


def _printable(text: str) -> str:
    """Servers and archives name things: nothing of it moves the cursor of a terminal or begins a line of a log."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))


class RefusedError(FetchError):
    """The server or the catalog is wrong: no such file, a page instead of data, a checksum that differs."""


class AbsentError(RefusedError):
    """The server says that it has no such file (404 or 410)."""


class DamagedError(RefusedError):
    """What came is not whole or not of its format; brought once more before it is told."""


class NetworkError(FetchError):
    """No answer, or none that was whole, after all tries."""

    of_input = False


class ChangedError(FetchError):
    """The file on the server became another one while it was read: what came is thrown away."""

    of_input = False


class StoppedError(FetchError):
    """Somebody stopped the command; not told."""

    of_input = False

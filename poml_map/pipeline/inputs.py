"""The files that go into a run, by their content; and that nobody changes them while it reads them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from poml_map.config import Region
from poml_map.errors import Problems
from poml_map.pipeline.digests import KnownDigests
from poml_map.pipeline.manifest import input_digest, input_files, input_paths
from poml_map.pipeline.trained import model_digest

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Inputs:
    """Digests of all input files when the run began.

    Attributes
    ----------
    region : Region
    digests : dict of str -> str
        SHA-256 by the path as the user wrote it.
    """

    region: Region
    digests: dict[str, str]
    _with_samples: bool
    _stamps: dict[str, Stamp]

    @classmethod
    def of(cls, region: Region, model: Path | None = None, known: KnownDigests | None = None) -> Inputs:
        """Read them all once.

        Parameters
        ----------
        region : Region
        model : Path, optional
            Folder of a trained model, which then is an input in place of the samples.
        known : KnownDigests, optional
            Digests that need not be taken again.
        """
        stamps = _stamps(region, model is None)
        digests = input_files(region, with_samples=model is None, known=known)
        borrowed = (
            {} if model is None else {f"model: {name}": each for name, each in model_digest(model).items()}
        )
        return cls(region, digests | borrowed, model is None, stamps)

    @property
    def digest(self) -> str:
        """One short digest of all."""
        return input_digest(self.digests)

    def refuse_changes(self) -> None:
        """To be called when all was read: maps of half one, half another file would be nobody's.

        Raises
        ------
        InputError
            If a file has other content than at the beginning.
        """
        after = _stamps(self.region, self._with_samples)
        if after == self._stamps:
            return
        problems, digests = Problems(), input_files(self.region, with_samples=self._with_samples)
        for name in sorted(after.keys() | self._stamps.keys()):
            if digests.get(name) != self.digests.get(name):
                found = (
                    "other content than when the run began" if name in digests else "no such file any more"
                )
                problems.add(name, "", found, "a file that nobody changes", "Run the same command again.")
        problems.raise_if_any()


def _stamps(region: Region, with_samples: bool) -> dict[str, Stamp]:
    """Size, time and number of every file: where these are the same nobody has written to it."""
    return {name: _stamp(path) for name, path in input_paths(region, with_samples=with_samples).items()}


def _stamp(path: Path) -> Stamp:
    files = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
    about = [os.stat(file) for file in files]
    return (
        sum(each.st_size for each in about),
        max((each.st_mtime_ns for each in about), default=0),
        sum(each.st_ino for each in about),
    )

"""Inputs that regions share are read once a session, and a file that was written since is read again."""

import os

import pytest

from poml_map.files import sha256_of_file
from poml_map.pipeline import digests
from poml_map.pipeline.digests import KnownDigests


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that is old enough, and a count of how often it is read."""
    path, reads = tmp_path / "a.tif", []

    def counted(each):
        reads.append(each)
        return sha256_of_file(each)

    monkeypatch.setattr(digests, "sha256_of_file", counted)
    monkeypatch.setattr(digests, "_OLD_ENOUGH_NS", -(10**12))
    path.write_bytes(b"one")
    return path, reads


def test_a_file_is_read_once_here_and_in_other_processes(file, tmp_path):
    path, reads = file
    known = KnownDigests()
    assert known.of(path) == known.of(path) == sha256_of_file(path)
    known.save(tmp_path / "known.json")
    assert KnownDigests.load(tmp_path / "known.json").of(path) == sha256_of_file(path)
    assert len(reads) == 1


@pytest.mark.parametrize("way", ["in place", "same size and time", "another file"])
def test_a_file_that_was_written_since_is_read_again(file, way):
    path, reads = file
    known = KnownDigests()
    known.of(path)
    about = os.stat(path)
    if way == "another file":
        path.unlink()
    path.write_bytes(b"two")
    if way == "same size and time":
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert known.of(path) == sha256_of_file(path)
    assert len(reads) == 2


def test_a_file_that_was_written_a_moment_ago_is_not_remembered(file, monkeypatch):
    path, reads = file
    monkeypatch.setattr(digests, "_OLD_ENOUGH_NS", 10**12)
    known = KnownDigests()
    known.of(path)
    known.of(path)
    assert len(reads) == 2


def test_a_missing_or_damaged_list_is_an_empty_one(tmp_path, file):
    path, _ = file
    (tmp_path / "known.json").write_text("{")
    for name in ("known.json", "none.json"):
        assert KnownDigests.load(tmp_path / name).of(path) == sha256_of_file(path)

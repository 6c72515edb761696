"""Whole files or none."""

import errno
import os
import stat

import pytest

from poml_map import files
from poml_map.errors import ResourceError
from poml_map.files import (
    atomic_path,
    remove_leftovers,
    sha256_of_file,
    write_bytes_atomic,
    write_text_atomic,
)


def _full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _write_half(path, error):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        temporary.with_name(temporary.name + "-journal").write_text("what a library puts beside it")
        raise error


def test_the_final_name_appears_only_when_the_block_has_ended(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent  # a rename across file systems would be a copy
        assert temporary.suffix == path.suffix
    assert path.read_text() == "whole"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_an_error_in_the_block_leaves_the_older_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(type(error)):
        _write_half(path, error)
    assert path.read_text() == "older"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_is_told_with_path_needed_and_free_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(files.Path, "write_bytes", _full_disk)
    with pytest.raises(
        ResourceError, match=r"a\.bin: .*No space.*needed 3 bytes, \d+ bytes free in"
    ) as caught:
        write_bytes_atomic(tmp_path / "a.bin", b"abc")
    assert caught.value.exit_code == 3
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_while_flushing_is_noticed(tmp_path, monkeypatch):
    """Network disks report it only then."""
    monkeypatch.setattr(files.os, "fsync", _full_disk)
    with pytest.raises(ResourceError, match="No space"):
        write_text_atomic(tmp_path / "a.txt", "abc")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders cannot be flushed here")
def test_file_and_folder_are_flushed_to_disk(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(
        files.os, "fsync", lambda number: flushed.append(stat.S_ISDIR(os.fstat(number).st_mode))
    )
    write_text_atomic(tmp_path / "a.txt", "abc")
    assert flushed == [False, True]


def test_a_folder_that_is_gone_is_not_made_again(tmp_path):
    with pytest.raises(ResourceError, match=r"gone/a\.txt: cannot be written.*folder exists"):
        write_text_atomic(tmp_path / "gone" / "a.txt", "abc")
    assert os.listdir(tmp_path) == []


def test_a_final_name_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ResourceError, match="directory"):
        write_text_atomic(tmp_path / "a", "abc")
    assert os.listdir(tmp_path) == ["a"]


def test_an_input_that_is_missing_inside_the_block_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "elsewhere" / "input.csv").read_text()


def test_a_check_that_fails_leaves_nothing(tmp_path):
    def refuse(_path):
        raise ResourceError("not whole")

    with pytest.raises(ResourceError, match="not whole"):
        write_bytes_atomic(tmp_path / "a.bin", b"abc", refuse)
    assert os.listdir(tmp_path) == []


def test_leftovers_of_a_killed_run_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("final")
    (tmp_path / f"{files.TEMPORARY_PREFIX}0000-b.txt").write_text("half")
    assert [path.name for path in remove_leftovers(tmp_path)] == [".part-0000-b.txt"]
    assert os.listdir(tmp_path) == ["a.txt"]


def test_blanks_and_other_scripts_in_names_are_kept(tmp_path):
    path = tmp_path / "杭嘉湖 平原" / "Jiāxīng 1980.txt"
    path.parent.mkdir()
    assert sha256_of_file(write_text_atomic(path, "abc")) == sha256_of_file(path)
    assert os.listdir(path.parent) == ["Jiāxīng 1980.txt"]

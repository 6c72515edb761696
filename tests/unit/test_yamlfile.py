import time
import tracemalloc

import pytest

from poml_map.yamlfile import load_yaml


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write_and_load(text):
        path = tmp_path / "a.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_yaml(path, "a.yaml")

    return write_and_load


def test_every_key_and_item_knows_its_line(load):
    document = load("a: 1\nb:\n  c: [x,\n    y]\n")

    assert document.data == {"a": 1, "b": {"c": ["x", "y"]}}
    assert document.lines[("b", "c")] == 3
    assert document.lines[("b", "c", 1)] == 4
    assert document.texts[("a",)] == "1"


def test_a_byte_order_mark_and_windows_line_ends_are_read(load):
    assert load("﻿a: 1\r\nb: ä\r\n").data == {"a": 1, "b": "ä"}


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch {marker}']",
        "a: !!python/object/new:os.system ['touch {marker}']",
        "a: !!python/object/apply:subprocess.check_output {{args: ['touch {marker}'], kwds: {{shell: true}}}}",
        "a: !!python/name:os.system",
        "a: !!python/module:os",
        "? !!python/object/apply:os.system ['touch {marker}']\n: 1",
        "a: [!!python/object/apply:os.system ['touch {marker}']]",
        "!!python/object/apply:os.system ['touch {marker}']",
    ],
)
def test_a_python_tag_is_refused_and_nothing_runs(load, problems_of, tmp_path, text):
    marker = tmp_path / "marker"

    lines = problems_of(load, text.format(marker=marker))

    assert lines[0].startswith("a.yaml")
    assert not marker.exists()


@pytest.mark.parametrize(
    "value", ["!foo bar", "!!set [a]", "!!binary aGk=", "!!omap [a: 1]", "!!python/tuple [1, 2]"]
)
def test_any_tag_that_is_not_plain_data_is_refused_by_name(load, problems_of, value):
    (line,) = problems_of(load, f"x: 1\na: {value}\n")

    assert line.startswith("a.yaml:2, a: found the tag !")


def test_a_key_twice_names_both_lines(load, problems_of):
    lines = problems_of(load, "clay: 1\nb: {c: 1,\n    c: 2}\nclay: 2\n")

    assert lines == [
        "a.yaml:3, b.c: found the key twice, on lines 2 and 3, expected each key once. Remove or rename one of them.",
        "a.yaml:4, clay: found the key twice, on lines 1 and 4, expected each key once. Remove or rename one of them.",
    ]


@pytest.mark.parametrize(
    ("key", "read_as"),
    [("no", "False"), ("on", "True"), ("010", "8"), ("1.5", "1.5"), ("2000-01-01", "datetime.date")],
)
def test_a_key_that_yaml_does_not_read_as_text_must_be_quoted(load, problems_of, key, read_as):
    (line,) = problems_of(load, f"a:\n  {key}: 1\n")

    assert line.startswith(f"a.yaml:2, a: found the key {key}, which YAML reads as {read_as}")
    assert line.endswith(f'Put it in quotes: "{key}".')


def test_a_whole_number_as_key_is_the_text_that_it_looks_like(load):
    """Classes of a map are keys: nobody should have to quote them."""
    document = load("a: {1: x, -3: y}\n")

    assert document.data == {"a": {"1": "x", "-3": "y"}}
    assert document.lines[("a", "1")] == 1


def test_a_number_and_its_text_are_one_key(load, problems_of):
    (line,) = problems_of(load, 'a:\n  1: x\n  "1": y\n')

    assert line.startswith("a.yaml:3, a.1: found the key twice")


def test_a_quoted_key_is_a_text(load):
    assert load('"no": 1\n"12": 2\n').data == {"no": 1, "12": 2}


@pytest.mark.parametrize(
    ("text", "read_as"),
    [("0330100", "110656"), ("010", "8"), ("0x10", "16"), ("1_000", "1000"), ("12:30", "750")],
)
def test_a_number_that_is_not_what_it_looks_like_must_be_quoted(load, problems_of, text, read_as):
    (line,) = problems_of(load, f"a: [1, {text}]\n")

    assert line.startswith(f"a.yaml:1, a[1]: found {text}, which YAML reads as {read_as}, expected")
    assert line.endswith(f'put it in quotes: "{text}".')


def test_a_number_of_thousands_of_digits_is_refused_in_a_short_line(load, problems_of):
    (line,) = problems_of(load, "a: " + "9" * 5000)

    assert line.startswith("a.yaml:1, a: found 9999")
    assert len(line) < 300


@pytest.mark.parametrize("text", ["1_0.5", "1:30.5", "2001-99-99"])
def test_other_numbers_and_dates_that_mislead_are_refused(load, problems_of, text):
    assert problems_of(load, f"a: {text}\n")[0].startswith(f"a.yaml:1, a: found {text}, which YAML reads as")


@pytest.mark.parametrize("text", ["0", "-7", "+3", "330100", "0.5", "-1.0e-3", ".5", "~", "true"])
def test_ordinary_values_are_read(load, text):
    assert list(load(f"a: {text}\n").data) == ["a"]


def test_a_merge_key_is_refused(load, problems_of):
    (line,) = problems_of(load, "a: &x {b: 1}\nc:\n  <<: *x\n")

    assert line == "a.yaml:3, c: found the merge key <<, expected plain keys. Write the keys and values out."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found an empty file"),
        ("# only a comment\n", "found an empty file"),
        ("- a\n- b\n", "found a list or a single value"),
        ("a: 1\n\tb: 2\n", "Indent with blanks, not tabs."),
        ("a: %\n", 'Put the value in quotes, such as "%".'),
        ("a: [1, 2\n", "Check indentation, colons, brackets and quotes near this line."),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: *x\n", "undefined alias"),
        ("a: \x01\n", "not allowed"),
        (b"a: \xff\xfe\n", "not UTF-8 at position 3"),
    ],
)
def test_what_is_no_yaml_mapping_is_refused_with_a_mend(load, problems_of, text, words):
    (line,) = problems_of(load, text)

    assert line.startswith("a.yaml")
    assert words in line


def test_a_syntax_error_names_its_line(load, problems_of):
    assert problems_of(load, "a: 1\nb: [\nc: %\n")[0].startswith("a.yaml:3")


def test_a_missing_file_and_a_folder_are_named_as_the_user_wrote_them(tmp_path, problems_of):
    missing = problems_of(load_yaml, tmp_path / "x.yaml", "data/x.yaml", "Check `catalog:`.")
    folder = problems_of(load_yaml, tmp_path, "data")

    assert missing == ["data/x.yaml: found no such file, expected a text file. Check `catalog:`."]
    assert folder == ["data: found a folder, expected a text file. Check the path."]


def test_an_unreadable_file_is_no_traceback(load, problems_of, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_text", refuse)

    assert problems_of(load, "a: 1\n") == [
        "a.yaml: found Permission denied, expected a readable file. Check the path."
    ]


def test_a_device_and_a_zero_byte_in_the_path_are_refused(problems_of):
    from pathlib import Path

    assert "no ordinary file" in problems_of(load_yaml, Path("/dev/null"))[0]
    assert "null byte" in problems_of(load_yaml, Path("a\0b"), "a?b")[0]


def _bomb(levels=7, width=9):
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * width) + "]")
    return "\n".join(lines)


def _mapping_bomb(levels=7, width=9):
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: lol" for n in range(width)) + "}"]
    for level in range(1, levels):
        lines.append(
            f"a{level}: &a{level} {{" + ", ".join(f"k{n}: *a{level - 1}" for n in range(width)) + "}"
        )
    return "\n".join(lines)


BOMBS = {
    "lists": _bomb(),
    "mappings": _mapping_bomb(),
    "itself": "a: &a [*a]",
    "itself mapped": "a: &a {b: *a}",
    "deep lists": "a: " + "[" * 100_000,
    "deep mappings": "a: " + "{b: " * 20_000,
    "wide": "a: [" + "1," * 100_000 + "1]",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_within_two_seconds(load, problems_of, text):
    """Of processor time: other work on the machine does not count."""
    begin = time.process_time()
    (line,) = problems_of(load, text)

    assert time.process_time() - begin < 2
    assert "more than 20000 values or 30 levels" in line
    assert line.startswith("a.yaml:")


@pytest.mark.parametrize("text", [_bomb(), _mapping_bomb()], ids=["lists", "mappings"])
def test_a_bomb_of_aliases_takes_little_memory(load, problems_of, text):
    assert len(text) < 1024
    tracemalloc.start()
    try:
        problems_of(load, text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 50 * 2**20


def test_a_file_of_many_megabytes_is_not_read(load, problems_of):
    (line,) = problems_of(load, "a: " + "x" * (5 * 2**20))

    assert line.startswith("a.yaml: found 5242883 bytes, expected at most")


def test_an_ordinary_alias_is_plain_data(load):
    assert load("a: &x {b: 1}\nc: *x\n").data == {"a": {"b": 1}, "c": {"b": 1}}

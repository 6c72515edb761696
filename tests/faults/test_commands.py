"""The commands in the hands of users: wrong names, full pipes, other alphabets, Ctrl-C, two at a time."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from poml_map.cli import app

PROGRAM = [sys.executable, "-m", "poml_map"]
COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_that_parses(command):
    text = CliRunner().invoke(app, [command, "--help"]).output
    example = re.search(rf"Example: poml-map ({command}\b[^\n]*)", text)
    assert example, text
    options = {word for word in example[1].split() if word.startswith("--")}
    assert all(option in text.partition("Options:")[2] for option in options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nothing.yaml"], "nothing.yaml: found no such file"),
        (["check", "demo"], "demo: found a folder"),
        (["check", "demo/sources/clay.tif"], "clay.tif: found a byte that is not UTF-8"),
        (["check", "demo/samples.csv"], "samples.csv: found a list or a single value"),
        (["run", "demo/region.yaml", "--years", "1985-1980"], "--years: found '1985-1980'"),
        (["run", "demo/region.yaml", "--years", "1970-1975"], "--years: found 1970-1975, expected years of 1980-2000"),
        (["run", "demo/region.yaml", "--out", "demo/region.yaml/run"], "demo/region.yaml, --out: found a file"),
        (["demo", "demo/region.yaml"], "demo/region.yaml: found a file"),
        (["demo", "demo/sources"], "demo/sources: found a folder with other things in it"),
        (["demo", "new", "--size", "huge"], "found 'huge', expected one of tiny"),
    ],
)  # fmt: skip
def test_a_wrong_name_or_option_is_explained_in_a_line(demo, capsys, monkeypatch, arguments, words):
    from poml_map import cli

    monkeypatch.chdir(demo.folder.parent)
    before = sorted(demo.folder.parent.rglob("*"))
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert sorted(demo.folder.parent.rglob("*")) == before


@pytest.mark.parametrize("arguments", [[], ["check"], ["bogus"], ["run", "x.yaml", "--workers", "0"]])
def test_a_command_that_cannot_be_parsed_shows_how_it_is_used(arguments):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.output


def test_a_folder_that_refuses_is_exit_code_3(demo, call):
    said = call(demo, "run", "--out", "/proc/nowhere/run", "--quiet")
    assert said.code == 3
    assert len(said.err.splitlines()) == 1
    assert "/proc/nowhere" in said.err


def test_other_alphabets_and_blanks_in_every_path_and_a_plain_locale(demo, tmp_path):
    folder = demo.folder.rename(tmp_path / "Löß 土壤 map")
    (folder / "sources").rename(folder / "quellen für 1980")
    demo.folder, demo.region_file = folder, folder / "region.yaml"
    text = (folder / "data_catalog.yaml").read_text(encoding="utf-8")
    (folder / "data_catalog.yaml").write_text(text.replace("sources/", "quellen für 1980/"), encoding="utf-8")
    (folder / "samples.csv").rename(folder / "Proben ä.csv")
    demo.settings(samples={"file": "Proben ä.csv"}, title="Löß 土壤")
    out = tmp_path / "Läufe 二" / "run"
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        [*PROGRAM, "run", folder / "region.yaml", "--out", out, "--years", "1980"],
        env=environment, cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (out / "maps" / "SOCS_POML_1980.tif").is_file()
    assert "Löß 土壤" in (out / "report.md").read_text(encoding="utf-8")


def test_output_that_is_piped_into_nothing_is_no_traceback(demo):
    command = f"{' '.join(PROGRAM)} check demo/region.yaml | head -n 1"
    done = subprocess.run(
        command, shell=True, cwd=demo.folder.parent, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["demo/region.yaml: Synthetic demo region (tiny)"]
    assert "Traceback" not in done.stderr


def _start(demo, *options):
    """A run in a process of its own, once it writes."""
    running = subprocess.Popen(
        [*PROGRAM, "run", "demo/region.yaml", "--out", "run", *options],
        cwd=demo.folder.parent, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    for line in running.stderr:
        if "RothC" in line:
            return running
    raise AssertionError("the run ended before it began")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_the_first_step_is_done_leaves_nothing(demo, number, code):
    running = _start(demo)
    try:
        running.send_signal(number)
        _, rest = running.communicate(timeout=20)
    finally:
        running.kill()
    assert running.returncode == code
    assert "Traceback" not in rest
    assert "Stopped" in rest
    assert not demo.out.exists()


def test_a_signal_leaves_an_earlier_run_as_it_was(demo, finished_run):
    shutil.copytree(finished_run, demo.out)
    demo.settings(hybrid={"seed": 5})  # so that no step of the earlier run is of use
    before = {path: path.read_bytes() for path in demo.out.rglob("*") if path.is_file()}
    running = _start(demo)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=20)
    assert running.returncode == 143
    assert {path: path.read_bytes() for path in demo.out.rglob("*") if path.is_file()} == before

"""What reaches the terminal and what the log file: quiet is about the terminal alone."""

import subprocess
import sys

_RUN = """\
import logging, sys
from pathlib import Path
from poml_map import cli
from poml_map.pipeline import run as stages
from poml_map.pipeline.heard import listening, log_file

def run(*_, **__):
    with listening() as heard, log_file(Path("log.txt"), heard):
        logging.getLogger("poml_map.pipeline").info("progress")
        logging.getLogger("poml_map.pipeline").warning("beware")
        logging.getLogger("pyogrio._io").info("Created 12 records")
    return []

stages.run_region = run
cli.main(sys.argv[1:])
"""


def test_quiet_keeps_progress_from_the_terminal_but_not_from_the_log(tmp_path):
    """In a process of its own: pytest has handlers of its own, which `logging.basicConfig` respects."""
    assert _said(tmp_path, "--quiet") == "beware\n"
    log = (tmp_path / "log.txt").read_text()
    assert "INFO progress" in log
    assert "WARNING beware" in log


def test_what_libraries_do_without_trouble_is_not_on_the_terminal(tmp_path):
    assert _said(tmp_path) == "progress\nbeware\n"


def _said(folder, *options):
    command = [sys.executable, "-c", _RUN, "run", "region.yaml", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr

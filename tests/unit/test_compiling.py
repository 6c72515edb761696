"""Compiled functions: kept on disk, announced while they compile, and at work where nothing can be written."""

import logging
import os
import subprocess
import sys

import numpy as np

from poml_map.compiling import announced, compiled


def _tripler(module):
    """A fresh function that this process has not compiled."""

    def triple(x):
        return 3.0 * x

    triple.__module__ = module
    return triple


def test_the_first_call_is_announced_and_timed_the_second_is_silent(caplog):
    caplog.set_level(logging.INFO)
    triple = compiled(_tripler("poml_map.example"), cache=False)

    with announced("the example", seconds=1):
        assert triple(2.0) == 6.0
    first = [record.getMessage() for record in caplog.records]
    caplog.clear()
    with announced("the example", seconds=1):
        assert triple(3.0) == 9.0

    assert "compiling the example, once after installation: about 1 s" in first[0]
    assert "the example compiled in" in first[1]
    assert not caplog.records


def test_threads_that_wait_for_the_same_functions_do_not_announce_them_again(caplog):
    caplog.set_level(logging.INFO)
    triple = compiled(_tripler("poml_map.example"), cache=False)

    with announced("the example", seconds=1), announced("the example", seconds=1):
        triple(2.0)

    assert len(caplog.records) == 2  # one beginning, one end


def test_what_another_package_compiles_meanwhile_is_not_announced(caplog):
    caplog.set_level(logging.INFO)
    triple = compiled(_tripler("pyflwdir.example"), cache=False)

    with announced("the example", seconds=1):
        triple(2.0)

    assert not caplog.records


def test_missing_values_keep_their_meaning():
    @compiled(cache=False)
    def larger(x):
        return 1.0 if x > 0 else x

    assert np.isnan(larger(np.nan))
    assert larger(np.inf) == 1.0


_MODULE = """
from poml_map.compiling import compiled
@compiled
def triple(x):
    return 3.0 * x
"""


def _run_copy(folder, **environment):
    code = "import example; print(example.triple(2.0), sum(example.triple.stats.cache_hits.values()))"
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.getcwd()}", **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_second_process_takes_it_from_the_disk(tmp_path):
    (tmp_path / "example.py").write_text(_MODULE)

    assert _run_copy(tmp_path) == ["6.0", "0"]
    assert _run_copy(tmp_path) == ["6.0", "1"]


def test_a_changed_constant_or_helper_of_another_file_is_compiled_anew(tmp_path):
    """numba itself looks at the file of the function only and would go on with the old machine code."""
    (tmp_path / "numbers_of.py").write_text("FACTOR = 3.0")
    (tmp_path / "helpers.py").write_text(
        "from poml_map.compiling import compiled\nfrom numbers_of import FACTOR\n"
        "@compiled\ndef times(x):\n    return FACTOR * x\n"
    )
    (tmp_path / "example.py").write_text(
        "from poml_map.compiling import compiled\nfrom helpers import times\n"
        "@compiled\ndef triple(x):\n    return times(x)\n"
    )
    assert _run_copy(tmp_path) == ["6.0", "0"]
    assert _run_copy(tmp_path) == ["6.0", "1"]

    (tmp_path / "numbers_of.py").write_text("FACTOR = 30.0")
    assert _run_copy(tmp_path) == ["60.0", "0"]


def test_a_changed_intrinsic_of_another_file_is_compiled_anew(tmp_path):
    text = (
        "from llvmlite import ir\nfrom numba import types\nfrom numba.extending import intrinsic\n"
        "@intrinsic\ndef times(typingctx, x):\n"
        "    def code(context, builder, signature, arguments):\n"
        "        return builder.fmul(arguments[0], ir.Constant(ir.DoubleType(), 3.0))\n"
        "    return types.float64(types.float64), code\n"
    )
    (tmp_path / "intrinsics.py").write_text(text)
    (tmp_path / "example.py").write_text(
        "from poml_map.compiling import compiled\nfrom intrinsics import times\n"
        "@compiled\ndef triple(x):\n    return times(x)\n"
    )
    assert _run_copy(tmp_path) == ["6.0", "0"]
    assert _run_copy(tmp_path) == ["6.0", "1"]

    (tmp_path / "intrinsics.py").write_text(text.replace("3.0", "30.0"))
    assert _run_copy(tmp_path) == ["60.0", "0"]


def test_code_with_the_check_of_bounds_is_kept_apart(tmp_path):
    (tmp_path / "example.py").write_text(_MODULE)

    assert _run_copy(tmp_path) == ["6.0", "0"]
    assert _run_copy(tmp_path, NUMBA_BOUNDSCHECK="1") == ["6.0", "0"]
    assert _run_copy(tmp_path, NUMBA_BOUNDSCHECK="1") == ["6.0", "1"]


def test_an_installation_that_cannot_be_written_compiles_in_every_process(tmp_path):
    (tmp_path / "example.py").write_text(_MODULE)
    (tmp_path / "__pycache__").write_text("a file where the cache folder should be")
    nowhere = {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache"}

    assert _run_copy(tmp_path, **nowhere) == ["6.0", "0"]
    assert _run_copy(tmp_path, **nowhere) == ["6.0", "0"]

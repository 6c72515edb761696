"""`poml-map demo`, then `poml-map check`: the first two things a new user does."""

import pytest

from poml_map import cli


def test_the_demo_is_listed_in_a_few_lines_and_passes_its_check(tmp_path, capsys):
    folder = tmp_path / "demo"
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", str(folder), "--size", "tiny"])
    assert not stop.value.code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(folder / "region.yaml")
    assert any(line.startswith(f"{folder / 'sources'}/  (") for line in lines)
    assert len(lines) < 10
    with pytest.raises(SystemExit) as stop:
        cli.main(["check", str(folder / "region.yaml"), "--deep"])
    assert not stop.value.code
    out = capsys.readouterr().out
    assert "120 of 120 rows, 60 sites" in out
    assert out.splitlines()[-1] == "No problem found."

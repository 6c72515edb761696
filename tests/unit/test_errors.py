import pickle

import pytest

from poml_map.errors import InputError, PomlError, Problem, Problems, ResourceError, nearest


def test_a_problem_is_one_line_whatever_stands_in_it():
    problem = Problem("a\nb.yaml", "x", "a text\r\nof lines", "one\n\n line", "Mend\nit.", line=3)

    assert len(str(problem).splitlines()) == 1


def test_a_long_find_is_cut_so_that_the_mend_is_still_read():
    text = str(Problem("a.yaml", "x", "y" * 10_000, "one", "Mend it."))

    assert text.endswith("y..., expected one. Mend it.")
    assert len(text) < 300


def test_a_problem_without_facts_names_the_place_and_the_mend():
    assert str(Problem("region.yaml", "", "", "", "Check it.")) == "region.yaml. Check it."


def test_all_problems_are_in_the_message_each_once():
    problems = Problems()
    problems.add("a.tif", "", "no CRS")
    problems.add("b.tif", "", "no CRS")
    problems.add("a.tif", "", "no CRS")

    with pytest.raises(InputError) as refusal:
        problems.raise_if_any()
    assert str(refusal.value) == "a.tif: found no CRS.\nb.tif: found no CRS."


def test_no_problem_raises_nothing():
    Problems().raise_if_any()


def test_problems_of_a_caught_error_are_kept():
    problems = Problems()
    problems.collect(InputError([Problem("a", "", "x"), Problem("b", "", "y")]))

    assert [problem.file for problem in problems] == ["a", "b"]


def test_problems_survive_the_way_between_processes():
    error = pickle.loads(
        pickle.dumps(InputError(Problem("a.tif", "band 2", "one band", "two", "Give two.", 7)))
    )

    assert error.problems[0].line == 7
    assert str(error) == "a.tif:7, band 2: found one band, expected two. Give two."


def test_exit_codes_tell_input_machine_and_bug_apart():
    assert (PomlError.exit_code, InputError.exit_code, ResourceError.exit_code) == (1, 2, 3)


def test_the_nearest_name_ignores_case_and_is_empty_if_none_is_near():
    assert nearest("Clay", ["CLAY", "ELEV"]) == "Did you mean `CLAY`?"
    assert nearest("xyz", ["CLAY", "ELEV"]) == ""
    assert nearest("clay", []) == ""

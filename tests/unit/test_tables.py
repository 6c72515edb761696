import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poml_map.catalog import TableDialect
from poml_map.errors import Problems
from poml_map.tables import numbers, read_table, refuse_repeats, whole_years


@pytest.fixture
def table(tmp_path):
    def read(content, needed=("site", "soc"), **dialect):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, "t.csv", TableDialect(**dialect), list(needed))

    return read


@pytest.fixture
def values(table):
    """Numbers of column soc, and the lines of the problems."""

    def of(content, reader=numbers, **dialect):
        problems = Problems()
        frame = table(content, **dialect)
        found = reader(frame, "soc", "t.csv", TableDialect(**dialect), problems)
        return found.tolist(), [str(problem) for problem in problems]

    return of


def test_a_table_is_read_as_texts_with_the_lines_of_the_file(table):
    frame = table("site,soc\n a , 1.5\n\nb,2\n,\n")

    assert frame.to_dict("list") == {"site": ["a", "b"], "soc": ["1.5", "2"]}
    assert frame.index.tolist() == [2, 4]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffsite,soc\na,1.5\n",
        "site,soc\r\na,1.5\r\n",
        "site,soc\ra,1.5\r",
        '"site","soc"\n"a","1.5"\n',
        'site, "soc"\na, "1.5"\n',
        "site,soc\na,1.5",
        "\n\nsite,soc\na,1.5\n",
        "site,soc,note\na,1.5,\u2028\x85\x0b\n",
        b"\xef\xbb\xbfsite,soc\na,1.5\n",
    ],
)
def test_marks_line_ends_and_quotes_of_all_programs_are_understood(values, content):
    assert values(content) == ([1.5], [])


def test_a_value_in_quotes_may_hold_separators_and_line_ends_and_lines_are_still_counted(table):
    frame = table('site,soc,note\na,1,"one, two\nthree ""x"""\nb,2,\n')

    assert frame["note"].tolist() == ['one, two\nthree "x"', ""]
    assert frame.index.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("separator", "decimal", "row"),
    [
        (";", ",", "a;1,5"),
        ("\t", ".", "a\t1.5"),
        ("|", ".", "a|1.5"),
        (" ", ".", "a 1.5"),
        (",", ",", 'a,"1,5"'),
    ],
)
def test_the_declared_dialect_is_read(values, separator, decimal, row):
    content = f"site{separator}soc\n{row}\n"

    assert values(content, separator=separator, decimal=decimal) == ([1.5], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv: found an empty file, expected a header and one row per value."),
        ("\n , \n", "t.csv: found an empty file, expected a header and one row per value."),
        ("site,soc\n,\n", "t.csv: found no rows below the header, expected one row per value."),
        (
            "site,SOC\na,1\n",
            "t.csv, column 'soc': found only site, SOC, expected this column. Did you mean `SOC`?",
        ),
        (
            "site,soc,soc\na,1,2\n",
            "t.csv, column 'soc': found two columns of this name, expected one. Rename one of them.",
        ),
        (
            "site;soc\na;1\n",
            "t.csv:1, header: found one column 'site;soc', expected columns separated by ','. "
            'Set `table: {separator: ";"}`.',
        ),
        (
            "site\tsoc\na\t1\n",
            "t.csv:1, header: found one column 'site\\tsoc', expected columns separated by ','. "
            'Set `table: {separator: "\\t"}`.',
        ),
        (
            "site,soc\na,1\nb,1,5\nc\n",
            "t.csv, lines 3, 4: found 1, 3 values, expected 2 values, as in the header. A ',' inside a value "
            "needs quotes, a decimal comma another separator.",
        ),
        (
            'site,soc\na,1\nb,"2\nc,3\n',
            't.csv:3: found a row that cannot be read (unexpected end of data). A quote " opens a value and must '
            'be closed before the next separator; write "" inside one.',
        ),
        (
            "site,soc\nM\u00fcnchen,1\n".encode("latin-1"),
            "t.csv: found a byte that is not UTF-8 at position 10, expected a text file in UTF-8. Save it as UTF-8.",
        ),
        (
            "site,soc\na,1\n".encode("utf-16"),
            "t.csv: found a byte that is not UTF-8 at position 0, expected a text file in UTF-8. Save it as UTF-8.",
        ),
    ],
)
def test_a_table_that_is_not_what_was_declared_is_refused_in_one_line(table, problems_of, content, message):
    assert problems_of(table, content) == [message]


def test_all_faults_of_a_table_are_named_at_once(table, problems_of):
    lines = problems_of(table, "id,x,x\na,1\n", needed=["site", "soc", "x"])

    assert [line.split(":")[0] for line in lines] == [
        "t.csv, column 'site'",
        "t.csv, column 'soc'",
        "t.csv, column 'x'",
        "t.csv, lines 2",
    ]


def test_a_wide_table_does_not_flood_the_message(table, problems_of):
    names = ",".join(f"c{i}" for i in range(300))

    (line,) = problems_of(table, f"{names}\n{names}\n", needed=["soc"])

    assert "c11 and 288 more, expected" in line


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path, problems_of):
    dialect = TableDialect()

    (line,) = problems_of(read_table, tmp_path / "no.csv", "no.csv", dialect, [])
    assert line == "no.csv: found no such file, expected a text file. Check `file:` or `uri:`."
    (line,) = problems_of(read_table, tmp_path, "folder", dialect, [])
    assert line.startswith("folder: found a folder, expected a text file.")


def test_a_quote_is_no_separator(table, problems_of):
    (line,) = problems_of(table, "site,soc\na,1\n", separator='"')

    assert line.startswith("t.csv, table.separator: found '\"' as the separator")


def test_a_table_of_a_whole_country_is_not_too_large(table):
    content = "site,soc\n" + "a long name of a county,123456.789\n" * 150_000

    assert len(table(content)) == 150_000


@pytest.mark.parametrize("cell", ["", "NA", " NA "])
def test_only_declared_texts_are_no_value(values, cell):
    (value,), problems = values(f"site,soc\na,{cell}\n")

    assert np.isnan(value)
    assert not problems


def test_a_missing_number_may_be_written_in_another_way(values):
    found, problems = values("site,soc\na,-9999\nb,-9999.00\nc,1\n", missing=["-9999"])

    assert np.isnan(found[:2]).all()
    assert found[2] == 1
    assert not problems


@pytest.mark.parametrize(
    ("cell", "mend"),
    [
        ("-", 'If they mean no value, set `table: {missing: ["", "NA", "-"]}`.'),
        ("n/a", 'If they mean no value, set `table: {missing: ["", "NA", "n/a"]}`.'),
        ("nan", 'If they mean no value, set `table: {missing: ["", "NA", "nan"]}`.'),
        ('"1,5"', 'Set `table: {decimal: ","}`.'),
        (
            '"1,234"',
            "Remove the thousands separators; or, if ',' is the decimal sign, set `table: {decimal: \",\"}`.",
        ),
        (
            "1 234.5",
            "Remove the thousands separators; or, if ',' is the decimal sign, set `table: {decimal: \",\"}`.",
        ),
        ("<0.5", "Mend the cells, or declare `table: {decimal: ..., missing: [...]}`."),
        ("inf", "Mend the cells, or declare `table: {decimal: ..., missing: [...]}`."),
        ("1_0", "Mend the cells, or declare `table: {decimal: ..., missing: [...]}`."),
        ("12 %", "Mend the cells, or declare `table: {decimal: ..., missing: [...]}`."),
    ],
)
def test_a_text_in_a_column_of_numbers_is_named_with_its_line_and_a_way_out(values, cell, mend):
    _, problems = values(f"site,soc\na,1\nb,{cell}\n")

    text = cell.strip('"')
    assert problems == [f"t.csv, column 'soc': found {text!r} in line 3, expected numbers. {mend}"]


def test_a_point_is_refused_where_the_comma_is_the_decimal_sign(values):
    _, problems = values("site;soc\na;1.234,5\nb;1.5\n", separator=";", decimal=",")

    assert problems[0].startswith("t.csv, column 'soc': found '1.234,5' in line 2, '1.5' in line 3")


def test_many_bad_cells_are_counted(values):
    _, problems = values("site,soc\n" + "a,x\n" * 9)

    assert "'x' in line 6 and 4 more" in problems[0]


def test_columns_of_a_vector_file_may_hold_numbers_nulls_or_texts():
    frame = pd.DataFrame({"soc": pd.Series([1, 2.5, None, pd.NA, "3", " ", True], dtype=object)})
    problems = Problems()

    found = numbers(frame, "soc", "t.gpkg", TableDialect(), problems)

    assert np.array_equal(found, [1, 2.5, np.nan, np.nan, 3, np.nan, np.nan], equal_nan=True)
    assert [problem.found for problem in problems] == ["'True' in line 6"]
    assert np.isnan(numbers(pd.DataFrame({"soc": [-9.0]}), "soc", "", TableDialect(missing=["-9"]), problems))


def test_years_may_be_written_as_decimals(values):
    assert values("site,soc\na,1980\nb,1980.0\nc, 1980 \n", whole_years) == ([1980, 1980, 1980], [])


@pytest.mark.parametrize("cell", ["1980.5", "", "-1", "99999", "1e300"])
def test_a_year_that_is_none_is_named_with_its_line(values, cell):
    years, problems = values(f"site,soc\na,1980\nb,{cell}\n", whole_years)

    assert years == [1980, 0]
    assert problems == [
        f"t.csv, column 'soc': found {cell!r} in line 3, expected a whole year in every row, such as 1980. "
        "Write the year alone, or remove the rows."
    ]


def test_a_date_is_refused_once(values):
    _, problems = values("site,soc\na,1980-12-01\n", whole_years)

    assert len(problems) == 1
    assert "found '1980-12-01' in line 2, expected a whole year" in problems[0]


def test_repeats_are_named_with_their_lines(problems_of):
    frame = pd.DataFrame({"key": ["a", "b", "a"], "year": [1980, 1980, 1980]}, index=[2, 3, 4])

    refuse_repeats(frame.iloc[:2], ["key", "year"], "t.csv")
    assert problems_of(refuse_repeats, frame, ["key", "year"], "t.csv") == [
        "t.csv, key + year: found a 1980 in lines 2, 4, expected each once. Remove the repeats."
    ]
    (line,) = problems_of(refuse_repeats, frame, ["year"], "t.csv")
    assert "found 1980 in lines 2, 3, 4" in line


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5),
    st.sampled_from([(",", "."), (";", ","), ("\t", ","), ("|", ".")]),
)
def test_a_number_is_the_same_in_every_dialect(tmp_path_factory, written, marks):
    separator, decimal = marks
    path = tmp_path_factory.getbasetemp() / "dialects.csv"
    lines = [f"a{separator}{value!r}".replace(".", decimal) for value in written]
    path.write_text("\n".join([f"site{separator}soc", *lines]), encoding="utf-8")
    dialect, problems = TableDialect(separator=separator, decimal=decimal), Problems()

    frame = read_table(path, "t.csv", dialect, ["soc"])

    assert numbers(frame, "soc", "t.csv", dialect, problems).tolist() == written
    assert not len(problems)


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), min_size=1, max_size=4))
def test_what_a_writer_quotes_comes_back(tmp_path_factory, cells):
    path = tmp_path_factory.getbasetemp() / "quoted.csv"
    cells = [
        ["".join(c for c in text if c.isprintable() or c == "\n").strip() for text in row] for row in cells
    ]
    cells = [row for row in cells if any(row)] or [["a", "b"]]
    quoted = [",".join('"' + text.replace('"', '""') + '"' for text in row) for row in cells]
    path.write_text("\n".join(["site,soc", *quoted]), encoding="utf-8", newline="")

    assert read_table(path, "t.csv", TableDialect(), ["soc"]).to_numpy().tolist() == cells

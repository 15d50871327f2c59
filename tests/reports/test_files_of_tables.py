"""Files of tables as spreadsheets and other programs write them."""

import pytest

from kerasnas.data.stored_tables import stored_table
from kerasnas.errors import SchemaError


def read(tmp_path, content, name="it.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return stored_table(path).whole()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "\ufeff", "sep={}\n"])
def test_the_line_of_names_tells_what_stands_between_values(separator, first, tmp_path):
    lines = [f"a{separator}b, or c{separator}y", "1{}x{}p", '"2"{}"two\nlines"{}q']
    if separator == ",":
        lines[0] = 'a,"b, or c",y'
    content = "\n".join([lines[0], *(line.format(separator, separator) for line in lines[1:])])
    frame = read(tmp_path, first.format(separator) + content, "it.tsv")
    assert frame.columns.tolist() == ["a", "b, or c", "y"]
    assert frame["b, or c"].tolist() == ["x", "two\nlines"] and frame["a"].tolist() == [1, 2]


def test_decimal_commas_stay_in_their_column(tmp_path):
    assert read(tmp_path, "a;y\n1,5;2\n2,25;3\n")["a"].tolist() == ["1,5", "2,25"]


@pytest.mark.parametrize("codes", [["01234", "99999"], ["007", "12"], ["00", ""]])
def test_codes_keep_the_zeros_that_they_begin_with(codes, tmp_path):
    content = "zip,date,n\n" + "".join(f'"{code}",01/02/2024,0.5\n' for code in codes)
    frame = read(tmp_path, content)
    assert frame["zip"].fillna("").tolist() == codes
    assert frame["n"].tolist() == [0.5, 0.5]


def test_numbers_stay_numbers_beside_zeros(tmp_path):
    frame = read(tmp_path, "n,m,t\n0,0.5,00:10\n10,-0.25,01:20\n")
    assert [dtype.kind for dtype in frame.dtypes[:2]] == ["i", "f"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", b"PK\x03\x04", r"`pandas.read_excel\(path\)`"),
        ("a.jsonl", b'{"a": 1}\n', r"`pandas.read_json\(path, lines=True\)`"),
        ("a.csv", "a,b\nä,1\n".encode("latin-1"), "not in UTF-8 .*`iconv -f cp1252 -t utf-8`"),
        ("a.csv", "a,b\nä,1\n".encode("utf-16"), "not in UTF-8"),
        ("a.csv", b"a,b,a\n1,2,3\n", "names the column `a` twice"),
        ("a.csv", b"a;b\n1;2\n1;2;3\n", "line 3 has 3 values.*a value that holds ';' stands in"),
    ],
)
def test_what_is_no_table_of_csv_is_told_with_the_line_to_type(name, content, words, tmp_path):
    with pytest.raises(SchemaError, match=words):
        read(tmp_path, content, name)

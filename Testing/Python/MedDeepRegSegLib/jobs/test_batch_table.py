import pytest

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.jobs.batch_table import Row, read_table


@pytest.fixture
def table(tmp_path):
    """Return a function that reads a table of a text."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "cases.csv"
        path.write_bytes(text.encode(encoding))
        return read_table(path, ("fixed", "moving"), ("kind",))

    return read


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,fixed,moving,kind\na,f.nii,m.nii,\n\n,g.nii,n.nii,rigid\n", "utf-8"),
        ("\ufeffNAME; Fixed ;moving;kind\r\n a ;f.nii;m.nii\r\n;;;\r\n;g.nii;n.nii; rigid\r\n", "utf-8"),
        ('name\tfixed\tmoving\tkind\na\t"f.nii"\tm.nii\t\n\tg.nii\tn.nii\trigid', "utf-8"),
    ],
)
def test_rows_become_cases_whatever_program_wrote_them(table, tmp_path, text, encoding):
    first, second = table(text, encoding)
    assert (first.name, first.values) == ("a", {"fixed": "f.nii", "moving": "m.nii"})
    assert (second.name, second.values) == ("case-2", {"fixed": "g.nii", "moving": "n.nii", "kind": "rigid"})
    assert first.folder == tmp_path


def test_paths_start_where_the_table_lies(table, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    (tmp_path / "f.nii").touch()
    (row,) = table(f"fixed,moving\nf.nii,{tmp_path / 'm.nii'}\n")
    assert row.path("fixed") == tmp_path / "f.nii"
    assert row.path("kind") is None
    with pytest.raises(InputError, match=r"moving: .*m\.nii does not exist"):
        row.path("moving")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty, expected a header"),
        ("fixed,moving\n", "has no cases"),
        ("fixed\na\n", "has no column 'moving'"),
        ("fixed,moving,fixed_mak\na,b,c\n", "has a column 'fixed_mak', expected name, fixed, moving, kind"),
        ("fixed,moving,fixed\na,b,c\n", "has two columns 'fixed'"),
        ("fixed,moving,Fixed\na,b,c\n", "has two columns 'fixed'"),
        ("fixed,moving\na,b\nc,\n", "line 3: moving is empty"),
        ("name,fixed,moving\n../a,b,c\n", "line 2: '../a' is no name for a folder"),
        ("name,fixed,moving\na.,b,c\n", "'a.' is no name for a folder"),
        ("name,fixed,moving\nA,b,c\na,b,c\n", "two cases named 'a'"),
        ("name,fixed,moving\nCon,b,c\n", "line 2: 'Con' is the name of a device on Windows"),
        ("name,fixed,moving\ncom1,b,c\nlpt9.left,b,c\n", "'com1' is the name of a device"),
        ("name,fixed,moving\nlpt9.left,b,c\n", "'lpt9.left' is the name of a device"),
        ("name,fixed,moving\nbatch.json,b,c\n", "'batch.json' is no name for a folder"),
        ("name,fixed,moving\nsummary.csv,b,c\n", "'summary.csv' is no name for a folder"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(table, text, says):
    with pytest.raises(InputError, match=says):
        table(text)


def test_a_file_that_is_no_table_is_refused(table, tmp_path):
    with pytest.raises(InputError, match="not a text in UTF-8"):
        table("fixed,moving\n\xe4,b\n", "latin-1")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path, (), ())


def test_further_columns_keep_their_names_where_they_are_wanted(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("Name,MODEL,Age,kVp,,\nann,m,61,120,,\nbob,m,,,,\n")
    ann, bob = read_table(path, ("model",), (), others=True)
    assert ann.values == {"model": "m", "Age": "61", "kVp": "120"}
    assert bob.values == {"model": "m"}
    path.write_text("model,Age,Age\nm,1,2\n")
    with pytest.raises(InputError, match="two columns 'Age'"):
        read_table(path, ("model",), (), others=True)
    path.write_text("model,,Age\nm,1,2\n")
    with pytest.raises(InputError, match="has a column ''"):
        read_table(path, ("model",), (), others=True)


def test_cells_are_read_as_what_they_are(tmp_path):
    row = Row(
        "a", {"yes": "Yes", "no": "0", "half": "perhaps", "number": "2.5", "word": "many", "far": "inf"}, tmp_path
    )
    assert (row.flag("yes"), row.flag("no"), row.flag("empty")) == (True, False, False)
    assert (row.number("number"), row.number("empty")) == (2.5, None)
    assert (row.choice("yes", ("yes", "later")), row.choice("empty", ("yes",))) == ("yes", None)
    for read, says in (
        (lambda: row.flag("half"), "half: 'perhaps' is not allowed, expected one of yes, true, 1, no"),
        (lambda: row.number("word"), "word: 'many' is no number"),
        (lambda: row.number("far"), "far: 'inf' is no number"),
        (lambda: row.needed("empty"), "empty is empty, expected a file or folder"),
    ):
        with pytest.raises(InputError, match=says):
            read()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("fixed;size\na;8,5\n", "8.5"),
        ("fixed,size\na,8.5\n", "8.5"),
        ('fixed,size\na,"8,5"\n', "8,5"),
        ("fixed;size\na;1,5,2\n", "1,5,2"),
    ],
)
def test_a_decimal_comma_is_read_where_semicolons_separate(tmp_path, text, size):
    (tmp_path / "cases.csv").write_text(text)
    (row,) = read_table(tmp_path / "cases.csv", ("fixed",), (), others=True)
    assert row.values["size"] == size


@pytest.mark.parametrize("other", ["margin", "MARGIN", " Margin "])
def test_further_columns_that_mean_the_same_are_refused(tmp_path, other):
    (tmp_path / "cases.csv").write_text(f"fixed,Margin,{other}\na,1,2\n")
    with pytest.raises(InputError, match="has two columns 'Margin'"):
        read_table(tmp_path / "cases.csv", ("fixed",), (), others=True)

"""What names of patients and cases become."""

import pytest

from MedDeepDiagnosisLib.casebase import open_case_base
from MedDeepDiagnosisLib.casebase.naming import Names, Naming
from MedDeepDiagnosisLib.casebase.pseudonyms import Pseudonyms, load_key
from MedDeepDiagnosisLib.casebase.records import ImportOptions
from MedDeepRegSegLib.errors import InputError

KEEP = ImportOptions(keep_names=True)


@pytest.fixture
def names():
    return Names(Pseudonyms(b"a" * 32))


def test_the_name_is_taken_out_of_the_case(names):
    stored = names.patient("Doe, Jane")
    assert names.within("Doe, Jane/left lung", "Doe, Jane") == f"{stored}/left lung"
    assert names.within("DOE, JANE_2", " Doe, Jane ") == f"{stored}_2"
    assert names.within("L01", "1") == "L01", "part of a word is no name"
    assert names.within("1", "1") == names.patient("1")


def test_public_collections_and_pseudonyms_stay(names):
    assert names.patient("lidc-idri-78") == "LIDC-IDRI-0078"
    assert names.within("LIDC-IDRI-0078/1", "LIDC-IDRI-0078") == "LIDC-IDRI-0078/1"
    stored = names.patient("Doe")
    assert names.patient(stored) == stored


def test_kept_names_are_kept():
    names = Names(None)
    assert (names.patient(" Doe "), names.within("Doe_1", "Doe"), names.lookup("Doe_1")) == ("Doe", "Doe_1", "")


def test_a_patient_is_looked_for_by_name_and_pseudonym(tmp_path):
    key = tmp_path / "key"
    assert Naming(key, "c", memory=False).patients(" Doe ") == ("Doe",)
    pseudonyms = Pseudonyms(load_key(key, create=True))
    assert Naming(key, "c", memory=False).patients(" Doe ") == ("Doe", pseudonyms.patient("Doe"))
    assert Naming(key, "c", memory=False).patients("lidc-idri-78")[-1] == "LIDC-IDRI-0078"
    assert Naming(key, "c", memory=False).patients("lidc 12x") == ("lidc 12x",)


def test_no_name_is_in_the_file_unless_kept(file, pathology, rows):
    with open_case_base(file) as base:
        base.import_rows(rows, pathology)
    stored = b"".join(path.read_bytes() for path in file.parent.iterdir() if path.name != "cases.sqlite.key")
    assert b"Doe" not in stored
    assert b"Roe" not in stored
    other = file.with_name("kept.sqlite")
    with open_case_base(other) as base:
        base.import_rows(rows, pathology, options=KEEP)
        assert base.cases()[0].patient == "Doe"
    assert not other.with_name("kept.sqlite.key").exists()


def test_names_and_pseudonyms_do_not_mix(filled, file, pathology, rows):
    with pytest.raises(InputError, match="makes pseudonyms, and a patient under both would count as two"):
        filled.import_rows(rows, pathology, options=KEEP)
    with open_case_base(file.with_name("kept.sqlite")) as base:
        base.import_rows(rows, pathology, options=KEEP)
        with pytest.raises(InputError, match=r"keeps names.*--keep-names"):
            base.import_rows(rows, pathology)


def test_another_or_a_lost_key_is_refused(filled, file, pathology, rows):
    key = file.with_name("cases.sqlite.key")
    text = key.read_text(encoding="utf-8")
    key.write_text("ab" * 32)
    with open_case_base(file) as base, pytest.raises(InputError, match="not the one that made the pseudonyms"):
        base.import_rows(rows, pathology)
    key.unlink()
    with open_case_base(file) as base:
        with pytest.raises(InputError, match="put it back"):
            base.import_rows(rows, pathology)
        assert len(base.cases()) == 3, "reading needs no key"
        assert not key.exists()
    elsewhere = file.with_name("elsewhere.key")
    elsewhere.write_text(text)
    elsewhere.chmod(0o600)
    with open_case_base(file, key_file=elsewhere) as base:
        assert base.import_rows(rows, pathology).unchanged_cases == 3


def test_a_server_needs_a_place_for_the_key():
    from MedDeepDiagnosisLib.casebase.naming import Naming

    with pytest.raises(InputError, match="--key FILE"):
        Naming(None, "server", memory=False)._key(create=True)

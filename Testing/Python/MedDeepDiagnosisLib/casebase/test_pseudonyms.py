"""Pseudonyms are stable, and their key is its owner's alone."""

import os
import stat

import pytest

from MedDeepDiagnosisLib.casebase.pseudonyms import Pseudonyms, is_pseudonym, is_public_identifier, load_key
from MedDeepRegSegLib.errors import InputError


def test_one_key_gives_one_name_and_another_key_another():
    one, two = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    names = [one.patient(f"patient {number}") for number in range(5000)]
    assert len(set(names)) == 5000
    assert names[7] == one.patient("patient 7") != two.patient("patient 7")
    assert all(is_pseudonym(name) for name in names[:50])
    assert one.check != two.check
    assert one.lookup("C1") != one.patient("C1")


def test_names_of_people_are_no_pseudonyms():
    for name in ("P-1", "Doe", "P-ABCDEFGHIJK", "p-abcdefghijkl", "LIDC-IDRI-0001"):
        assert not is_pseudonym(name)
    assert is_public_identifier("LIDC-IDRI-0001")
    assert not is_public_identifier("Doe")


def test_the_key_is_made_once_and_read_again(tmp_path):
    path = tmp_path / "folder" / "c.key"
    key = load_key(path, create=True)
    assert len(key) == 32
    assert load_key(path, create=True) == load_key(path, create=False) == key
    assert [entry.name for entry in path.parent.iterdir()] == ["c.key"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_its_owner_reads_the_key(tmp_path):
    path = tmp_path / "c.key"
    load_key(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(InputError, match="chmod 600"):
            load_key(path, create=False)


@pytest.mark.parametrize(("text", "message"), [("zz", "cannot be read"), ("abcd", "has 2 bytes"), ("", "has 0 bytes")])
def test_files_that_are_no_key_are_refused(tmp_path, text, message):
    path = tmp_path / "c.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InputError, match=message):
        load_key(path, create=True)


def test_an_absent_key_is_not_made_anew(tmp_path):
    with pytest.raises(InputError, match="put it back"):
        load_key(tmp_path / "c.key", create=False)


def test_a_key_on_a_disk_without_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    path = tmp_path / "a.key"
    key = load_key(path, create=True)
    assert load_key(path, create=True) == key
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.key"]

"""Names of patients and cases as a case base stores them.

A case base keeps names or makes pseudonyms, as its first import said; both in one would make two patients of one, and
these could be in two folds.
"""

import re
import secrets
from pathlib import Path

from sqlalchemy import Connection

from MedDeepDiagnosisLib.casebase import queries
from MedDeepDiagnosisLib.casebase.pseudonyms import Pseudonyms, is_pseudonym, is_public_identifier, load_key
from MedDeepDiagnosisLib.lidc import patient_name
from MedDeepRegSegLib.errors import InputError

_POLICY = "patient_names"
_CHECK = "pseudonym_check"
_KEPT, _PSEUDONYMS = "kept", "pseudonyms"


class Names:
    """Turns names of a source into those that are stored.

    Parameters
    ----------
    pseudonyms:
        Makes the pseudonyms; None keeps all names as they are.
    """

    def __init__(self, pseudonyms: Pseudonyms | None) -> None:
        self.pseudonyms = pseudonyms
        self._stored: dict[str, str] = {}

    def is_kept(self, patient: str) -> bool:
        """Return whether the name is stored as it is."""
        name = patient_name(patient)
        return self.pseudonyms is None or is_public_identifier(name) or is_pseudonym(name)

    def patient(self, patient: str) -> str:
        """Return the stored name of a patient; raises InputError for a malformed LIDC-IDRI identifier."""
        if patient not in self._stored:
            name = patient_name(patient)
            kept = self.pseudonyms is None or self.is_kept(name)
            self._stored[patient] = name if kept or self.pseudonyms is None else self.pseudonyms.patient(name)
        return self._stored[patient]

    def within(self, text: str, patient: str) -> str:
        """Return the name of a case or study with the patient's name in it replaced by the stored one."""
        if self.is_kept(patient):
            return text
        return _replaced(text, (patient.strip(), patient_name(patient)), self.patient(patient))

    def lookup(self, case: str) -> str:
        """Return by which hash a case is found; empty where names are kept."""
        return "" if self.pseudonyms is None else self.pseudonyms.lookup(case)


def _replaced(text: str, names: tuple[str, ...], by: str) -> str:
    if not any(name.casefold() in text.casefold() for name in names):
        return text
    # Only where the name stands alone: patient "1" is not in case "L01".
    pattern = "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True))
    return re.sub(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])", by, text, flags=re.IGNORECASE)


class Naming:
    """Gives the :class:`Names` of one case base.

    Parameters
    ----------
    key_file:
        File of the key of the pseudonyms; None where the database has no place of its own.
    name:
        Of the case base, for messages.
    memory:
        Whether the database is in memory: its key is then, too.
    """

    def __init__(self, key_file: Path | None, name: str, *, memory: bool) -> None:
        self._key_file = key_file
        self._name = name
        self._memory_key = secrets.token_bytes(32) if memory and key_file is None else None

    def names(self, connection: Connection, *, keep: bool, trial: bool = False) -> Names:
        """Return what makes the stored names, and note how it does in a new case base.

        Parameters
        ----------
        keep:
            Store names as they are.
        trial:
            Make no key: nothing will be stored.

        Raises
        ------
        InputError
            If the case base does the other, or the key is not the one of before.
        """
        wanted = _KEPT if keep else _PSEUDONYMS
        stored = queries.setting(connection, _POLICY)
        if stored not in (None, wanted):
            does, todo = (
                ("keeps names", "say so (--keep-names)")
                if stored == _KEPT
                else ("makes pseudonyms", "do not keep names")
            )
            msg = f"case base {self._name} {does}, and a patient under both would count as two: {todo}, or take another case base"
            raise InputError(msg)
        if stored is None:
            queries.add_setting(connection, _POLICY, wanted)
        if keep:
            return Names(None)
        check = queries.setting(connection, _CHECK)
        if trial and check is None:
            return Names(Pseudonyms(secrets.token_bytes(32)))
        pseudonyms = Pseudonyms(self._key(create=check is None))
        if check is None:
            queries.add_setting(connection, _CHECK, pseudonyms.check)
        elif check != pseudonyms.check:
            msg = f"the key {self._key_file} is not the one that made the pseudonyms of {self._name}: put that one back"
            raise InputError(msg)
        return Names(pseudonyms)

    def lookup(self, case: str) -> str | None:
        """Return the hash by which a case is found under its name in the source; None without a key."""
        if self._memory_key is None and (self._key_file is None or not self._key_file.exists()):
            return None
        return Pseudonyms(self._key(create=False)).lookup(case)

    def patients(self, patient: str) -> tuple[str, ...]:
        """Return the names that a patient may have in the case base: as it is, and with a key the pseudonym."""
        names = [patient.strip()]
        try:
            names.append(patient_name(patient))
        except InputError:  # no patient of this name can be stored
            return tuple(names)
        if self._memory_key is not None or (self._key_file is not None and self._key_file.exists()):
            names.append(Names(Pseudonyms(self._key(create=False))).patient(patient))
        return tuple(dict.fromkeys(names))

    def _key(self, *, create: bool) -> bytes:
        if self._memory_key is not None:
            return self._memory_key
        if self._key_file is None:
            msg = "this database has no folder for the key of the pseudonyms: name a file for it (--key FILE), or keep the names"
            raise InputError(msg)
        return load_key(self._key_file, create=create)

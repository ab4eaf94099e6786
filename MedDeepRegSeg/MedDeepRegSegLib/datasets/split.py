"""Which cases are for training, validation and test: drawn by patient, so that no patient is on two sides.

The draw is the iterative stratification of Sechidis, Tsoumakas and Vlahavas (2011), "On the Stratification of Multi-Label
Data": the class that the fewest patients have is dealt first, each of its patients to the part that lacks it most. The
number of patients in each part is kept exactly.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from MedDeepRegSegLib.datasets.dataset import Case, Dataset, Role
from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.wording import by_number, counted

Present = Mapping[str, AbstractSet[int]]
"""Name of a case, and values of the classes that its labels hold."""


def split(
    dataset: Dataset,
    *,
    validation: float = 0.2,
    test: float = 0.0,
    seed: int = 0,
    present: Present | None = None,
) -> Dataset:
    """Return the dataset with drawn roles, which are stored with it.

    Cases without labels and those that are left out stay ``unused``. Where roles were given by the source and not drawn
    (``split_seed`` is None), its test cases stay test cases, with all other cases of their patients.

    Parameters
    ----------
    dataset : Dataset
    validation, test : float
        Share of the patients, from 0 to 1. A share above 0 is at least one patient.
    seed : int
        Of the draw; the same seed and cases give the same roles.
    present : mapping, optional
        Classes that the labels of each case hold, so that each part gets its share of the rare ones. Without, what was
        looked for (``annotated``) counts.

    Raises
    ------
    InputError
        If the shares are wrong, or there are too few patients for them.
    """
    check_shares(validation, test)
    fixed = _given_tests(dataset)
    patients = _patients(dataset, fixed)
    parts = [part for part in (("validation", validation), ("test", test)) if part[1] > 0]
    counts = [max(1, round(share * len(patients))) for _, share in parts]
    training = len(patients) - sum(counts)
    if training < 1:
        raise InputError(_too_few(dataset, len(patients), [name for name, _ in parts], sum(counts) + 1))
    names: list[Role] = ["training", *(name for name, _ in parts)]  # type: ignore[list-item]
    dealt = _deal(patients, [training, *counts], dataset, seed, present)
    return dataset.with_roles(_roles(dataset, dealt, names, fixed), seed)


def check_shares(validation: float, test: float) -> None:
    """Raise InputError unless both are shares from 0 to 1, less than 1 together."""
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        msg = f"shares are {validation:g} for validation and {test:g} for test, expected 0 to 1, less than 1 together"
        raise InputError(msg)


def _too_few(dataset: Dataset, patients: int, drawn: Sequence[str], needed: int) -> str:
    """Return why there are too few patients to draw the roles ``drawn`` beside training, and what to do."""
    left_out = sum(case.labels is not None and bool(case.left_out) for case in dataset.cases)
    why = f" ({counted(left_out, 'case')} {by_number(left_out, 'is', 'are')} left out because of errors)"
    # Without any patient not even training has one, whatever the shares are.
    options = " ".join(f"--{name} 0" for name in drawn) if patients else ""
    return (
        f"{counted(patients, 'patient')} {by_number(patients, 'has', 'have')} labels to draw from{why if left_out else ''}, "
        f"expected at least {needed} for {', '.join(['training', *drawn])}: add labels of more patients"
        f"{f', or give {options} to use all for training' if options else ''}"
    )


def folds(dataset: Dataset, count: int, seed: int = 0, *, present: Present | None = None) -> tuple[Dataset, ...]:
    """Return ``count`` datasets for cross-validation: each patient is for validation in one of them, else for training.

    Test cases stay test cases, and those not used stay so.

    Parameters
    ----------
    dataset : Dataset
    count : int
        Number of folds, from 2 to the number of patients.
    seed : int
        Of the draw.
    present : mapping, optional
        As in :func:`split`.

    Raises
    ------
    InputError
        If there are fewer patients than folds, or fewer than two folds.
    """
    tests = {case.patient for case in dataset.of_role("test")}
    patients = _patients(dataset, tests)
    if not 2 <= count <= len(patients):
        msg = (
            f"{counted(count, 'fold')} of {counted(len(patients), 'patient')} with labels, expected 2 to the number of "
            "patients: choose another number, or leave --folds out"
        )
        raise InputError(msg)
    counts = [len(patients) // count + (index < len(patients) % count) for index in range(count)]
    dealt = _deal(patients, counts, dataset, seed, present)
    made = []
    for index in range(count):
        names: list[Role] = ["validation" if index == other else "training" for other in range(count)]
        made.append(dataset.with_roles(_roles(dataset, dealt, names, tests), seed))
    return tuple(made)


def usable(case: Case) -> bool:
    """Return whether a case can have a role: it has labels and is not left out."""
    return case.labels is not None and not case.left_out


def _given_tests(dataset: Dataset) -> set[str]:
    return {case.patient for case in dataset.of_role("test")} if dataset.split_seed is None else set()


def _patients(dataset: Dataset, without: AbstractSet[str]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in sorted(dataset.cases, key=lambda case: case.name):
        if usable(case) and case.patient not in without:
            found.setdefault(case.patient, []).append(case)
    return found


def _roles(
    dataset: Dataset, dealt: Mapping[str, int], names: Sequence[Role], tests: AbstractSet[str]
) -> list[tuple[str, Role]]:
    roles: list[tuple[str, Role]] = []
    for case in dataset.cases:
        if not usable(case):
            roles.append((case.name, "unused"))
        else:
            roles.append((case.name, "test" if case.patient in tests else names[dealt[case.patient]]))
    return roles


def _deal(
    patients: Mapping[str, Sequence[Case]],
    counts: Sequence[int],
    dataset: Dataset,
    seed: int,
    present: Present | None,
) -> dict[str, int]:
    """Return the part of each patient; part ``i`` gets ``counts[i]`` patients."""
    rng = np.random.default_rng(seed)
    every = {segment.value for segment in dataset.classes}
    names = [list(patients)[index] for index in rng.permutation(len(patients))]

    def classes_of(case: Case) -> set[int]:
        if present is not None and case.name in present:
            return set(present[case.name]) & every
        return every if case.annotated is None else set(case.annotated)

    held = {name: set().union(*(classes_of(case) for case in patients[name])) for name in names}
    free = np.array(counts, float)
    shares = free / free.sum()
    wanted = {value: shares * sum(value in held[name] for name in names) for value in sorted(every)}
    parts: dict[str, int] = {}
    while len(parts) < len(names):
        rest = [name for name in names if name not in parts]
        numbers = {value: sum(value in held[name] for name in rest) for value in wanted}
        rarest = min(
            (value for value in numbers if numbers[value]), key=lambda value: (numbers[value], value), default=0
        )
        for name in rest:
            if rarest and rarest not in held[name]:
                continue
            lack = wanted[rarest] if rarest else free
            # Ties: the part with more room, then the first one, which is training.
            part = max((index for index in range(len(counts)) if free[index] > 0), key=lambda i: (lack[i], free[i], -i))
            parts[name] = part
            free[part] -= 1
            for value in held[name]:
                wanted[value][part] -= 1
    return parts

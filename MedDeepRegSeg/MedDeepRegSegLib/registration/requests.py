"""Requests of the job "register" from files, as the command and the batch get them."""

from pathlib import Path
from typing import TYPE_CHECKING

from MedDeepRegSegLib.errors import InputError
from MedDeepRegSegLib.volumes.point_files import read_points
from MedDeepRegSegLib.volumes.point_pairs import PointPairs, pair_points

if TYPE_CHECKING:
    from MedDeepRegSegLib.registration.settings import RegistrationSettings


def paired_points(fixed: Path | None, moving: Path | None, names: tuple[str, str]) -> PointPairs | None:
    """Return the pairs of two files of points; None without files.

    Parameters
    ----------
    fixed, moving : Path, optional
        .mrk.json or .fcsv.
    names : (str, str)
        How the person calls the two inputs.

    Raises
    ------
    InputError
        When one is missing, or they cannot be read or paired.
    """
    if fixed is None and moving is None:
        return None
    if fixed is None or moving is None:
        msg = f"points in one image only, expected {names[0]} and {names[1]} together"
        raise InputError(msg)
    return pair_points(read_points(fixed), read_points(moving), str(fixed), str(moving))


def check_needs_points(settings: "RegistrationSettings", pairs: PointPairs | None, names: tuple[str, str]) -> None:
    """Raise where the settings ask for points and there are none, before images are read."""
    if pairs is not None:
        return
    needs = {"engine landmarks": settings.engine == "landmarks", "a start from landmarks": settings.points == "start"}
    for what, needed in needs.items():
        if needed:
            msg = f"{what} needs points, expected {names[0]} and {names[1]}: place the same points in both images"
            raise InputError(msg)

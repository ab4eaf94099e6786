"""From what a person chose to settings: a preset, and what is to be different from it."""

from dataclasses import replace

from MedDeepRegSegLib.registration.settings import RegistrationSettings


def choose_settings(preset: str | None = None, **changes) -> RegistrationSettings:
    """Return the settings of a preset with some of them changed.

    Parameters
    ----------
    preset : str, optional
        One of :func:`MedDeepRegSegLib.registration.presets.preset_names`; the defaults without.
    **changes
        Fields of :class:`RegistrationSettings`; those that are None stay as the preset has them.

    Raises
    ------
    InputError
        If there is no such preset, or a value is not allowed.
    """
    settings = RegistrationSettings()
    if preset:
        from MedDeepRegSegLib.registration.presets import load_preset

        settings = load_preset(preset).settings
    return replace(settings, **{name: value for name, value in changes.items() if value is not None})

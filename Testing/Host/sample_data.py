"""Stand-in for the module ``SampleData``, written anew: keeps what is registered, downloads nothing."""

import slicer


class SampleDataSource:
    """One data set that users can load."""

    def __init__(self, **description):
        vars(self).update(description)


class SampleDataLogic:
    """Registers data sets."""

    @staticmethod
    def registerCustomSampleDataCategory(category, title=None, **_options):
        """Make a section for data sets."""
        slicer.modules.sampleDataSources.setdefault(category, [])

    @staticmethod
    def registerCustomSampleDataSource(  # noqa: PLR0917 (Slicer's signature)
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
        loadFileType=None,
    ):
        """Keep a data set under ``slicer.modules.sampleDataSources[category]``."""
        source = SampleDataSource(
            sampleName=sampleName,
            uris=_listed(uris),
            fileNames=_listed(fileNames),
            nodeNames=_listed(nodeNames),
            thumbnailFileName=thumbnailFileName,
            loadFileTypes=_listed(loadFileTypes or loadFileType),
            loadFiles=_listed(loadFiles),
            loadFileProperties=loadFileProperties,
            checksums=_listed(checksums),
            customDownloader=customDownloader,
        )
        registered = slicer.modules.sampleDataSources.setdefault(category, [])
        if all(_text(source) != _text(other) for other in registered):
            registered.append(source)


def _text(source) -> str:
    """Return a source in words: Slicer compares sources by these."""
    return "\n".join(f"{name}: {value}" for name, value in vars(source).items())


def _listed(value):
    if value is None:
        return []
    return [value] if isinstance(value, str | bool) else list(value)

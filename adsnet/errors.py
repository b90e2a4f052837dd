"""The errors that reach a person.

Every message is one sentence that says what is wrong, with which file, and what to do. The command line
prints it as ``adsnet: error: …`` and exits with 2; the window shows it as a notice. Anything else that is
raised is a bug.
"""

from __future__ import annotations

from pathlib import Path


class AdsnetError(Exception):
    """Base of all errors whose text is meant for the user."""


class FrameError(AdsnetError):
    """An image, page or video frame cannot be read."""


class UnknownFormatError(FrameError):
    """A file that is none of the known kinds and may hold raw values.

    Attributes:
        path: of the file, in a folder of them of the first.
    """

    def __init__(self, text: str, path: Path) -> None:
        super().__init__(text)
        self.path = path


class LabelError(AdsnetError):
    """A label mask cannot be read, written or matched to its frame."""


class DatasetError(AdsnetError):
    """A data set folder, split file or manifest is not usable."""


class ConfigError(AdsnetError):
    """A configuration holds an unknown key or a value out of range."""


class ModelFileError(AdsnetError):
    """A model file is damaged, foreign or made for another version."""


class EngineError(AdsnetError):
    """A sparse engine or compute device is not available."""


class TrainingError(AdsnetError):
    """Training cannot start or go on."""


class Interrupted(TrainingError):
    """Training was asked to stop before there was anything to keep."""


class StorageError(AdsnetError):
    """A file cannot be written; what was on disk before is unchanged."""

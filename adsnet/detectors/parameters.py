"""Parameters of the detectors that need no training: their ranges, their help texts and the check of their values.

Torch-free. A parameter is a dataclass field whose metadata hold ``least``, ``most`` (both allowed), ``odd`` and
``help``; what is a tuple holds one or more such values, each larger than the one before.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from adsnet.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def parameter(default: T, *, least: float, most: float, help: str, odd: bool = False) -> T:
    """A field of a dataclass with its range, for ``check_parameters``. ``odd`` is for whole numbers."""
    field: Any = dataclasses.field(default=default, metadata={"least": least, "most": most, "odd": odd, "help": help})
    return field  # type: ignore[no-any-return]  # in its instances the dataclass has a value of type T


def check_parameters(owner: DataclassInstance) -> None:
    """Refuse a value of a field made by ``parameter`` that is out of its range or of another type than its default.

    Raises:
        ConfigError: one sentence with the name, the value and what is allowed.
    """
    for field in dataclasses.fields(owner):
        if not field.metadata:
            continue
        value, least, most, odd = (getattr(owner, field.name), *(field.metadata[k] for k in ("least", "most", "odd")))
        example: Any = field.default
        many = isinstance(example, tuple)
        whole = isinstance(example[0] if many else example, int)
        kind = "an odd whole number" if odd else "a whole number" if whole else "a number"
        allowed = f"{kind} from {least:g} to {most:g}"
        if many and not (isinstance(value, tuple) and value and _ascending(value)):
            raise ConfigError(f"{field.name} is {value!r}; it must be a tuple of ascending numbers, each {allowed}")
        for one in value if many else (value,):
            if not (is_number(one, whole=whole) and least <= one <= most and (one % 2 or not odd)):
                raise ConfigError(f"{field.name} is {value!r}; {'each' if many else 'it'} must be {allowed}")


def is_number(value: object, *, whole: bool = False) -> bool:
    """A number of Python; True and False are none, and NaN is in no range."""
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _ascending(values: tuple[Any, ...]) -> bool:
    try:
        return all(a < b for a, b in zip(values, values[1:], strict=False))
    except TypeError:
        return False

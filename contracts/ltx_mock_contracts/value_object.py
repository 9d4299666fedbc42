"""The base of our value objects: immutable values with named fields."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, Never, dataclass_transform

if TYPE_CHECKING:
    from dataclasses import Field
    from inspect import Signature
    from typing import ClassVar

__all__ = ["ValueObject"]


class _DefaultFactory:
    """The default of a field that makes one, in a signature."""

    def __repr__(self) -> str:
        return "<factory>"


class _SignatureOfFields:
    """What `inspect.signature` and `help` show of a class, made when they ask."""

    def __get__(self, value: object, cls: type[ValueObject]) -> Signature:
        from inspect import Parameter, Signature  # noqa: PLC0415 - most programs do not ask

        parameters = []
        for item in fields(cls):
            default = item.default
            if default is MISSING:
                default = Parameter.empty if item.default_factory is MISSING else _DefaultFactory()
            parameters.append(Parameter(item.name, Parameter.KEYWORD_ONLY, default=default, annotation=item.type))
        return Signature(parameters, return_annotation=None)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class ValueObject:
    """A frozen dataclass whose values are given by name.

    `@dataclass` compiles six methods for each class, which takes a millisecond. The subclasses of this one share them.
    `__post_init__` may check or convert the values; it sets them in `vars(self)`.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    __signature__ = _SignatureOfFields()

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)

    def __init__(self, **values: Any) -> None:
        own = vars(self)
        for item in fields(self):
            if item.name in values:
                own[item.name] = values.pop(item.name)
            elif item.default is not MISSING:
                own[item.name] = item.default
            elif item.default_factory is not MISSING:
                own[item.name] = item.default_factory()
            else:
                raise TypeError(f"{type(self).__name__} needs {item.name}")
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")
        self.__post_init__()

    def __post_init__(self) -> None:
        pass

    def __repr__(self) -> str:
        named = (f"{item.name}={getattr(self, item.name)!r}" for item in fields(self) if item.repr)
        return f"{type(self).__qualname__}({', '.join(named)})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, item.name) == getattr(other, item.name) for item in fields(self) if item.compare)

    def __hash__(self) -> int:
        hashed = (item for item in fields(self) if (item.compare if item.hash is None else item.hash))
        return hash(tuple(getattr(self, item.name) for item in hashed))

    if not TYPE_CHECKING:  # for a type checker the fields are frozen already

        def __setattr__(self, name: str, value: object) -> Never:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")

        def __delattr__(self, name: str) -> Never:
            raise FrozenInstanceError(f"cannot delete field {name!r}")

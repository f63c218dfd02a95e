"""The class list: it belongs to the bundle, since each mill has its own catalogue of defects."""

import hashlib
import json
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

CLASS_NAME = r"^[\w.-]+$"
ClassName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=CLASS_NAME)]


class ClassList(BaseModel):
    """The classes in the order of the network's outputs, and which of them mean "no defect"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[ClassName, ...]
    clean: tuple[ClassName, ...]
    """Classes that are not defects; empty for a network that knows only defects."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.names) < 2:
            raise ValueError("a classifier needs at least two classes")
        if len(set(self.names)) != len(self.names):
            raise ValueError("two classes have the same name")
        if unknown := set(self.clean) - set(self.names):
            raise ValueError(f"clean classes that are not among the classes: {sorted(unknown)}")
        return self

    @property
    def digest(self) -> str:
        """Hex SHA-256 of names, order and clean classes: equal exactly when the lists are equal."""
        words = json.dumps([self.names, sorted(self.clean)], separators=(",", ":"))
        return hashlib.sha256(words.encode()).hexdigest()

    @property
    def defects(self) -> tuple[str, ...]:
        """The classes that are defects, in the network's order."""
        return tuple(name for name in self.names if name not in self.clean)

    @property
    def clean_indices(self) -> tuple[int, ...]:
        """Positions of the clean classes in the network's output."""
        return tuple(i for i, name in enumerate(self.names) if name in self.clean)

    def __len__(self) -> int:
        return len(self.names)

"""What every section of the config is made of."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from edge.config.explain import two

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME)]
Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
TWO = BeforeValidator(two)
"""Of a list that has a first and a second number."""


class Section(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

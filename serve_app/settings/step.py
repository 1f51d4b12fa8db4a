"""A group of settings, and how the keys that are given meet its defaults."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Step(BaseModel):
    """A group of settings; unknown keys are an error, docstrings under fields are their description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _lay_over_defaults(cls, values: Any) -> Any:
        """Keep the step's own defaults beside the keys that are given: a scaling block differs from step to step."""
        if not isinstance(values, dict):
            return values
        defaults = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Step)}
        nested = {name: default for name, default in defaults.items() if isinstance(values.get(name), dict)}
        return {**values, **{name: {**default.model_dump(), **values[name]} for name, default in nested.items()}}

"""What an API answers, as classes: what is not looked at is passed over, and what has another form is an error that says so."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from memory.errors import SourceError


class Shape(BaseModel):
    """A value of an API, as far as it is looked at; ids that are numbers are texts as well."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True)


_S = TypeVar("_S", bound=Shape)


def shaped(kind: type[_S], value: Any, product: str, hint: str) -> _S:
    """A value of an API as one of its classes.

    :param product: whose API it is, and `hint` what to check where it is not.
    :raises SourceError: where it has another form.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise SourceError(
            f"The server answers no {kind.__name__.lower()} as {product} has it: {first or 'it'} is not understood.",
            hint=hint,
        ) from None

"""People and groups of a file: a table, or cards."""

from dataclasses import replace
from pathlib import Path

from connectors.base import OUT_OF_REACH, SourceConfig
from connectors.people_file.cards import Cards
from connectors.people_file.table import decoded, read_table
from memory.errors import InvalidInput, SourceError
from memory.people.directory import Told

MOST_BYTES = 200_000_000


class PeopleFile:
    """People and groups of a CSV table or of vCards, as a directory: who is in it no more has left.

    The location is a ``.csv`` or ``.vcf`` file, or a folder of ``.vcf`` files.

    :raises InvalidInput: where it names neither.
    """

    kind = "people"
    reads_files_of_others = True

    def __init__(self, config: SourceConfig) -> None:
        config.only()
        if not config.location or "\0" in config.location:
            raise InvalidInput(
                "A people source needs the path of a .csv or .vcf file, or of a folder of cards."
            )
        self._path = Path(config.location).absolute()

    def check(self) -> str:
        """Say how many people and groups there are.

        :raises SourceError: where the file cannot be read or understood.
        """
        told = self.people()
        active = sum(each.active for each in told.people)
        return f"{self._path.name} has {active:,} people in {len(told.groups):,} groups."

    def people(self) -> Told:
        """Everybody and every group.

        :raises SourceError: where the file cannot be read or understood to its end.
        """
        try:
            if self._path.is_dir():
                return self._cards(
                    sorted(each for each in self._path.iterdir() if each.suffix.lower() == ".vcf")
                )
            if self._path.suffix.lower() in (".vcf", ".vcard"):
                return self._cards([self._path])
            return replace(read_table(self._text(self._path)), whole=True)
        except InvalidInput as error:
            raise SourceError(error.message, hint=error.hint) from error

    def _cards(self, files: list[Path]) -> Told:
        cards = Cards()
        for each in files:
            cards.take(self._text(each), each.name)
        return cards.told()

    def _text(self, file: Path) -> str:
        try:
            if file.stat().st_size > MOST_BYTES:
                raise SourceError(f"{file.name} is larger than {MOST_BYTES // 1_000_000} MB.")
            return decoded(file.read_bytes())
        except OSError as error:
            raise SourceError(
                f"{file} cannot be read: {error.strerror or error}.", hint=OUT_OF_REACH
            ) from error

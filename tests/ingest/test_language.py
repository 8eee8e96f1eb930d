"""Which language a text is in, told from what it says and never from where it lies."""

import pytest

from ingest.language import MIN_LETTERS, detect_language, language_of

SAID = {
    "en": "The supplier repairs the pump within ten working days after the defect was reported in writing.",
    "de": "Der Lieferant repariert die Pumpe innerhalb von zehn Werktagen, nachdem der Mangel schriftlich gemeldet wurde.",
    "fr": "Le fournisseur répare la pompe dans les dix jours ouvrables après la notification écrite du défaut.",
    "da": "Leverandøren reparerer pumpen inden for ti hverdage, efter at fejlen er blevet anmeldt skriftligt.",
    "es": "El proveedor repara la bomba en un plazo de diez días hábiles después de la notificación del defecto.",
    "it": "Il fornitore ripara la pompa entro dieci giorni lavorativi dopo la segnalazione scritta del difetto.",
    "nl": "De leverancier herstelt de pomp binnen tien werkdagen nadat het gebrek schriftelijk is gemeld.",
    "sv": "Leverantören reparerar pumpen inom tio arbetsdagar efter att felet har anmälts skriftligen.",
}


@pytest.mark.parametrize("code", SAID)
def test_a_sentence_is_enough(code: str) -> None:
    assert detect_language(SAID[code]) == code


@pytest.mark.parametrize("text", ["", "12 345,67", "Pump P-12", "a" * (MIN_LETTERS - 1), "= " * 400])
def test_too_little_has_no_language(text: str) -> None:
    assert detect_language(text) == ""


def test_a_title_that_could_be_in_two_languages_has_none() -> None:
    # Four words of Latin: French is likelier, and wrong.
    assert detect_language("Automatic calibration of pressure transmitters") == ""


def test_most_of_a_document_decides() -> None:
    quoted = [SAID["en"]] + [SAID["da"]] * 8
    assert language_of(quoted) == "da"
    # A long annex in another language at the very beginning does not decide for the rest.
    assert language_of([SAID["en"]] * 10 + [SAID["de"]] * 200) == "de"
    assert language_of(["Part", "12", "Store"] * 50) == ""

"""What a column's name says about it, in English, German, French, Spanish, Italian, Portuguese and Dutch."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


IDENTIFIER = _set(
    """
    name surname forename firstname lastname fullname middlename maidenname username login nickname
    nachname vorname familienname benutzername nom prenom nomdefamille apellido apellidos nombre nombres cognome
    nomecompleto sobrenome apelido naam voornaam achternaam email mail e-mail correo courriel phone telephone tel
    telefon telefono telefoon telefone mobile handy mobil fax ssn bsn nino nhs passport reisepass pasaporte passeport
    paspoort personnummer dni nie nif cpf curp codicefiscale rijksregisternummer sozialversicherungsnummer steuernummer
    iban konto kontonummer creditcard cardnumber licenceplate licenseplate plate kennzeichen address adresse anschrift
    adres direccion indirizzo endereco street strasse straat calle rue via url website homepage ip ipaddress uuid guid
    """
)
"""Words that name somebody by themselves."""

NUMBERED = _set(
    """
    id ids nr number num no key code ref reference nummer numero identifier kennung
    """
)
"""Words that name somebody where nearly every row has its own value."""

QUASI = _set(
    """
    age alter edad eta idade leeftijd birth birthday birthdate birthyear dob born geburt geburtsdatum geburtsjahr
    geburtstag naissance nacimiento nascita nascimento geboorte geboortedatum geboortejaar sex gender geschlecht sexe
    sexo sesso geslacht zip zipcode postcode postal plz postleitzahl codepostal codigopostal cap city town municipality
    stadt ort gemeinde ville ciudad citta cidade stad plaats region district county province state bundesland country
    land pays pais paese nationality nationalitaet nationalite nacionalidad nationaliteit citizenship race ethnicity
    ethnic herkunft marital civil familienstand education degree school bildung occupation profession job beruf
    metier profesion professione beroep employer workclass industry sector nace naics sic language sprache langue height
    household children relationship latitude longitude lat lon lng visit admission discharge date datum fecha data
    year jahr annee ano anno jaar location locations branch filiale
    """
)
"""Words for what neighbours, colleagues or public registers know."""

POSTCODE = _set(
    """
    zip zipcode postcode postal plz postleitzahl codepostal codigopostal cap
    """
)

SENSITIVE = _set(
    """
    diagnosis diagnose diagnoses diagnosen diagnostic diagnostico diagnosi diag diags dx disease illness krankheit maladie
    enfermedad malattia ziekte aandoening pathology pathologie comorbidity icd icd9 icd10 icd11 condition symptom treatment
    therapy medication drug prescription hiv disability behinderung handicap pregnancy
    genetic genome mental income salary wage wages pay earnings lohn gehalt einkommen salaire revenu ingreso ingresos
    salario stipendio reddito inkomen salaris wealth debt loan balance credit religion religious faith belief glaube
    konfession political politics vote union gewerkschaft orientation crime criminal conviction offence arrest verdict
    violation grade mark result outcome churn default fraud score rating
    """
)
"""Words for what people do not want known, among them the special categories of GDPR article 9."""

_SENSITIVE_PARTS = ("diagnos",)


def words_of(name: str) -> tuple[str, ...]:
    """`PatientBirth_date` gives patient, birth, date, and every two neighbours joined: patientbirth, birthdate."""
    ascii_name = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", ascii_name)
    words = [word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word]
    joined = ["".join(pair) for pair in pairwise(words)]
    return (*words, *joined)


def named(name: str, known: frozenset[str]) -> str:
    """The first word of a column's name that is among `known`, or nothing; a compound such as `hoofddiagnose` is sensitive."""
    parts = _SENSITIVE_PARTS if known is SENSITIVE else ()
    return next((word for word in words_of(name) if word in known or any(part in word for part in parts)), "")

"""What a field's name says about its values: money, a time, a person.

Names are read by words (`unitPriceEUR` and `unit_price_eur` alike), so that `format` is no time and `department` no
rent. As in English the last noun decides: `order_total` is money, `total_distance` is not, `email_verified` is no
address. What follows a preposition and what only says the unit or the currency is left out first.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")  # digits number names, they name nothing
_PREPOSITIONS: Final = _listed("after before excl excluding for in incl including of per with without")

_MONEY: Final = _listed(
    """
    amount balance budget commission cost deposit discount expense fare fee income money payment payout price proceeds
    profit refund rent revenue salary subtotal surcharge tax total vat wage
    """
)
_MONEY_QUALIFIERS: Final = _listed(
    """
    aud brl cad chf cny czk dkk eur gbp huf inr jpy krw mxn nok nzd pln sek sgd try usd zar cent dollar euro major minor
    charged current due gross net original owed paid previous refunded value
    """
)
_OTHER_MEASURES: Final = _listed(  # an amount or a total of these is no money
    """
    area capacity consumption count distance duration energy fuel hour kg km kwh length liter litre mass mile minute
    oxygen point power quantity rain rainfall score second time volume water weight
    """
)

_TIMES: Final = _listed("date dates datetime deadline epoch expiry instant time timestamp timestamps ts")
_DAYS: Final = _listed("birthdate birthday date dates dob")
_TIME_PHRASES: Final = _listed(
    """
    time-stamp valid-from valid-to valid-until created-on modified-on updated-on
    last-login last-modified last-seen last-updated
    """
)
_BEFORE_TIME_A_DURATION: Final = _listed(  # response_time is how long, departure_time is when
    """
    average avg busy compute cooking cpu cycle down dwell elapsed execution flight gap handling idle latency lead life
    load max maximum mean min minimum overall play playing prep preparation processing queue reaction real remaining
    render response round run running screen service session sleep spent total transit travel trip turnaround up wait
    waiting walk watch work working
    """
)
_UNITS: Final = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "seconds"),
    **dict.fromkeys(("ms", "msec", "milli", "millis", "milliseconds"), "millis"),
    **dict.fromkeys(("us", "usec", "micro", "micros", "microseconds"), "micros"),
    **dict.fromkeys(("ns", "nsec", "nano", "nanos", "nanoseconds"), "nanos"),
}
_ZONES: Final = _listed("gmt local unix utc")

_PERSONAL: Final = _listed(
    """
    email e-mail email-id phone telephone mobile fax msisdn
    first-name last-name given-name family-name middle-name maiden-name full-name user-name nick-name
    firstname lastname fullname surname forename username nickname
    customer-name contact-name recipient-name holder-name cardholder cardholder-name patient-name employee-name
    passenger-name guest-name person-name
    address address-line street street-name house-number postal-code post-code postcode zip-code zipcode
    ip ipv ipaddress iban bank-account account-number card-number credit-card cvc cvv
    ssn social-security national-id national-insurance passport tax-id tax-number
    driver-license driver-licence driving-license driving-licence license-plate licence-plate
    birth birthdate birthday dob gender sex religion ethnicity nationality marital-status sexual-orientation
    blood-type diagnosis
    """
)
_PERSONAL_QUALIFIERS: Final = _listed(
    "alternate city date day home line month no number place primary raw secondary text value work year"
)
_IMPERSONAL_ADDRESSES: Final = _listed(
    "base bind broker bus contract host memory register return server service start token virtual"
)


def words(name: str) -> tuple[str, ...]:
    """Return the words of a snake_case or camelCase name in lower case, without digits."""
    return tuple(word.lower() for word in _WORD.findall(name))


def is_money(name: str) -> bool:
    """Say whether a number of this name is an amount of money."""
    parts = _without_last(_subject(_singulars(name)), _MONEY_QUALIFIERS)
    if not parts or parts[-1] not in _MONEY:
        return False
    return not _OTHER_MEASURES.intersection(parts)


def time_types(name: str, kind: Literal["int", "long"]) -> tuple[str, ...]:
    """Return the logical types that a number of this name may mean, the likeliest first; none if it is no time."""
    parts, unit = _time_and_unit(name)
    if not _names_a_time(parts):
        return ()
    if parts[-1] in _DAYS:
        return ("date",) if kind == "int" else ("timestamp-millis", "date")
    if kind == "int":
        return ("time-millis", "timestamp-millis") if parts[-1] == "time" else ("timestamp-millis",)
    if unit in {"micros", "nanos"}:
        return (f"timestamp-{unit}",)
    return ("timestamp-millis",) if unit else ("timestamp-millis", "timestamp-micros")


def counts_seconds(name: str) -> bool:
    """Say whether a time of this name is in seconds, for which there is no logical type."""
    return _time_and_unit(name)[1] == "seconds"


def is_personal(name: str) -> bool:
    """Say whether values of this name tell who a person is, or something about one."""
    parts = _singulars(name)
    if parts[-1:] == ("address",) and _IMPERSONAL_ADDRESSES.intersection(parts):
        return False
    while parts:
        if _PERSONAL.intersection({parts[-1], "-".join(parts[-2:])}):
            return True
        if parts[-1] not in _PERSONAL_QUALIFIERS:
            return False
        parts = parts[:-1]
    return False


def _time_and_unit(name: str) -> tuple[tuple[str, ...], str | None]:
    parts = _subject(words(name))
    time = _without_last(parts, _ZONES.union(_UNITS))
    return time, next((_UNITS[part] for part in parts[len(time) :] if part in _UNITS), None)


def _names_a_time(parts: tuple[str, ...]) -> bool:
    match parts:
        case (*_, first, last) if f"{first}-{last}" in _TIME_PHRASES or last == "at":
            return True
        case (*_, qualifier, "time"):
            return qualifier not in _BEFORE_TIME_A_DURATION
        case (*_, last):
            return last in _TIMES or last in _DAYS
        case _:
            return False


def _singulars(name: str) -> tuple[str, ...]:
    return tuple(_singular(word) for word in words(name))


def _singular(word: str) -> str:
    if word.endswith(("ss", "us", "sis", "proceeds")):
        return word
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("s", "")):
        if word.endswith(ending):
            return word.removesuffix(ending) + singular
    return word


def _subject(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return what stands before the first preposition: the price of `price_per_unit`."""
    ends = [index for index, part in enumerate(parts) if part in _PREPOSITIONS and index > 0]
    return parts[: ends[0]] if ends else parts


def _without_last(parts: tuple[str, ...], qualifiers: Iterable[str]) -> tuple[str, ...]:
    while parts and parts[-1] in qualifiers:
        parts = parts[:-1]
    return parts

"""Which names are money, times, personal data, and which only look like it."""

import pytest

from codegen.checks.field_names import counts_seconds, is_money, is_personal, time_types, words

MONEY = """
amount total price cost fee tax balance money rent salary discount subtotal
unit_price unitPrice order_total orderTotal total_amount amount_total price_usd priceUSD amount_eur_gross
grand_total total_paid price_per_unit cost_of_goods price_before_tax taxes fees salaries shippingCosts prices amount2
"""
NO_MONEY = """
department tax_rate price_ratio tax_percentage discount_rate cost_factor total_distance total_weight_kg total_seconds
rainfall_amount fuel_total score_total totality parent different coffee costume priceless feed taxi taxonomy
temperature currency width latitude value state_of_charge
"""


@pytest.mark.parametrize("name", MONEY.split())
def test_name_is_money(name: str) -> None:
    assert is_money(name)


@pytest.mark.parametrize("name", NO_MONEY.split())
def test_name_is_no_money(name: str) -> None:
    assert not is_money(name)


TIMES = {  # name: what a long, and what an int of that name may be
    "created_at": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "createdAt": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "event_time": (("timestamp-millis", "timestamp-micros"), ("time-millis", "timestamp-millis")),
    "time": (("timestamp-millis", "timestamp-micros"), ("time-millis", "timestamp-millis")),
    "timestamp": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "timeStamp": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "ts": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "timestamp_ms": (("timestamp-millis",), ("timestamp-millis",)),
    "eventTimeMillis": (("timestamp-millis",), ("time-millis", "timestamp-millis")),
    "created_at_micros": (("timestamp-micros",), ("timestamp-millis",)),
    "published_at_ns_utc": (("timestamp-nanos",), ("timestamp-millis",)),
    "updated_at_seconds": (("timestamp-millis",), ("timestamp-millis",)),
    "valid_until": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "lastSeen": (("timestamp-millis", "timestamp-micros"), ("timestamp-millis",)),
    "order_date": (("timestamp-millis", "date"), ("date",)),
    "orderDate": (("timestamp-millis", "date"), ("date",)),
    "date": (("timestamp-millis", "date"), ("date",)),
    "date_of_birth": (("timestamp-millis", "date"), ("date",)),
    "birthday": (("timestamp-millis", "date"), ("date",)),
}
NO_TIMES = """
format platform data at cat candidate update updates mandate float flat latitude times retry_times number_of_times
timeout time_zone timezone time_to_live_hint runtime uptime lifetime date_count timestamp_format
response_time response_time_ms elapsed_time processingTimeMillis wait_time lead_time total_time cpu_time_ns
duration_ms latency_us attempts parts rate_at_close version sequence offset
"""


@pytest.mark.parametrize(("name", "expected"), TIMES.items())
def test_name_is_a_time(name: str, expected: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    assert (time_types(name, "long"), time_types(name, "int")) == expected


@pytest.mark.parametrize("name", NO_TIMES.split())
def test_name_is_no_time(name: str) -> None:
    assert not time_types(name, "long")
    assert not time_types(name, "int")


@pytest.mark.parametrize("name", ["created_at_seconds", "createdAtSec", "event_time_s"])
def test_time_in_seconds(name: str) -> None:
    assert counts_seconds(name)


@pytest.mark.parametrize("name", ["created_at", "created_at_ms", "second_date", "items"])
def test_time_in_another_unit(name: str) -> None:
    assert not counts_seconds(name)


PERSONAL = """
email e_mail eMail emails customer_email emailAddress email_address_2 phone phone_number phoneNo mobile_number telephone
first_name firstName lastname surname full_name username customer_name cardholder_name
birth_date birthDate date_of_birth dob birthday place_of_birth
address shipping_address billingAddress address_line_1 addresses home_address street postal_code zipCode house_number
ip ip_address client_ip IPAddress ipv4_address iban customer_iban bank_account_number card_number credit_card
ssn social_security_number national_id passport_number passport_no tax_id license_plate
gender nationality marital_status diagnosis
"""
IMPERSONAL = """
email_count email_verified email_sent_at emailing phone_type headphones microphones address_id addressee
memory_address server_address contractAddress bind_address file_name product_name name display_name hostname
ship tip zip zipper description session assn business_unit customer_id order_id user_agent birth_rate
passport_country country city genderless unisex cards mobility telephoned streetcar
"""


@pytest.mark.parametrize("name", PERSONAL.split())
def test_name_is_of_personal_data(name: str) -> None:
    assert is_personal(name)


@pytest.mark.parametrize("name", IMPERSONAL.split())
def test_name_is_not_of_personal_data(name: str) -> None:
    assert not is_personal(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("unit_price", ("unit", "price")),
        ("unitPriceEUR", ("unit", "price", "eur")),
        ("IPAddress", ("ip", "address")),
        ("line2Total", ("line", "total")),
        ("HTML", ("html",)),
        ("_private__name_", ("private", "name")),
        ("__1", ()),
    ],
)
def test_names_are_split_into_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected
    assert (is_money("__1"), time_types("__1", "long"), is_personal("__1")) == (False, (), False)

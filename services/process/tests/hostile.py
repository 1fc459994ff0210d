"""Requests that nobody should send, one a line: to which services (o, p, i), what, and the status that is right.

``body`` is sent as JSON text where it is no bytes; ``{order}`` is an order that exists, ``{nobody}`` an id that nobody has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

NOBODY = "01935a2b-0000-7000-8000-000000000001"
CUP = '{"name": "n", "unit_price_minor": 1, "currency": "EUR", "on_hand": 1}'
ORDER = '{"customer_id": "c", "currency": "EUR", "payment_method": "t", "lines": [{"sku": "cup", "quantity": 1}]}'
DEEP = b"[" * 100_000
JSON = "application/json"


@dataclass(frozen=True)
class Hostile:
    """A request, and the status of its answer."""

    services: str
    request: str
    status: int
    body: bytes | str | None = None
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    content_type: str | None = JSON


def order(**changed: str) -> str:
    """An order with fields replaced by JSON text."""
    fields = {"customer_id": '"c"', "currency": '"EUR"', "payment_method": '"t"', "lines": LINES} | changed
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


def product(**changed: str) -> str:
    """A product with fields replaced by JSON text."""
    fields = {"name": '"n"', "unit_price_minor": "1", "currency": '"EUR"', "on_hand": "1"} | changed
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


def line(quantity: str = "1", sku: str = '"cup"', more: str = "") -> str:
    """An order of one line."""
    return order(lines=f'[{{"sku": {sku}, "quantity": {quantity}{more}}}]')


LINES = '[{"sku": "cup", "quantity": 1}]'
POST, BATCH, PUT, PRODUCTS, ADJUST = (
    "POST /orders", "POST /orders/batch", "PUT /products/new", "POST /products/batch", "POST /products/cup/adjustments",
)  # fmt: skip
KEY = {"Idempotency-Key": "k"}
MORE = '{"delta": 1, "reason": "r"}'
ENCODED = {"Content-Encoding": "gzip"}

PATHS = [
    Hostile("opi", "GET /", 404),
    Hostile("opi", "GET /nowhere", 404),
    Hostile("opi", "GET /%00", 404),
    Hostile("opi", "GET /%FF%FE", 404),
    Hostile("opi", "GET /..%2f..%2fetc%2fpasswd", 404),
    Hostile("opi", "GET //healthz", 404),
    Hostile("opi", "GET /healthz/", 404),
    Hostile("opi", "GET /HEALTHZ", 404),
    Hostile("opi", f"GET /{'a' * 20_000}", 404),
    Hostile("opi", "GET /dead-letters/", 404),
    Hostile("opi", "GET /dead-letters/x", 404),
    Hostile("opi", f"GET /dead-letters/{NOBODY}", 404),
    Hostile("opi", f"GET /dead-letters/{NOBODY}%00", 404),
    Hostile("opi", f"GET /dead-letters/%7B{NOBODY}%7D", 404),
    Hostile("opi", f"GET /dead-letters/{NOBODY.replace('-', '')}", 404),
    Hostile("opi", f"GET /dead-letters/{NOBODY}/redrive", 404),
    Hostile("o", "GET /orders/", 404),
    Hostile("o", "GET /orders/x", 404),
    Hostile("o", "GET /orders/batch", 404),
    Hostile("o", f"GET /orders/{NOBODY}", 404),
    Hostile("o", f"GET /orders/{NOBODY}/timeline", 404),
    Hostile("o", f"GET /orders/{NOBODY}/events", 404),
    Hostile("o", f"GET /orders/urn:uuid:{NOBODY}", 404),
    Hostile("o", f"GET /orders/{NOBODY[:-1]}%C2%B2", 404),
    Hostile("o", f"GET /orders/{NOBODY[:-1]}%EF%BC%91", 404),
    Hostile("o", "GET /orders/%27%20OR%20%271%27=%271", 404),
    Hostile("o", "GET /orders/x/events", 404),
    Hostile("o", "GET /orders/x/timeline", 404),
    Hostile("o", f"GET /orders/{NOBODY}/nothing", 404),
    Hostile("oi", "GET /products/nothing", 404),
    Hostile("oi", "GET /products/a%00b", 404),
    Hostile("oi", "GET /products/%F0%9F%98%80", 404),
    Hostile("oi", "GET /products/a%2Fb", 404),
    Hostile("oi", f"GET /products/{'s' * 10_000}", 404),
    Hostile("p", "GET /payments", 404),
    Hostile("p", "GET /payments/x", 404),
    Hostile("p", f"GET /payments/{NOBODY}", 404),
    Hostile("p", "GET /payments/a%00b", 404),
    Hostile("p", f"GET /payments/{NOBODY}/refund", 404),
    Hostile("i", "GET /products/cup/nothing", 404),
]

METHODS = [
    Hostile("opi", "POST /healthz", 405),
    Hostile("opi", "DELETE /metrics", 405),
    Hostile("opi", "PUT /readyz", 405),
    Hostile("opi", "POST /dead-letters", 405),
    Hostile("opi", f"DELETE /dead-letters/{NOBODY}", 405),
    Hostile("opi", "TRACE /healthz", 405),
    Hostile("opi", "PROPFIND /healthz", 405),
    Hostile("opi", "HEAD /dead-letters", 405),
    Hostile("o", "DELETE /orders", 405),
    Hostile("o", "PATCH /orders", 405),
    Hostile("o", "OPTIONS /orders", 405),
    Hostile("o", "PUT /orders/batch", 405),
    Hostile("o", f"DELETE /orders/{NOBODY}", 405),
    Hostile("o", f"POST /orders/{NOBODY}", 405),
    Hostile("o", f"POST /orders/{NOBODY}/events", 405),
    Hostile("o", "PUT /products/cup", 405),
    Hostile("p", f"POST /payments/{NOBODY}", 405),
    Hostile("i", "DELETE /products/cup", 405),
    Hostile("i", "PATCH /products/cup", 405),
    Hostile("i", "GET /products/cup/adjustments", 405),
    Hostile("i", "DELETE /products/batch", 405),
]

QUERIES = [
    Hostile("opi", "GET /dead-letters?limit=-1", 422),
    Hostile("opi", "GET /dead-letters?limit=0", 422),
    Hostile("opi", "GET /dead-letters?limit=501", 422),
    Hostile("opi", "GET /dead-letters?limit=1e2", 422),
    Hostile("opi", f"GET /dead-letters?limit={'9' * 5_000}", 422),
    Hostile("opi", "GET /dead-letters?limit=", 422),
    Hostile("opi", "GET /dead-letters?limit=%00", 422),
    Hostile("opi", "GET /dead-letters?limit=1&limit=x", 422),
    Hostile("opi", "GET /dead-letters?limit=x&limit=1", 200),
    Hostile("opi", "GET /dead-letters?unknown=%00%FF", 200),
    Hostile("opi", "GET /dead-letters?state=OPEN", 422),
    Hostile("opi", "GET /dead-letters?state=open%00", 422),
    Hostile("opi", "GET /dead-letters?order_id=x", 422),
    Hostile("opi", "GET /dead-letters?reason='%20OR%201=1", 422),
    Hostile("opi", f"GET /dead-letters?reason={'A' * 65}", 422),
    Hostile("opi", "GET /dead-letters?cursor=", 422),
    Hostile("opi", "GET /dead-letters?cursor=%00", 422),
    Hostile("opi", "GET /dead-letters?cursor=AAAA", 422),
    Hostile("opi", f"GET /dead-letters?cursor={'A' * 201}", 422),
    Hostile("opi", "GET /dead-letters?cursor=OTk5OTk5LTAxLTAxVDAwOjAwOjAwKzAwOjAwIHg", 422),
    Hostile("o", "GET /orders?limit=-1", 422),
    Hostile("o", "GET /orders?limit=501", 422),
    Hostile("o", "GET /orders?limit=NaN", 422),
    Hostile("o", "GET /orders?limit=1_0", 200),
    Hostile("o", "GET /orders?limit=%EF%BC%91", 422),
    Hostile("o", "GET /orders?status=pending", 422),
    Hostile("o", "GET /orders?status=", 422),
    Hostile("o", "GET /orders?status=PENDING&status=LOST", 422),
    Hostile("o", "GET /orders?customer_id=", 422),
    Hostile("o", "GET /orders?customer_id=%00", 422),
    Hostile("o", f"GET /orders?customer_id={'c' * 129}", 422),
    Hostile("o", "GET /orders?customer_id=%ED%A0%80", 200),
    Hostile("o", "GET /orders?cursor=x", 422),
    Hostile("o", f"GET /orders?cursor={NOBODY.replace('-', '')}", 422),
    Hostile("o", f"GET /orders?cursor={NOBODY}%00", 422),
    Hostile("o", f"GET /orders?cursor=%7B{NOBODY}%7D", 422),
    Hostile("oi", "GET /products?cursor=%00", 422),
    Hostile("oi", "GET /products?cursor=a%20b", 422),
    Hostile("oi", f"GET /products?cursor={'s' * 65}", 422),
    Hostile("oi", "GET /products?cursor=", 422),
    Hostile("oi", "GET /products?limit=0", 422),
    Hostile("oi", "GET /products?limit=1001", 422),
    Hostile("oi", "GET /products?&&&=&==&%", 200),
]

HEADERS = [
    Hostile("o", POST, 422, ORDER, {"Idempotency-Key": ""}),
    Hostile("o", POST, 422, ORDER, {"Idempotency-Key": "k" * 256}),
    Hostile("o", POST, 422, ORDER, {"Idempotency-Key": b"\xc3\xa9"}),
    Hostile("o", POST, 422, ORDER, {"Idempotency-Key": b"a\tb"}),
    Hostile("o", POST, 422, ORDER, {"Idempotency-Key": b"a\x7fb"}),
    Hostile("o", POST, 415, ORDER, KEY, content_type="text/plain"),
    Hostile("o", POST, 415, ORDER, content_type="application/x-www-form-urlencoded"),
    Hostile("o", POST, 415, ORDER, content_type="multipart/form-data"),
    Hostile("o", POST, 415, ORDER, content_type="application/jsonx"),
    Hostile("o", POST, 415, ORDER, content_type="\xff"),
    Hostile("o", POST, 415, ORDER, content_type=None),
    Hostile("o", POST, 415, b"\x1f\x8b\x08\x00", ENCODED),
    Hostile("o", POST, 415, ORDER, {"Content-Encoding": "br, gzip"}),
    Hostile("o", BATCH, 415, "{}", ENCODED),
    Hostile("o", BATCH, 415, f'{{"orders": [{ORDER}]}}', content_type="text/json"),
    Hostile("o", f"GET /orders/{NOBODY}", 404, headers={"Prefer": "wait=60"}),
    Hostile("o", f"GET /orders/{NOBODY}", 404, headers={"Prefer": "wait=-1, wait=99999999999999999999"}),
    Hostile("o", f"GET /orders/{NOBODY}", 404, headers={"Prefer": b"wait=\xff\xfe"}),
    Hostile("o", "GET /orders/{order}", 200, headers={"Prefer": "wait=0"}),
    Hostile("o", "GET /orders/{order}", 200, headers={"Prefer": 'wait="'}),
    Hostile("o", "GET /orders/{order}", 200, headers={"Prefer": "wait=" + "9" * 5_000}),
    Hostile("o", "GET /orders/{order}", 200, headers={"Prefer": "," * 10_000}),
    Hostile("o", "GET /orders/{order}/events", 422, headers={"Last-Event-ID": "x"}),
    Hostile("o", "GET /orders/{order}/events", 422, headers={"Last-Event-ID": "-1"}),
    Hostile("o", "GET /orders/{order}/events", 422, headers={"Last-Event-ID": "1.5"}),
    Hostile("o", "GET /orders/{order}/events", 422, headers={"Last-Event-ID": "9" * 19}),
    Hostile("o", "GET /orders/{order}/events", 422, headers={"Last-Event-ID": b"\xb2"}),
    Hostile("o", f"GET /orders/{NOBODY}/events", 404, headers={"Last-Event-ID": "1"}),
    Hostile("i", ADJUST, 422, MORE),
    Hostile("i", ADJUST, 422, MORE, {"Idempotency-Key": "k" * 256}),
    Hostile("i", ADJUST, 422, MORE, {"Idempotency-Key": b"\xff"}),
    Hostile("i", ADJUST, 415, MORE, KEY, content_type="text/plain"),
    Hostile("i", PUT, 415, CUP, content_type=None),
    Hostile("i", PUT, 415, CUP, ENCODED),
    Hostile("i", PRODUCTS, 415, "{}", {"Content-Encoding": "deflate"}),
    Hostile("opi", "GET /healthz", 200, headers={"Accept": "application/xml"}),
    Hostile("opi", "GET /healthz", 200, headers={"X": "x" * 50_000}),
    Hostile("opi", "GET /nowhere", 404, headers={"Host": "["}),
    Hostile("opi", "DELETE /healthz", 405, headers={"Host": "[::1"}),
    Hostile("opi", "GET /nowhere", 404, headers={"Host": ""}),
    Hostile("opi", "GET /nowhere", 404, headers={"traceparent": b"\xff" * 100}),
    Hostile("opi", "GET /nowhere", 400, headers={"Content-Length": "-1"}),
    Hostile("opi", "GET /nowhere", 400, headers={"Content-Length": "1, 1"}),
    Hostile("opi", "GET /nowhere", 413, headers={"Content-Length": "9" * 5_000}),
]

BODIES = [
    *(
        Hostile("o", request, 422, body)
        for request in (POST, BATCH)
        for body in (b"", b" ", b"{", b"[]", b"null", b"true", b"0", b'"text"', b"NaN", b"\xff\xfe", b"\xef\xbb\xbf{}", DEEP)
    ),
    *(
        Hostile("i", request, 422, body)
        for request in (PUT, PRODUCTS)
        for body in (b"", b"{", b"[]", b"null", b"1e400", b"Infinity", b"\x00", b"\xed\xa0\x80", b'{"a":' * 50_000)
    ),
    Hostile("o", POST, 422, b"\xef\xbb\xbf" + order(lines="[]").encode()),
    Hostile("o", POST, 422, order(lines="[]").encode("utf-16")),
    Hostile("o", POST, 422, ORDER + ORDER),
    Hostile("o", POST, 422, ORDER[:-1] + ', "lines": []}'),
    Hostile("o", POST, 422, ORDER[:-1] + ', "customer_id": 7}'),
    Hostile("o", POST, 422, ORDER[:-1] + ', "extra": 1}'),
    Hostile("o", POST, 422, ORDER[:-1] + ', "\\ud800": 1}'),
    Hostile("o", POST, 422, ORDER[:-1] + ', "__proto__": {}}'),
    Hostile("o", POST, 422, order(customer_id='"\\ud800"')),
    Hostile("o", POST, 422, order(customer_id='"\\u0000"')),
    Hostile("o", POST, 422, order(customer_id='""')),
    Hostile("o", POST, 422, order(customer_id=f'"{"c" * 129}"')),
    Hostile("o", POST, 422, order(customer_id="7")),
    Hostile("o", POST, 422, order(customer_id="{}")),
    Hostile("o", POST, 422, order(customer_id="[]")),
    Hostile("o", POST, 422, order(currency='"eur"')),
    Hostile("o", POST, 422, order(currency='"EUR\\n"')),
    Hostile("o", POST, 422, order(currency='"\\u0415UR"')),
    Hostile("o", POST, 422, order(currency='"XXX"')),
    Hostile("o", POST, 422, order(currency="null")),
    Hostile("o", POST, 422, order(payment_method='"a b"')),
    Hostile("o", POST, 422, order(payment_method='"\\r\\n"')),
    Hostile("o", POST, 422, order(payment_method=f'"{"t" * 65}"')),
    Hostile("o", POST, 422, order(payment_method="true")),
    Hostile("o", POST, 422, order(lines="[]")),
    Hostile("o", POST, 422, order(lines="{}")),
    Hostile("o", POST, 422, order(lines='"cup"')),
    Hostile("o", POST, 422, order(lines="[null]")),
    Hostile("o", POST, 422, order(lines="[[]]")),
    Hostile("o", POST, 422, order(lines="[" + ", ".join([LINES[1:-1]] * 201) + "]")),
    Hostile("o", POST, 422, line("0")),
    Hostile("o", POST, 422, line("-1")),
    Hostile("o", POST, 422, line("1.0")),
    Hostile("o", POST, 422, line("1.5")),
    Hostile("o", POST, 422, line("1e400")),
    Hostile("o", POST, 422, line("NaN")),
    Hostile("o", POST, 422, line("-Infinity")),
    Hostile("o", POST, 422, line("true")),
    Hostile("o", POST, 422, line('"1"')),
    Hostile("o", POST, 422, line("1000001")),
    Hostile("o", POST, 422, line("9" * 30)),
    Hostile("o", POST, 422, line("9" * 5_000)),
    Hostile("o", POST, 422, line("null")),
    Hostile("o", POST, 422, line(sku='""')),
    Hostile("o", POST, 422, line(sku='"a b"')),
    Hostile("o", POST, 422, line(sku='"cup\\u0000"')),
    Hostile("o", POST, 422, line(sku='"../cup"')),
    Hostile("o", POST, 422, line(sku=f'"{"s" * 65}"')),
    Hostile("o", POST, 422, line(more=', "unit_price_minor": 0')),
    Hostile("o", POST, 413, b" " * (256 << 10) + ORDER.encode()),
    Hostile("o", BATCH, 422, '{"orders": []}'),
    Hostile("o", BATCH, 422, '{"orders": {}}'),
    Hostile("o", BATCH, 422, '{"orders": null}'),
    Hostile("o", BATCH, 422, f'{{"orders": [{ORDER}], "more": 1}}'),
    Hostile("o", BATCH, 422, '{"orders": [' + ", ".join(["0"] * 501) + "]}"),
    Hostile("o", BATCH, 413, b" " * (8 << 20) + b"{}"),
    Hostile("i", PUT, 422, product(name='""')),
    Hostile("i", PUT, 422, product(name='"\\u0000"')),
    Hostile("i", PUT, 422, product(name='"\\udfff"')),
    Hostile("i", PUT, 422, product(name=f'"{"n" * 201}"')),
    Hostile("i", PUT, 422, product(name="[]")),
    Hostile("i", PUT, 422, product(unit_price_minor="-1")),
    Hostile("i", PUT, 422, product(unit_price_minor="1.0")),
    Hostile("i", PUT, 422, product(unit_price_minor="true")),
    Hostile("i", PUT, 422, product(unit_price_minor="1e400")),
    Hostile("i", PUT, 422, product(unit_price_minor="NaN")),
    Hostile("i", PUT, 422, product(unit_price_minor="1000000001")),
    Hostile("i", PUT, 422, product(currency='"ABC"')),
    Hostile("i", PUT, 422, product(on_hand="-1")),
    Hostile("i", PUT, 422, product(on_hand="9" * 400)),
    Hostile("i", PUT, 422, product(on_hand="null")),
    Hostile("i", PUT, 422, product(on_hand='"1"')),
    Hostile("i", PUT, 422, CUP[:-1] + ', "sku": "other"}'),
    Hostile("i", "PUT /products/a%20b", 422, CUP),
    Hostile("i", "PUT /products/a%00", 422, CUP),
    Hostile("i", f"PUT /products/{'s' * 65}", 422, CUP),
    Hostile("i", PUT, 413, b" " * (256 << 10) + CUP.encode()),
    Hostile("i", PRODUCTS, 422, '{"products": []}'),
    Hostile("i", PRODUCTS, 422, '{"products": ' + "[" * 1_000 + "]" * 1_000 + ', "x": 1}'),
    Hostile("i", PRODUCTS, 422, '{"products": [' + ", ".join(["0"] * 5_001) + "]}"),
    Hostile("i", ADJUST, 422, '{"delta": 1.0, "reason": "r"}', KEY),
    Hostile("i", ADJUST, 422, '{"delta": true, "reason": "r"}', KEY),
    Hostile("i", ADJUST, 422, '{"delta": 1000000001, "reason": "r"}', KEY),
    Hostile("i", ADJUST, 422, '{"delta": 1, "reason": ""}', KEY),
    Hostile("i", ADJUST, 422, '{"delta": 1, "reason": "\\u0000"}', KEY),
    Hostile("i", ADJUST, 422, '{"delta": 1}', KEY),
    Hostile("i", ADJUST, 409, '{"delta": -1000, "reason": "r"}', KEY),
    Hostile("i", "POST /products/nothing/adjustments", 404, MORE, KEY),
    Hostile("i", "POST /products/a%00b/adjustments", 404, MORE, KEY),
]  # fmt: skip

TABLE = [*PATHS, *METHODS, *QUERIES, *HEADERS, *BODIES]

HOST = b"Host: x\r\n"
_ORDERS = b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

RAW: list[tuple[bytes, int]] = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"\x00\x00\x00\x00\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"GET /nowhere\r\n\r\n", 404),
    (b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n", 400),
    (b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"NONSENSE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET / x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nNo colon\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nBad Name: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\n: x\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nX: a\x00b\r\n\r\n", 400),
    (b"GET /nowhere HTTP/1.1\r\nX: \xff\xfe\r\n\r\n", 404),
    (b"GET /nowhere HTTP/1.1\r\n" + HOST * 500 + b"\r\n", 404),
    (b"GET /nowhere HTTP/1.0\r\n\r\n", 404),
    (b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Expect: nonsense\r\n\r\n", 404),
    (b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 404),
    (b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\n\r\n", 404),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET http://elsewhere/nowhere HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    (b"CONNECT elsewhere:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n", 431),
    (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 500_000, 431),
    (b"GET /healthz HTTP/1.1\r\n" + b"X: x\r\n" * 100_000, 431),
    (_ORDERS + b"Content-Length: -1\r\n\r\n", 400),
    (_ORDERS + b"Content-Length: 1e3\r\n\r\n", 400),
    (_ORDERS + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    (_ORDERS + b"Content-Length: 9000000000000000000\r\n\r\n", 413),
    (_ORDERS + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n{}", 400),
    (_ORDERS + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
    (_ORDERS + b"Transfer-Encoding: nonsense\r\n\r\n{}", 400),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 400),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}garbage\r\n0\r\n\r\n", 400),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nIdempotency-Key: k\r\n\r\n", 422),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"X: x\r\n" * 100_000, 431),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: " + b"x" * 500_000, 431),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n2;x=" + b"x" * 500_000, 431),
    (_ORDERS + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b" " * 65536 + b"\r\n" + b"10000\r\n" + b" " * 65536
     + b"\r\n" + b"20001\r\n" + b" " * 131073 + b"\r\n0\r\n\r\n", 413),
    (_ORDERS + b"Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n", 413),
    (_ORDERS + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 415),
    (_ORDERS + b"Content-Length: 2\r\n\r\n{}", 422),
]  # fmt: skip
"""Bytes on a connection to orders, and the status of the first answer (after any 100)."""

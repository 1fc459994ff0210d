"""What payments counts beside what every service counts."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

PAYMENTS = Counter("payments_total", "Payments by the state they came to", ["state", "reason"])
REFUNDS = Counter("payments_refunds_total", "Refunds by the state they came to", ["state"])
PROVIDER_SECONDS = Histogram("provider_call_seconds", "One call to the provider", ["call", "answer"], buckets=_SECONDS)
PROVIDER_OUTSTANDING = Gauge(
    "provider_outstanding_requests", "Requests on their way to the provider or not recorded yet"
)
PROVIDER_PAUSED = Gauge("provider_paused", "1 while the provider cannot be reached and is not asked")
PROVIDER_TRANSACTION_SECONDS = Histogram(
    "provider_record_seconds", "Recording one batch of answers, commit included", buckets=_SECONDS
)

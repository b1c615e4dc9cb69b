"""Who counts as one caller, and what a caller gets who asks too often."""

import json

import pytest

from console.shared import throttling
from registries import origin
from registries.throttling import TooManyRequests


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, "socket"),
    ],
)
def test_caller_address_is_what_one_customer_of_a_provider_has(address, caller):
    token = origin.client_address.set(address)
    try:
        assert throttling.caller_address() == caller
    finally:
        origin.client_address.reset(token)


def test_refuse_says_when_to_come_back():
    answer = throttling.refuse(TooManyRequests(17))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")
    assert json.loads(answer.content) == {"error": "Too many requests. Try again in 17 s."}


def test_refuse_takes_the_body_of_another_face():
    answer = throttling.refuse(TooManyRequests(1), {"Error": {"Code": "RequestLimitExceeded"}})
    assert json.loads(answer.content) == {"Error": {"Code": "RequestLimitExceeded"}}

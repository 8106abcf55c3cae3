"""Who may speak for Twilio: its documented vector, its own library as a second opinion, and what must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from adapters.sms import wire

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
DOCUMENTED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="  # Twilio, docs/usage/security, for the token 12345
SECRETS = wire.Secrets(tokens=("old", "12345"), shared_keys={"bank-1": "sh4red"})
SETTINGS = {wire.SIGNATURE_SETTINGS: "key=bank-1,algorithm=HMAC_SHA256"}

urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["https", "http"]),
    st.sampled_from(["bank.example", "a-b.bank.example"]),
    st.sampled_from(["", ":443", ":80", ":8443"]),
    st.sampled_from(["", "/", "/hooks/sms", "/hooks/sms?a=1&b=%E4%BD%A0", "/hooks/sms/status/x?a=%2b#no"]),
)
forms = st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=20), max_size=6)


def signed(signature: str, **headers: str) -> dict[str, str]:
    return {wire.SIGNATURE: signature, **headers}


def test_the_documented_vector_passes() -> None:
    assert wire.signature(URL, FORM, "12345") == DOCUMENTED
    assert wire.is_genuine(URL, FORM, signed(DOCUMENTED), SECRETS)


def test_the_order_of_the_fields_does_not_matter() -> None:
    assert wire.is_genuine(URL, FORM[::-1], signed(DOCUMENTED), SECRETS)


@given(urls, forms, st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]))
def test_twilios_own_library_signs_the_same(url: str, form: dict[str, str], algorithm: str) -> None:
    theirs = RequestValidator("12345").compute_signature(url, form, algorithm)
    assert wire.signature(url, list(form.items()), "12345", algorithm.removeprefix("HMAC_").lower()) == theirs


@given(urls, urls, forms)
def test_twilios_own_library_believes_the_same_addresses(called: str, written: str, form: dict[str, str]) -> None:
    """With and without a port; behind a proxy the two differ in nothing else (lesson 66)."""
    signature = RequestValidator("12345").compute_signature(called, form)
    theirs = RequestValidator("12345").validate(written, form, signature)
    assert wire.is_genuine(written, list(form.items()), signed(signature), SECRETS) == theirs


def test_a_value_that_stands_twice_is_signed_once() -> None:
    assert wire.signature(URL, [*FORM, FORM[0]], "12345") == DOCUMENTED


def test_a_shared_key_signs_with_sha256_and_is_found_by_its_name() -> None:
    signature = wire.signature(URL, FORM, "sh4red", "sha256")
    assert wire.is_genuine(URL, FORM, signed(signature, **SETTINGS), SECRETS)


@pytest.mark.parametrize(
    "settings",
    [
        "key=bank-2,algorithm=HMAC_SHA256",
        "algorithm=HMAC_SHA256",
        "key=bank-1,algorithm=HMAC_SHA512",
        "key=bank-1,algorithm=none",
        "key=bank-1",
        ",,=,",
    ],
)
def test_a_shared_keys_signature_under_another_name_or_algorithm_is_refused(settings: str) -> None:
    signature = wire.signature(URL, FORM, "sh4red", "sha256")
    assert not wire.is_genuine(URL, FORM, signed(signature, **{wire.SIGNATURE_SETTINGS: settings}), SECRETS)


@pytest.mark.parametrize(
    "signature", ["", "x", DOCUMENTED[:-1], DOCUMENTED.lower(), "签名", "\udcff", DOCUMENTED + "\n"]
)
def test_anything_but_the_signature_is_refused(signature: str) -> None:
    assert not wire.is_genuine(URL, FORM, signed(signature), SECRETS)


def test_a_request_without_a_signature_is_refused() -> None:
    assert not wire.is_genuine(URL, FORM, {}, SECRETS)


@pytest.mark.parametrize(
    "url", ["https://mycompany.com/myapp.php", "https://other.com/myapp.php?foo=1&bar=2", "", "//"]
)
def test_the_signature_of_another_address_is_refused(url: str) -> None:
    assert not wire.is_genuine(url, FORM, signed(DOCUMENTED), SECRETS)


def test_no_secret_stands_in_a_repr() -> None:
    assert "12345" not in repr(SECRETS)
    assert "sh4red" not in repr(SECRETS)

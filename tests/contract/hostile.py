"""What nobody should get past a channel with: damaged files, forged requests, secrets in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from gateway.ports import HttpRequest
from tests.contract.channels import called

PLACES = 100  # of a body that are tried: all of a short one
HOLLOW = (b"", b"{}", b"[]", b"null", b"0", b'""', b"[" * 20_000, b"<a/>", b"a=b", b"\x00", b"\xef\xbb\xbf")


def damaged(whole: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return bytes of any kind, structures with nothing in them, and samples with some bytes cut out or put in."""

    def damage(sample: bytes, share: float, cut: int, junk: bytes) -> bytes:
        at = int(len(sample) * share)
        return sample[:at] + junk + sample[at + cut :]

    anything = st.binary(max_size=200) | st.sampled_from(HOLLOW)
    if not whole:
        return anything
    cuts, junk = st.integers(0, 3) | st.integers(0, 400), st.binary(max_size=3) | st.binary(max_size=40)
    return anything | st.builds(damage, st.sampled_from(whole), st.floats(0, 1), cuts, junk)


def proof(request: HttpRequest, signature: str) -> str:
    """Return what a request is proved by, in its headers or in its query."""
    return request.headers[signature] if signature in request.headers else dict(request.query)[signature]


def forgeries(request: HttpRequest, signature: str) -> Iterator[HttpRequest]:
    """Yield a genuine request with its signature wrong or gone, sent elsewhere, cut short, or with one byte changed."""
    body = request.body
    yield from unproved(request, signature)
    yield from _asked_otherwise(request)
    yield _sent(request, path="no/such/path")
    yield replace(request, body=body + b"x")
    for at in range(0, len(body), len(body) // PLACES or 1):
        other = b"7" if body[at : at + 1] != b"7" else b"8"
        yield replace(request, body=body[:at])
        yield replace(request, body=body[:at] + other + body[at + 1 :])


def unproved(request: HttpRequest, signature: str) -> Iterator[HttpRequest]:
    """Yield the request without its signature, and with wrong ones."""
    true = proof(request, signature)
    middle = len(true) // 2
    nearly = true[:middle] + ("A" if true[middle] != "A" else "B") + true[middle + 1 :]
    for wrong in (None, "", nearly, true[:middle], true[::-1], "\udcff"):
        if signature in request.headers:
            others = {name: value for name, value in request.headers.items() if name != signature}
            yield replace(request, headers=others if wrong is None else {**others, signature: wrong})
        else:
            rest = [(name, value) for name, value in request.query if name != signature]
            yield _sent(request, query=rest if wrong is None else [*rest, (signature, wrong)])


def _asked_otherwise(request: HttpRequest) -> Iterator[HttpRequest]:
    """Yield the request with each parameter of its query gone, there twice, empty, and a little different."""
    for at, (name, value) in enumerate(request.query):
        before, after = request.query[:at], request.query[at + 1 :]
        other = value[:-1] + ("7" if value[-1:] != "7" else "8")
        for instead in ((), ((name, value), (name, other)), ((name, ""),), ((name, other),), ((name, value + "0"),)):
            yield _sent(request, query=(*before, *instead, *after))


def _sent(
    request: HttpRequest, *, path: str | None = None, query: Sequence[tuple[str, str]] | None = None
) -> HttpRequest:
    return replace(
        called(
            request.body,
            request.headers,
            request.path if path is None else path,
            method=request.method,
            query=request.query if query is None else query,
        ),
        at=request.at,
    )


def misplaced(table: Mapping[str, Any], secrets: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the settings with a secret in a wrong place, once for every setting at any depth."""
    for name, value in table.items():
        for secret in secrets:
            yield {**table, name: secret}
            yield {**table, name: [{"wrong": secret}]}
        if isinstance(value, Mapping):
            yield from ({**table, name: inner} for inner in misplaced(value, secrets))

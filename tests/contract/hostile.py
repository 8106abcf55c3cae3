"""What nobody should get past a channel with: damaged files, forged requests, secrets in the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from gateway.ports import HttpRequest

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


def forgeries(request: HttpRequest, signature: str) -> Iterator[HttpRequest]:
    """Yield a genuine request with its signature wrong or gone, sent elsewhere, cut short, or with one byte changed."""
    headers, body = dict(request.headers), request.body
    proof = headers.pop(signature)
    yield replace(request, headers=headers)
    middle = len(proof) // 2
    nearly = proof[:middle] + ("A" if proof[middle] != "A" else "B") + proof[middle + 1 :]
    for wrong in ("", nearly, proof[:middle], proof[::-1], "\udcff"):
        yield replace(request, headers={**headers, signature: wrong})
    yield replace(request, path="no/such/path", url=f"{request.url}/no/such/path")
    yield replace(request, body=body + b"x")
    for at in range(0, len(body), len(body) // PLACES or 1):
        other = b"7" if body[at : at + 1] != b"7" else b"8"
        yield replace(request, body=body[:at])
        yield replace(request, body=body[:at] + other + body[at + 1 :])


def misplaced(table: Mapping[str, Any], secrets: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the settings with a secret in a wrong place, once for every setting at any depth."""
    for name, value in table.items():
        for secret in secrets:
            yield {**table, name: secret}
            yield {**table, name: [{"wrong": secret}]}
        if isinstance(value, Mapping):
            yield from ({**table, name: inner} for inner in misplaced(value, secrets))

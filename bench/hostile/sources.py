"""Which webhooks are attacked, and with what: a stream of requests to each, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bench.hostile import requests, weixin

EVERYWHERE: Sequence[requests.Maker] = (requests.forged, requests.odd_headers)
MAKERS: Mapping[str, Sequence[requests.Maker]] = {
    "hk-number": (
        *EVERYWHERE,
        requests.text_of_nonsense,
        requests.text_of_nonsense,
        requests.text_with_strange_fields,
        requests.report_of_nothing,
        requests.tampered_text,
    ),
    "hotline": (
        *EVERYWHERE,
        requests.transcript_with_flipped_bytes,
        requests.transcript_with_other_values,
        requests.transcript_with_other_values,
        requests.cut_transcript,
        requests.stale_transcript,
        requests.tampered_transcript,
        requests.deep_transcript,
        requests.call_that_ended_without_words,
    ),
    **{source: (*EVERYWHERE, *weixin.makers(source)) for source in weixin.ADDRESSES},
}
EVERY = 250
"""How seldom a body comes that is larger than its webhook reads."""


def stream(source: str, count: int, seed: int) -> Sequence[Callable[[], requests.Hostile]]:
    """Return the requests to one source, each made when it is called; the same ones for the same seed."""

    def made(n: int) -> requests.Hostile:
        chance = random.Random(f"{seed} {source} {n}")
        return requests.swollen(chance) if n % EVERY == EVERY - 1 else chance.choice(MAKERS[source])(chance)

    return [partial(made, n) for n in range(count)]

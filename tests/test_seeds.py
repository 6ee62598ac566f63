"""Named random streams: reproducible, unrelated to one another, and out of the way of the global one."""

import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentsep.data import seeds

NAMES = st.lists(st.text(st.characters(exclude_characters="\x1f", exclude_categories=("Cs",)), max_size=8), max_size=3)


def test_derive_is_the_documented_hash():
    # Pinned: were it to change, every record on disk and every number in the book would change too.
    digest = hashlib.sha256(b"7\x1fnoise\x1f3").hexdigest()
    assert seeds.derive(7, "noise", 3) == int(digest[:16], 16) // 2


@given(st.integers(-(2**40), 2**40), NAMES)
def test_derived_seeds_are_valid_for_torch(seed, names):
    assert 0 <= seeds.derive(seed, *names) < 2**63


@given(st.tuples(st.integers(0, 100), NAMES), st.tuples(st.integers(0, 100), NAMES))
def test_two_streams_share_a_seed_only_if_they_are_the_same_stream(one, other):
    same = (one[0], list(one[1])) == (other[0], list(other[1]))
    assert (seeds.derive(one[0], *one[1]) == seeds.derive(other[0], *other[1])) == same


def test_the_boundaries_between_names_count():
    assert len({seeds.derive(0, "ab", "c"), seeds.derive(0, "a", "bc"), seeds.derive(0, "abc")}) == 3


def test_a_generator_starts_afresh_every_time():
    first, second = (torch.randn(100, generator=seeds.generator(5, "noise")) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("other", [(5, "weights"), (6, "noise"), (5, "noise", 0)])
def test_neighbouring_streams_are_uncorrelated(other):
    n = 100_000
    one = torch.randn(n, generator=seeds.generator(5, "noise"))
    two = torch.randn(n, generator=seeds.generator(*other))
    assert abs((one * two).mean()) < 5 / n**0.5  # five standard errors


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    torch.rand(10, generator=seeds.generator(0, "anything"))
    assert torch.equal(before, torch.get_rng_state())

"""The training protocols: what the profiles set, and what a reader changes about it."""

import pytest

from latentsep.training.protocols import PICTURES, PRINTED, PROFILES, RECTIFIED, SHORT, TORUS, protocol

TABLES = (PROFILES, PRINTED, SHORT, PICTURES, TORUS, RECTIFIED)


def test_an_unknown_profile_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="profile is 'quick'; choose one of smoke, book, thesis"):
        protocol("quick")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_change_of_none_leaves_the_value_of_the_profile(profile):
    for table in TABLES:
        found = protocol(profile, table, pixels=30)
        for name, value in table[profile].items():
            if name not in ("cooled", "width"):
                assert found[name] == value
        assert protocol(profile, table, 30, updates=None, batch_size=None, width=None, cooled=None) == found
        assert protocol(profile, table, 30, samples=9) == {**found, "samples": 9}


def test_a_part_of_the_updates_is_cooled_however_many_there_are():
    assert protocol("book")["cooled"] == round(PROFILES["book"]["cooled"] * PROFILES["book"]["updates"])
    assert 0 < PROFILES["book"]["cooled"] < 1
    assert protocol("book", updates=100)["cooled"] == int(100 * PROFILES["book"]["cooled"])
    assert protocol("book", updates=100, cooled=3)["cooled"] == 3
    assert not any("cooled" in table["thesis"] for table in TABLES)


def test_networks_that_see_all_pixels_have_a_third_as_many_neurons():
    assert protocol("thesis", TORUS, 625)["width"] == 208
    assert protocol("thesis", TORUS, 625, width=7)["width"] == 7


def test_every_table_has_every_profile():
    for table in TABLES:
        assert list(table) == ["smoke", "book", "thesis"]

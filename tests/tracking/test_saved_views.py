from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from regsearch.tracking import saved_views
from regsearch.tracking.names import checksum
from regsearch.tracking.saved_views import MOST, TAG, envelope, install, is_known, opened
from regsearch.tracking.store import Store
from regsearch.tracking.views import View, overview_id, views_of
from tests.tracking.golden_views import CARD, vocabulary

VIEWS = views_of(CARD, vocabulary())
NOW = 1_700_000_000_000


@pytest.fixture
def store(uri: str) -> Store:
    return Store(uri, "regsearch")


def _views(store: Store) -> dict[str, str]:
    return {name: text for name, text in store.tags().items() if name.startswith(TAG)}


def _times(tags: Mapping[str, str]) -> list[int]:
    return [json.loads(tags[TAG + view.id])["createdAt"] for view in VIEWS]


def test_they_come_back_as_they_were_put_there(store: Store) -> None:
    assert install(store, VIEWS, NOW) == ""
    stored = _views(store)
    assert list(map(opened, stored.values())) == [(v.name, v.state) for v in VIEWS]
    assert _times(stored) == sorted(_times(stored), reverse=True)  # the menu has the last on top


def test_what_changed_is_written_and_what_did_not_is_left(store: Store) -> None:
    install(store, VIEWS, NOW)
    before = _views(store)
    install(store, VIEWS, NOW + 9)
    assert _views(store) == before
    more = views_of(CARD, vocabulary(3))
    install(store, more, NOW + 9)
    assert opened(_views(store)[TAG + more[1].id]) == (more[1].name, more[1].state)
    assert _times(_views(store)) == _times(before)  # the menu keeps its order


@pytest.mark.parametrize("change", ["name", "state", "all", "nonsense"])
def test_a_view_that_somebody_changed_is_never_written_again(store: Store, change: str) -> None:
    install(store, VIEWS, NOW)
    name = TAG + VIEWS[0].id
    theirs = _changed(store.tags()[name], change)
    store.tag(name, theirs)
    install(store, views_of(CARD, vocabulary(5)), NOW)
    assert store.tags()[name] == theirs
    assert store.tags()[TAG + VIEWS[1].id] != theirs


def _changed(text: str, change: str) -> str:
    fields = json.loads(text)
    match change:
        case "name":
            return json.dumps(fields | {"name": "mine"})
        case "state":
            return json.dumps(fields | {"state": fields["state"].lower()})
        case "all":  # as MLflow writes it
            return json.dumps({"name": "mine", "createdAt": NOW, "state": fields["state"]})
    return "nonsense"


def test_a_view_that_somebody_deleted_comes_back(store: Store) -> None:
    install(store, VIEWS, NOW)
    store.untag(TAG + VIEWS[0].id)
    install(store, VIEWS, NOW)
    assert len(_views(store)) == len(VIEWS)


def test_the_oldest_make_room_but_for_those_of_people(store: Store) -> None:
    """Theirs may be one of their own, or one of ours that they changed."""
    own = envelope(View("mine", "mine", {}), NOW - 10**6)
    store.tag(f"{TAG}mine", own)
    cards = [replace(CARD, name=f"study {i}") for i in range(MOST)]
    ids = [TAG + overview_id(card.name) for card in cards]
    for i, card in enumerate(cards):
        install(store, views_of(card, vocabulary(1))[:1], NOW + i)
        if i == 0:
            store.tag(ids[0], _changed(store.tags()[ids[0]], "name"))
    found = _views(store)
    assert set(found) == {f"{TAG}mine", *ids} - {ids[1]}
    assert found[f"{TAG}mine"] == own


def test_one_too_long_is_left_out_and_said(store: Store) -> None:
    noise = [checksum(str(i), 64) for i in range(1000)]
    big = View("regsearch-big", "big", {"noise": noise})
    assert "'big' has" in install(store, [big, VIEWS[0]], NOW)
    assert list(_views(store)) == [TAG + VIEWS[0].id]


@pytest.mark.parametrize(
    ("version", "known"),
    [("3.15.0", True), ("3.17.2", True), ("3.18.0", False), ("2.17.1", False), ("", False)],
)
def test_only_known_versions_get_them(version: str, known: bool) -> None:
    assert is_known(version) == known


def test_an_unknown_version_is_left_alone(uri: str) -> None:
    class Old(Store):
        def version(self) -> str:
            return "3.1.4"

    old = Old(uri, "regsearch")
    assert "3.17, but this is 3.1.4" in install(old, VIEWS, NOW)
    assert _views(old) == {}
    assert MlflowClient(uri).search_experiments() != []


def test_the_installed_version_is_known(store: Store) -> None:
    """A new MLflow? Look at the views in it (tests/browser), then add it to `VERSIONS`."""
    assert is_known(store.version()), saved_views.VERSIONS

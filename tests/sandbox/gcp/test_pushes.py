"""Artifact Registry accepts a push from outside only with the access token of a principal that may push."""

from __future__ import annotations

import pytest

from sandbox.calls import Refused
from sandbox.gcp.pushes import USER, Pushes
from tests.sandbox.gcp.cloud import Google


def test_an_access_token_is_the_password(google: Google) -> None:
    repository = f"{google.repository('nodes')['registryUri']}/alpha"
    assert Pushes(google.cloud).serves(repository.split("/")[0])
    Pushes(google.cloud).admit(repository, USER, google.token())
    for user, password in ((USER, "wrong"), ("somebody", google.token())):
        with pytest.raises(Refused) as refused:
            Pushes(google.cloud).admit(repository, user, password)
        assert refused.value.status == 401


def test_who_may_not_push_is_told_so(google: Google) -> None:
    repository = f"{google.repository('nodes')['registryUri']}/alpha"
    with pytest.raises(Refused, match=r"artifactregistry\.repositories\.uploadArtifacts"):
        Pushes(google.cloud).admit(repository, USER, google.token(google.account("stranger")))


def test_a_repository_must_be_there(google: Google) -> None:
    nowhere = google.repository("nodes")["registryUri"].replace("nodes", "others")
    with pytest.raises(Refused, match=r"others.* not found"):
        Pushes(google.cloud).admit(f"{nowhere}/alpha", USER, google.token())

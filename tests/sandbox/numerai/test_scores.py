"""Scores, ranks, stakes and payouts, as the unmodified numerapi client reads them; and that nothing can be staked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLObjectType
from numerapi.base_api import Api

from sandbox.numerai.api import schema
from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.world import CLASSIC_MODEL, CLIENTS, MODELS, World, client, guesses

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
NAMES = {8: {"canon_corr", "canon_mmc"}, 11: {"alpha", "mpc"}, 12: {"canon_corr", "canon_mmc"}}
ACCEPTED = {"createSubmission", "createSignalsSubmission", "setSubmissionWebhook", "triggerModelWebhook"}


def perform(numerai: Numerai, kind: type[Api]) -> list[dict[str, Any]]:
    api = client(numerai, kind)
    rounds: list[dict[str, Any]] = api.round_model_performances_v2(MODELS[api.tournament_id])
    return rounds


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_model_has_a_year_of_scored_rounds(numerai: Numerai, kind: type[Api]) -> None:
    rounds = perform(numerai, kind)
    assert [round_["roundNumber"] for round_ in rounds] == list(range(1000, 1000 - len(rounds), -1))
    assert len(rounds) == pytest.approx(262, abs=3)
    scored = [round_ for round_ in rounds if round_["submissionScores"]]
    assert 0.9 * len(rounds) < len(scored) < len(rounds)
    for round_ in scored:
        names = {score["displayName"] for score in round_["submissionScores"]}
        assert client(numerai, kind).tournament_id in NAMES
        assert names >= NAMES[client(numerai, kind).tournament_id]
        assert all(abs(score["value"]) < 0.2 for score in round_["submissionScores"])


def test_a_round_is_scored_from_the_fourth_day_and_resolves_in_a_month(numerai: Numerai, world: World) -> None:
    world.stopped = datetime.now(UTC)
    for round_ in perform(numerai, CLIENTS[0]):
        age = world.stopped - round_["roundOpenTime"]
        assert round_["roundResolved"] == (age >= timedelta(days=31))
        if age < timedelta(days=4):
            assert round_["submissionScores"] is None
        for score in round_["submissionScores"] or []:
            assert (score["payoutSettled"] is not None) == round_["roundResolved"]
            assert abs(score["payoutPending"]) <= round_["atRisk"] * Decimal("0.05")


def test_the_scores_are_the_same_on_every_machine_and_final_once_resolved(numerai: Numerai, world: World) -> None:
    world.stopped = datetime.now(UTC)
    before = {round_["roundNumber"]: round_ for round_ in perform(numerai, CLIENTS[0])}
    world.boot()
    world.ahead = timedelta(days=1)
    after = {round_["roundNumber"]: round_ for round_ in perform(numerai, CLIENTS[0])}
    resolved = [number for number, round_ in before.items() if round_["roundResolved"]]
    assert [before[number] for number in resolved] == [after[number] for number in resolved]
    assert before != after


def test_a_round_of_the_sandbox_is_scored_if_the_model_submitted(numerai: Numerai, world: World) -> None:
    numerai.open_round()
    api = client(numerai)
    api.upload_predictions(df=guesses(api), model_id=CLASSIC_MODEL)
    newest = perform(numerai, CLIENTS[0])[0]
    assert (newest["roundNumber"], newest["submissionScores"]) == (1001, None)
    assert newest["atRisk"] == api.stake_get("alpha_model")
    world.ahead = timedelta(days=40)
    newest, first, *_ = perform(numerai, CLIENTS[0])
    assert newest["roundResolved"]
    assert newest["submissionScores"][0]["day"] == 20
    assert (first["submissionScores"], first["atRisk"]) == (None, 0)


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_leaderboards_have_ranks_and_stakes(numerai: Numerai, kind: type[Api]) -> None:
    api = client(numerai, kind)
    ranks = [row["rank"] for row in api.get_leaderboard(limit=1000)]
    assert ranks == sorted(set(ranks))
    assert all(float(row["nmrStaked"]) >= 0 for row in api.get_leaderboard())


def test_the_last_rounds_and_the_price_can_be_asked_for(numerai: Numerai) -> None:
    query = """query($model: String!) {
      v2RoundModelPerformances(modelId: $model, tournament: 8, lastNRounds: 3) { roundNumber }
      latestNmrPrice { priceUsd lastUpdated }
    }"""
    data = client(numerai).raw_query(query, {"model": CLASSIC_MODEL})["data"]
    assert [round_["roundNumber"] for round_ in data["v2RoundModelPerformances"]] == [1000, 999, 998]
    assert float(data["latestNmrPrice"]["priceUsd"]) > 0


def test_every_other_mutation_is_refused(numerai: Numerai) -> None:
    mutations = schema().mutation_type
    assert isinstance(mutations, GraphQLObjectType)
    values = {"String!": '"1"', "Int!": "8", "Boolean!": "true"}
    refused = set()
    for name, field in mutations.fields.items():
        required = [(key, str(arg.type)) for key, arg in field.args.items() if str(arg.type).endswith("!")]
        arguments = ", ".join(f"{key}: {values[kind]}" for key, kind in required)
        selection = "" if str(field.type) in ("String", "Boolean") else " { id }"
        text = f"mutation {{ {name}{f'({arguments})' if arguments else ''}{selection} }}"
        try:
            client(numerai, keys=numerai.add_key("stake", "read_user_info")).raw_query(text, authorization=True)
        except ValueError as error:
            refused |= {name} if "does not support" in str(error) else set()
    assert refused == mutations.fields.keys() - ACCEPTED
    assert {"v2ChangeStake", "releaseStake", "setUserBio"} <= refused

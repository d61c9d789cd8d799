"""The scores of the nodes' models: few questions, none twice within an hour, none about what cannot change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from pnodes.deployed.scores import ScoreBook
from pnodes.deployed.stack import DeployedStack, StackNode
from providers.numerai.scores import RoundScores
from tests.pnodes.scored import MODELS, Scored, describe_nodes

KEYS = ("prediction-nodes:numerai-public-id", "prediction-nodes:numerai-secret")
Book = Callable[[], ScoreBook]


@pytest.fixture
def stack(scored: Scored) -> DeployedStack:
    pair = (scored.numerai.public_id, scored.numerai.secret_key)
    config = {key: {"value": value} for key, value in zip(KEYS, pair, strict=True)}
    return DeployedStack([(describe_nodes(), config)], "prediction-nodes")


@pytest.fixture
def book(scored: Scored, tmp_path: Path) -> Book:
    """Return a function that opens the book anew, as the next command does."""
    return lambda: ScoreBook(tmp_path, scored.now)


def nodes(stack: DeployedStack) -> list[StackNode]:
    return list(stack.nodes.values())


def rounds_of(book: ScoreBook, node: StackNode) -> dict[int, RoundScores]:
    scores = book.read(node)
    assert scores is not None
    return {round_.number: round_ for round_ in scores.rounds}


def test_one_question_for_each_model_and_tournament_and_one_for_the_price(
    scored: Scored, stack: DeployedStack, book: Book
) -> None:
    assert book().refresh(stack, nodes(stack)) == {}
    fields = [field for field, _ in scored.questions]
    boards = ["v2Leaderboard", "signalsLeaderboard", "cryptosignalsLeaderboard"]
    assert sorted(fields) == sorted([*boards, "latestNmrPrice", *["v2RoundModelPerformances"] * 3])
    assert scored.with_keys == []
    assert book().refresh(stack, nodes(stack)) == {}
    assert len(scored.questions) == len(fields), "they are fresh"


@pytest.mark.parametrize(("name", "labels"), [("alpha", ["CORR", "MMC"]), ("beta", ["Alpha", "MPC"])])
def test_a_model_has_the_scores_of_its_tournament(
    stack: DeployedStack, book: Book, name: str, labels: list[str]
) -> None:
    book().refresh(stack, nodes(stack))
    scores = book().read(stack.nodes[name])
    assert scores is not None
    assert scores.latest is not None
    assert list(scores.latest.values) == list(scores.means) == labels
    resolved = [round_ for round_ in scores.rounds if round_.resolved]
    assert scores.means[labels[0]] == pytest.approx(sum(r.values[labels[0]] for r in resolved) / len(resolved))
    assert len(resolved) == pytest.approx(230, abs=15)
    assert 15 < scores.resolving < 25
    assert scores.rank.rank is not None
    assert scores.rank.stake == pytest.approx(max(round_.at_risk for round_ in scores.rounds))
    assert scores.price == 9.87
    assert scores.sum_payouts(resolved=True) != scores.sum_payouts(resolved=False) != 0


def test_resolved_rounds_are_not_asked_for_again(scored: Scored, stack: DeployedStack, book: Book) -> None:
    book().refresh(stack, nodes(stack))
    before = rounds_of(book(), stack.nodes["alpha"])
    scored.world.ahead = timedelta(hours=1)
    book().refresh(stack, nodes(stack))
    asked = [variables["lastNRounds"] for field, variables in scored.questions if field.startswith("v2Round")]
    assert asked == [366] * 3 + [31] * 3
    after = rounds_of(book(), stack.nodes["alpha"])
    assert after == {number: round_ for number, round_ in before.items() if number in after}
    assert len(after) >= len(before) - 1, "a round of a year ago is dropped"
    scored.world.ahead = timedelta(days=50)
    book().refresh(stack, nodes(stack))
    later = rounds_of(book(), stack.nodes["alpha"])
    unresolved = [number for number, round_ in before.items() if round_.values and not round_.resolved]
    assert unresolved
    assert all(later[number].resolved for number in unresolved)
    kept = [number for number in before if number in later and number not in unresolved]
    assert [before[number] for number in kept if before[number].values] == [
        later[number] for number in kept if before[number].values
    ]


def test_a_model_given_by_its_id_needs_the_keys_once(scored: Scored, book: Book) -> None:
    pair = (scored.numerai.public_id, scored.numerai.secret_key)
    config = {key: {"value": value} for key, value in zip(KEYS, pair, strict=True)}
    stack = DeployedStack([(describe_nodes(named=False), config)], "prediction-nodes")
    book().refresh(stack, nodes(stack))
    assert scored.with_keys == ["account"]
    scores = book().read(stack.nodes["alpha"])
    assert scores is not None
    assert scores.rank.rank is not None
    scored.world.ahead = timedelta(days=2)
    book().refresh(stack, nodes(stack))
    assert scored.with_keys == ["account"]


def test_without_keys_only_rank_and_stake_are_missing(scored: Scored, book: Book) -> None:
    stack = DeployedStack([(describe_nodes(named=False), {})], "prediction-nodes")
    problems = book().refresh(stack, nodes(stack))
    assert list(problems.values()) == [["alpha", "beta", "gamma"]]
    assert "API key is not set" in str(problems)
    scores = book().read(stack.nodes["alpha"])
    assert scores is not None
    assert (scores.rank.rank, scores.rank.stake) == (None, None)
    assert scores.latest is not None


def test_numerai_is_left_alone_as_long_as_it_asks_for(scored: Scored, stack: DeployedStack, book: Book) -> None:
    book().refresh(stack, nodes(stack))
    known = book().read(stack.nodes["alpha"])
    scored.world.ahead, scored.failure = timedelta(hours=2), (429, "slow down")
    before = len(scored.questions)
    problems = book().refresh(stack, nodes(stack))
    assert len(scored.questions) == before + 4, "one question and its retries"
    assert all("accepts no more requests" in sentence for sentence in problems)
    again = book().read(stack.nodes["alpha"])
    assert again is not None
    assert known is not None
    assert (again.at, again.rank, again.rounds[:200]) == (known.at, known.rank, known.rounds[:200])
    scored.failure = None
    (sentence,) = book().refresh(stack, nodes(stack))
    assert "is asked again from" in sentence
    assert len(scored.questions) == before + 4, "another command does not ask either"
    scored.world.ahead += timedelta(minutes=1)
    assert book().refresh(stack, nodes(stack)) == {}


def test_a_numerai_that_is_down_is_asked_one_question(scored: Scored, stack: DeployedStack, book: Book) -> None:
    scored.failure = requests.ConnectionError("unreachable")
    problems = book().refresh(stack, nodes(stack))
    assert len(scored.questions) == 4
    ((sentence, names),) = problems.items()
    assert "Numerai could not be reached" in sentence
    assert sorted(names) == ["alpha", "beta", "gamma"]
    assert book().read(stack.nodes["alpha"]) is None


@pytest.mark.parametrize("answer", [{"data": {"v2RoundModelPerformances": [{}]}}, {"data": {}}])
def test_an_unknown_answer_is_a_sentence(scored: Scored, stack: DeployedStack, book: Book, answer: object) -> None:
    scored.failure = answer
    problems = book().refresh(stack, nodes(stack))
    assert all("was not understood" in sentence for sentence in problems)


def test_a_damaged_file_is_made_anew(stack: DeployedStack, book: Book, tmp_path: Path) -> None:
    file = tmp_path / ".pnodes" / "scores.json"
    file.parent.mkdir()
    file.write_text('{"models": 1}')
    assert book().read(stack.nodes["alpha"]) is None
    book().refresh(stack, nodes(stack))
    assert book().read(stack.nodes["alpha"]) is not None
    assert set(json.loads(file.read_text())["models"]) == {model_id for _, model_id, _ in MODELS.values()}
    assert (tmp_path / ".pnodes" / ".gitignore").read_text() == "*\n"


def test_a_file_that_cannot_be_written_is_a_sentence(stack: DeployedStack, book: Book, tmp_path: Path) -> None:
    (tmp_path / ".pnodes").write_text("not a folder")
    opened = book()
    assert list(opened.refresh(stack, nodes(stack))) == [
        "The scores could not be kept in .pnodes/scores.json: File exists."
    ]
    assert opened.read(stack.nodes["alpha"]) is not None

"""The table of what runs where: complete, shown in the document, and every yes has a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from runners.capabilities import FEATURES, RUNNERS, TABLE, markdown

ROOT = Path(__file__).parent.parent.parent


def test_every_runner_answers_every_question() -> None:
    assert set(TABLE) == set(RUNNERS)
    assert all(list(answers) == list(FEATURES) for answers in TABLE.values())


def test_a_no_says_why() -> None:
    assert all(a.test or a.note for answers in TABLE.values() for a in answers.values())


@pytest.mark.parametrize(
    "test", sorted({a.test for answers in TABLE.values() for a in answers.values() if a.test})
)
def test_every_yes_has_a_test(test: str) -> None:
    path, _, name = test.partition("::")
    names = {
        node.name
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert name in names


def test_the_document_has_the_table() -> None:
    text = (ROOT / "docs" / "runners.md").read_text()
    assert markdown() in text
    assert all(f"`{options}`" in text for options in RUNNERS.values())

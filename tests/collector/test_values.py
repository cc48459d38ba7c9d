"""Values of all encodings as numbers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from collector.paths import parse_path, path_text
from collector.values import number, scalars
from schema.gnmi_pb2 import Decimal64, ScalarArray, TypedValue
from tests.collector.messages import typed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TypedValue(double_val=-9.31), -9.31),
        (TypedValue(float_val=-9.31), -9.31),
        (TypedValue(decimal_val=Decimal64(digits=-931, precision=2)), -9.31),
        (TypedValue(decimal_val=Decimal64(digits=3, precision=1)), 0.3),
        (TypedValue(decimal_val=Decimal64(digits=1, precision=4_000_000_000)), None),
        (TypedValue(int_val=-3), -3.0),
        (TypedValue(uint_val=3), 3.0),
        (TypedValue(string_val="-9.31"), -9.31),
        (TypedValue(string_val=" 1e-3 "), 0.001),
        (TypedValue(string_val="-inf"), -math.inf),
        (TypedValue(string_val="-Infinity"), -math.inf),
        (TypedValue(string_val="inf"), None),
        (TypedValue(string_val="nan"), None),
        (TypedValue(string_val="1_000"), None),
        (TypedValue(string_val="N/A"), None),
        (TypedValue(ascii_val="4.5"), 4.5),
        (TypedValue(bool_val=True), None),
        (TypedValue(bytes_val=b"1"), None),
        (TypedValue(leaflist_val=ScalarArray()), None),
        (TypedValue(json_val=b"-9.31"), -9.31),
        (TypedValue(json_ietf_val=b'"-9.31"'), -9.31),
        (TypedValue(json_ietf_val=b'"-inf"'), -math.inf),
        (TypedValue(json_val=b"true"), None),
        (TypedValue(json_val=b"null"), None),
        (TypedValue(json_val=b"[1, 2]"), None),
        (TypedValue(json_val=b"{"), None),
        (TypedValue(json_val=b"[" * 100_000), None),
        (TypedValue(json_val=b"1" + b"0" * 400), None),
        (TypedValue(), None),
    ],
)
def test_numbers(value: TypedValue, expected: float | None) -> None:
    path = parse_path("/a")
    assert [(p, number(s)) for p, s in scalars(path, value)] == [(path, expected)]


def leaves(prefix: str, tree: Any) -> dict[str, float | None]:
    found = scalars(parse_path(prefix), typed(tree))
    return {path_text(path): number(scalar) for path, scalar in found}


def test_a_subtree_of_a_quantity() -> None:
    assert leaves("/c/input-power", {"instant": "-9.31", "oc-x:avg": -9.2}) == {
        "/c/input-power/instant": -9.31,
        "/c/input-power/avg": -9.2,
    }


def test_a_list_takes_keys_from_its_entries() -> None:
    tree = [{"name": "L1", "x": 1}, {"openconfig-platform:name": "L2"}]
    value = TypedValue(json_ietf_val=json.dumps(tree).encode())
    found = scalars(parse_path("/components/component"), value)
    assert [path_text(path) for path, _ in found] == [
        "/components/component[name=L1]/name",
        "/components/component[name=L1]/x",
        "/components/component[name=L2]/name",
    ]


def test_a_text_that_is_not_unicode_is_no_value() -> None:
    """Nothing could write such a name again: neither protobuf nor the metrics."""
    path = parse_path("/components")
    for half in (b"\\ud800", b"\\uDFFF"):
        tree = b'{"component": [{"name": "%s", "x": 1}]}' % half
        assert list(scalars(path, TypedValue(json_val=tree))) == [(path, None)]
    whole = b'{"component": [{"name": "\\ud83d\\ude00", "x": 1}]}'
    assert len(list(scalars(path, TypedValue(json_val=whole)))) == 2


def test_a_subtree_with_lists_takes_keys_from_their_entries() -> None:
    tree = {
        "openconfig-platform:component": [
            {"name": "L1", "port": {"optical-port": {"state": {"input-power": {"instant": "-9"}}}}},
            {"name": "L2", "state": {"enabled": True}},
            7,
        ]
    }
    assert leaves("/components", tree) == {
        "/components/component[name=L1]/name": None,
        "/components/component[name=L1]/port/optical-port/state/input-power/instant": -9.0,
        "/components/component[name=L2]/name": None,
        "/components/component[name=L2]/state/enabled": None,
        "/components/component": 7.0,
    }

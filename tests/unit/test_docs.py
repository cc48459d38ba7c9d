"""What the documents say is what the code has."""

import re
from pathlib import Path

import console.options
from pipeline.options import option_names
from pipeline.show_graph import steps, windows

ROOT = Path(__file__).parent.parent.parent


def test_the_readme_table_is_the_graph() -> None:
    table = re.findall(r"^\| \[(\w+)\]\((\S+)\)", (ROOT / "README.md").read_text(), re.MULTILINE)
    documented = {name for name, _ in table}
    labels = {label for label, _ in steps()}
    assert documented == {
        x for x in labels if not x.startswith(("Read", "Moments", "Write", "All"))
    }
    assert all((ROOT / path).is_file() for _, path in table)


def test_the_graph_is_one_chain() -> None:
    fed_by = dict(steps())
    chain = ["FormatEvents"]
    while fed_by[chain[-1]]:
        chain.append(fed_by[chain[-1]][0])
    assert chain[::-1] == [
        "ReadPm",
        "DecodeReports",
        "JoinTopology",
        "GatherWindows",
        "TrackLinks",
        "FormatEvents",
    ]


def test_the_graph_names_its_windows() -> None:
    assert windows() == {
        "GatherWindows": "FixedWindows(1 s), AfterWatermark(late=AfterCount(1)), "
        "allowed lateness 5 s, DISCARDING"
    }


def test_every_option_is_documented() -> None:
    text = (ROOT / "docs" / "options.md").read_text()
    assert not [option for option in option_names() if f"`{option}`" not in text]


def test_every_option_of_the_console_is_documented() -> None:
    text = (ROOT / "docs" / "console.md").read_text()
    assert not [name for name in console.options.option_names() if f"`{name}`" not in text]


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"

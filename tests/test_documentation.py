"""README says what there is: its commands exist, its tables are fresh, its links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import convert.cli
import edge.cli
import train.cli
from tests.readme_tables import with_tables

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CLIS = {"edge": edge.cli.cli, "train": train.cli.cli, "convert": convert.cli.main}
COMMANDS = [
    line.removeprefix("$ ").split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, flags=re.S)
    for line in block.splitlines()
]


def test_the_tables_are_fresh():
    assert with_tables(README) == README, "run: make report"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_in_the_readme_exist(command):
    targets = [word for word in shlex.split(command)[1:] if "=" not in word]
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, flags=re.M), target


@pytest.mark.parametrize("command", [c for c in COMMANDS if "python -m" in c and "venv" not in c])
def test_python_commands_in_the_readme_exist(command):
    words = shlex.split(command)
    package, verb, *rest = words[words.index("-m") + 1 :]
    known = CLIS[package].commands[verb]
    options = {name for parameter in known.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options


@pytest.mark.parametrize(("package", "verb"), [(p, v) for p, cli in CLIS.items() for v in cli.commands])
def test_every_command_has_help_and_stands_in_the_readme(package, verb):
    result = CliRunner().invoke(CLIS[package], [verb, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4
    named = f"python -m {package} {verb}" in README
    assert named or re.search(rf"-m {package} {verb}", MAKEFILE), f"{package} {verb} is described nowhere"


def test_the_default_target_lists_every_target():
    listed = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.M))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.M)[1].split())
    assert phony == listed


def test_links_and_pictures_in_the_readme_exist():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link

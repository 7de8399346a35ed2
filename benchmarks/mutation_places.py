"""Which mutants cosmic-ray can make of the package, and which of them are drawn: what `mutation.py` begins with."""

import ast
import difflib
import hashlib
import itertools
import random
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

OPERATORS = {name: get_operator(name)() for name in operator_names() if not get_operator(name).arguments()}
BINARY = {"arith_expr", "term", "power", "shift_expr", "and_expr", "xor_expr", "expr"}
COMPOUND = {"if_stmt", "while_stmt", "for_stmt", "try_stmt", "with_stmt", "funcdef", "classdef", "async_stmt"}
BLOCKS = COMPOUND | {"file_input", "suite", "decorated", "decorators"}


@dataclass(frozen=True)
class Place:
    """Where in the package a mutant can be.

    Attributes:
        path: the file, from the root of the repository.
        line: of its first character, from 1.
        column: of its first character, from 0.
        statement: the first and the last line of the statement, or of the head of one.
        scopes: the lines of the bodies of the functions and classes around it, the innermost first, and of the module.
        in_body: whether it runs when a function is called, and not when the module is imported.
        mutants: an operator's name, and which of the operator's places in this file this is.
    """

    path: str
    line: int
    column: int
    statement: tuple[int, int]
    scopes: tuple[tuple[int, int], ...]
    in_body: bool
    mutants: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        key: the same in another run, as long as the file is the same.
        group: the part of the package.
        place: where it is.
        operator: what was done there.
        text: the whole file with it.
        change: the line that differs, before and after.
    """

    key: str
    group: str
    place: Place
    operator: str
    text: str
    change: str


def mutants_of(
    root: Path, groups: tuple[str, ...], number: int, least: int, seed: int
) -> tuple[list[Mutant], dict[str, int]]:
    """Return the mutants drawn from the package in `root`, and how many places each group has."""
    sources = {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted((root / "cnnzoo").rglob("*.py"))
    }
    places: dict[str, list[Place]] = {group: [] for group in groups}
    for group, path in itertools.product(groups, sources):
        if f"{path}/".startswith(f"{group}/"):
            places[group] += _places(path, sources[path])
    total = sum(map(len, places.values()))
    mutants: list[Mutant] = []
    for group in groups:
        share = max(least, round(number * len(places[group]) / total))
        mutants += itertools.islice(_drawn(group, sources, places[group], seed), share)
    return mutants, {group: len(its_places) for group, its_places in places.items()}


def _drawn(group: str, sources: dict[str, str], places: list[Place], seed: int) -> Iterator[Mutant]:
    """Yield all mutants of a group in the order in which they are drawn: one of every place, then a second one.

    A place has its rank from where it is, so that a change of one file leaves the others' order as it was.
    """
    ordered = sorted(places, key=lambda place: _dice(seed, "rank", place).random())
    for turn in range(max((len(place.mutants) for place in places), default=0)):
        for place in ordered:
            if turn < len(place.mutants):
                shuffled = _dice(seed, "mutants", place).sample(place.mutants, len(place.mutants))
                if mutant := _mutant(group, place, *shuffled[turn], sources[place.path]):
                    yield mutant


def _dice(seed: int, purpose: str, place: Place) -> random.Random:
    return random.Random(f"{seed} {purpose} {place.path} {place.line} {place.column}")


def _mutant(group: str, place: Place, operator: str, number: int, text: str) -> Mutant | None:
    mutated = mutate_code(text, OPERATORS[operator], number)
    if mutated is None or not _means_something_else(mutated, text):
        return None
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Mutant(
        key=f"{place.path}:{place.line}:{place.column} {operator} {number} {fingerprint}",
        group=group,
        place=place,
        operator=operator.removeprefix("core/"),
        text=mutated,
        change=_change(text.splitlines(), mutated.splitlines()),
    )


def _change(before: list[str], after: list[str]) -> str:
    changed = {"-": "", "+": ""}
    for line in difflib.ndiff(before, after):
        if line[0] in changed:
            changed[line[0]] += line[1:].strip()
    return f"`{changed['-']}` → `{changed['+']}`" if changed["+"] else f"`{changed['-']}` removed"


def _means_something_else(mutated: str, text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(mutated, "mutant", "exec")
        except (SyntaxError, SyntaxWarning, ValueError):
            return False
    return ast.dump(ast.parse(text)) != ast.dump(ast.parse(mutated))


def _places(path: str, text: str) -> list[Place]:
    tree = get_ast(text)
    found: dict[tuple[int, int], list[tuple[str, int]]] = {}
    count: Counter[str] = Counter()
    for node, (name, operator) in itertools.product(ast_nodes(tree), OPERATORS.items()):
        for start, _ in operator.mutation_positions(node):
            if not name.startswith("core/ReplaceBinaryOperator") or node.parent.type in BINARY:
                found.setdefault(start, []).append((name, count[name]))
            count[name] += 1  # as `mutate_code` counts
    leaves = {start: tree.get_leaf_for_position(start) for start in sorted(found)}
    return [_place(path, leaf, found[start]) for start, leaf in leaves.items() if _does_something(leaf)]


def _around(leaf: parso.tree.NodeOrLeaf) -> Iterator[tuple[parso.tree.NodeOrLeaf, parso.tree.NodeOrLeaf]]:
    """Yield what is around a leaf, from the inside outwards, each with its part in which the leaf is."""
    part = leaf
    while part.parent is not None:
        yield part.parent, part
        part = part.parent


def _does_something(leaf: parso.tree.NodeOrLeaf) -> bool:
    for node, part in _around(leaf):
        if _is_annotation(node, part):
            return False
        if node.type == "if_stmt" and "TYPE_CHECKING" in node.children[1].get_code():
            return False
        if node.type == "expr_stmt" and node.get_code().strip().startswith("__all__"):
            return False
    return True


def _is_annotation(node: parso.tree.NodeOrLeaf, part: parso.tree.NodeOrLeaf) -> bool:
    if node.type == "annassign":
        return part is node.children[1]
    if node.type == "tfpdef":
        return part is node.children[-1]
    return node.type == "funcdef" and part is node.annotation


def _place(path: str, leaf: parso.tree.NodeOrLeaf, mutants: list[tuple[str, int]]) -> Place:
    statement = next(part for node, part in _around(leaf) if node.type in BLOCKS)
    bodies, heads, in_body = [], [], False
    for node, part in _around(leaf):
        if node.type == "decorated" and part is node.children[0]:
            heads.append(_body(node.children[-1]))
        elif node.type == "funcdef" and part is not node.children[-1]:
            heads.append(_body(node))
        elif node.type in ("funcdef", "classdef"):
            bodies.append(_body(node))
            in_body |= node.type == "funcdef"
    module = (1, leaf.get_root_node().end_pos[0])
    scopes = (*([] if in_body else heads), *bodies, module)
    return Place(path, *leaf.start_pos, _lines(statement), scopes, in_body, tuple(mutants))


def _lines(node: parso.tree.NodeOrLeaf) -> tuple[int, int]:
    """Return the first and the last line; a statement ends where the next line begins."""
    last, column = node.end_pos
    return node.start_pos[0], last - 1 if column == 0 and last > node.start_pos[0] else last


def _body(definition: parso.tree.NodeOrLeaf) -> tuple[int, int]:
    """Return the lines of a function's or class's body, without the one that ends with the colon."""
    while definition.type in ("async_stmt", "async_funcdef"):
        definition = definition.children[-1]
    suite = definition.children[-1]
    first = suite.children[1] if suite.type == "suite" else suite
    return first.start_pos[0], _lines(suite)[1]

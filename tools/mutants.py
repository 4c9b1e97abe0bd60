"""Change the code of a module in small ways, and see whether its tests notice: mutation testing.

``python tools/mutants.py losses curve/fit`` takes modules of ``napari_osuda/method``; without names it takes
them all; ``curve/fit:120`` begins at a line, to go on after a stop. Each mutant runs the test of the same
place first, then all of ``tests/method`` (``--tests`` alone: only the former). What survives is printed and
makes the exit status 1, unless ``tools/mutants_accepted.yaml`` says why it changes no number.

Each mutant is a fork of a process that has torch already, so it costs a second. cosmic-ray starts Python for
each, and mutmut 3 passes over functions with a decorator, which here are many.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import importlib.abc
import importlib.util
import os
import sys
import tempfile
import time
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
METHOD = ROOT / "napari_osuda" / "method"
ACCEPTED = Path(__file__).with_name("mutants_accepted.yaml")
# Its processes import the module as it is.
ALONE = "tests/method/computing/test_distributed.py::test_two_processes_come_to_what_one_comes_to"
# A mutant that goes on for so many times what the tests take without any change is noticed as well.
LONGEST = 5.0

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
NAMES = {
    "abs": "square",
    "amax": "amin",
    "amin": "amax",
    "argmax": "argmin",
    "argmin": "argmax",
    "clamp_max": "clamp_min",
    "clamp_min": "clamp_max",
    "exp": "sigmoid",
    "log": "abs",
    "max": "min",
    "mean": "sum",
    "min": "max",
    "ones_like": "zeros_like",
    "rsqrt": "sqrt",
    "sign": "abs",
    "sqrt": "square",
    "square": "abs",
    "sum": "mean",
    "zeros_like": "ones_like",
}
Change = Callable[[ast.AST], ast.AST | None]


@dataclass(frozen=True)
class Mutant:
    """One change: the place in the tree, the line, and its words."""

    index: int
    line: int
    was: str
    becomes: str
    change: Change

    def __str__(self) -> str:
        return f"{self.was} -> {self.becomes}"


def _kept(tree: ast.AST) -> set[int]:
    """Nodes that no mutant touches: words, types, decorators, and what only stops or tells a person."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr):
            roots.append(node)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            roots += node.decorator_list
            if isinstance(node, ast.FunctionDef):
                arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                roots += [node.returns, *(argument.annotation for argument in arguments)]
        elif isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            roots.append(node)
        elif isinstance(node, ast.keyword) and node.arg == "strict":
            # Of a zip: it only stops.
            roots.append(node)
    return {id(node) for root in roots if root is not None for node in ast.walk(root)}


def _with(**fields: object) -> Change:
    def change(node: ast.AST) -> None:
        for name, value in fields.items():
            setattr(node, name, value)

    return change


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in OPERATORS:
        yield _with(op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            ops = [*node.ops[:place], OPERATORS[type(operator)](), *node.ops[place + 1 :]]
            yield _with(ops=ops)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield lambda changed: changed.operand  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _with(value=not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield _with(value=node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield _with(value=2 * node.value if node.value else 1.0)
    elif isinstance(node, ast.IfExp):
        yield _with(body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.UnaryOp):
        yield _with(test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in NAMES:
        yield _with(attr=NAMES[node.attr])
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in ("min", "max"):
        yield _with(id=NAMES[node.id])
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield lambda changed: ast.Pass()


def _replaced(tree: ast.Module, index: int, change: Change) -> tuple[ast.Module, ast.AST]:
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[index]
    other = change(node)
    if other is None:
        return ast.fix_missing_locations(tree), node

    class Replace(ast.NodeTransformer):
        def visit(self, seen: ast.AST) -> ast.AST:
            return ast.copy_location(other, node) if seen is node else self.generic_visit(seen)

    return ast.fix_missing_locations(Replace().visit(tree)), other


def _statement(line: str) -> str:
    return line.strip().rstrip(":")


def mutants(source: str) -> list[Mutant]:
    """All single changes of a module's source."""
    tree = ast.parse(source)
    kept, lines, found = _kept(tree), source.splitlines(), []
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in kept:
            continue
        for change in _changes(node):
            now = copy.deepcopy(node)
            now = change(now) or now
            head = node.test if isinstance(node, ast.If | ast.While) else node
            then = now.test if isinstance(now, ast.If | ast.While) else now
            line = node.lineno  # type: ignore[attr-defined]
            was = f"{_statement(lines[line - 1])} | {ast.unparse(head)}"
            found.append(Mutant(index, line, was, ast.unparse(then), change))
    return sorted(found, key=lambda mutant: mutant.line)


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed module where the real one is imported."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, fullname, path=None, target=None):
        if fullname == self.name:
            return importlib.util.spec_from_file_location(fullname, self.path, loader=self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def _status(run: Callable[[], int], longest: float = float("inf")) -> int:
    """The exit status of a run in a fork; -1 where it had to be ended after so many seconds."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        try:
            status = int(run())
        except BaseException:
            status = 70
        os._exit(status)
    end = time.monotonic() + longest
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


def _ours(module: types.ModuleType | None) -> bool:
    return str(ROOT) + os.sep in str(getattr(module, "__file__", "")) and ".venv" not in str(module.__file__)


def _tested(tests: list[str], mutated: _Mutated | None = None) -> int:
    if mutated is not None:
        sys.meta_path.insert(0, mutated)
        for name in [name for name, module in sys.modules.items() if _ours(module)]:
            del sys.modules[name]
    plain = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:pytest-qt"]
    # What torch holds need not be collected in each fork.
    gc.freeze()
    plain += ["-p", "no:unraisableexception", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*plain, f"--deselect={ALONE}", f"--rootdir={ROOT}", *tests]))


def survivors(
    module: Path, wide: list[str], wide_is_new: bool, explained: Collection[str], first: int, longest: float
) -> tuple[list[Mutant], float]:
    """The mutants of a module, from a line on, that no test notices and no explanation excuses.

    And the seconds that a mutant may take: those of the wide tests are known from the first module on.
    """
    tree = ast.parse(module.read_text(encoding="utf-8"))
    name = ".".join(module.relative_to(ROOT).with_suffix("").parts)
    own = ROOT / "tests" / module.relative_to(METHOD.parent).with_name(f"test_{module.name}")
    stages = [[str(own)]] if own.is_file() else []
    stages += [wide] if wide else []
    same = _Mutated(name, module, tree)
    for stage in stages if wide_is_new else stages[:1]:
        # First in this process, so that each fork finds torch and hypothesis warm.
        began = time.monotonic()
        failed = _tested(stage)
        took = time.monotonic() - began
        # A thread that the tests left here may hold a lock, for which a fork would wait without end.
        if failed or _status(lambda stage=stage: _tested(stage, same), LONGEST * took):
            raise SystemExit(f"{name}: the tests fail without any change: {' '.join(stage)}")
        longest = max(longest, LONGEST * (time.monotonic() - began))
    alive = []
    everything = mutants(module.read_text(encoding="utf-8"))
    everything = [m for m in everything if m.line >= first and str(m) not in explained]
    for mutant in everything:
        changed = _Mutated(name, module, _replaced(tree, mutant.index, mutant.change)[0])
        if all(
            _status(lambda stage=stage, changed=changed: _tested(stage, changed), longest) == 0
            for stage in stages
        ):
            alive.append(mutant)
            print(f"{name}:{mutant.line}: {mutant}", flush=True)
    print(f"{name}: {len(everything)} mutants, {len(alive)} survived", flush=True)
    return alive, longest


def accepted() -> dict[str, dict[str, str]]:
    """By module, the mutants that change nothing that can be seen, and why."""
    return yaml.safe_load(ACCEPTED.read_text(encoding="utf-8"))


def main() -> int:
    """Try the modules named, or all of the method's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="below napari_osuda/method, as 'losses' or 'curve/fit'")
    parser.add_argument("--tests", nargs="*", default=["tests/method"], help="run after a module's own test")
    given = parser.parse_args()
    explained = accepted()
    names = given.modules or [
        str(path.relative_to(METHOD).with_suffix("")) for path in sorted(METHOD.rglob("[a-z]*.py"))
    ]
    os.environ.update(OMP_NUM_THREADS="1", HYPOTHESIS_STORAGE_DIRECTORY=tempfile.mkdtemp())
    sys.path.insert(0, str(ROOT))
    alive, longest = 0, 0.0
    for place, (name, _, first) in enumerate(given.partition(":") for given in names):
        known = explained.get(name, {})
        of_module, longest = survivors(
            METHOD / f"{name}.py", given.tests, place == 0, known, int(first or 0), longest
        )
        alive += len(of_module)
    print(f"{alive} survived that tools/mutants_accepted.yaml does not explain")
    return int(alive > 0)


if __name__ == "__main__":
    sys.exit(main())

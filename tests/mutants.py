"""Changes of the code that no test notices: `make mutants`, or `python -m tests.mutants --sample 20 exporter/render`.

mutmut changes one place of a function at a time (a comparison, a number, a text, an argument), and runs the tests that
enter the function. Those of `exporter/render` are in `tests/render`, together with the golden files. It changes no
function with a decorator of ours, and nothing outside functions: tables are not in the score.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = TESTS.parent
SURVIVED = ("survived", "no tests")
UNDECIDED = ("not checked", "check was interrupted by user")


class Mutant(NamedTuple):
    """One change; `place` is `file:line`."""

    name: str
    place: str
    change: str


def main(arguments: list[str]) -> None:
    """Print the score of each package, and the mutants that survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a file or a directory of exporter/")
    parser.add_argument("--sample", type=int, help="so many mutants of each file, always the same; default: all")
    parser.add_argument("--seconds", type=float, default=600, help="the time for each package; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes; default: one for each core")
    options = parser.parse_args(arguments)
    files = {file.resolve().relative_to(ROOT) for path in options.paths for file in [path, *path.rglob("*.py")]}
    code = sorted(file for file in files if file.parts[0] == "exporter" and file.suffix == ".py")
    if not code:
        print("no file of exporter/ is named or changed")
    for package, names in groupby(code, lambda file: file.parts[1].removesuffix(".py")):
        _measure(package, list(names), options.sample, options.seconds, options.jobs)


def _measure(package: str, files: list[Path], sample: int | None, seconds: float, jobs: int) -> None:
    """One package."""
    mutants: list[Mutant] = []
    for file in files:
        of_file = list(_mutants(file))
        # The same sample each time, so that two scores can be compared.
        mutants += random.Random(str(file)).sample(of_file, min(sample or len(of_file), len(of_file)))
    places = (f"tests/{package}", f"tests/test_{package}.py", "tests/golden")
    tests = [place for place in places if (ROOT / place).exists()]
    if not mutants or not tests:
        print(f"{package}: {len(mutants)} mutants, tests: {tests}")
        return
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        copied = [path.name for path in ROOT.iterdir() if not path.name.startswith(".")]
        for name in copied:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, Path(directory, name))
        with Path(directory, "pyproject.toml").open("a") as config:
            others = [name for name in copied if name != "exporter"]
            config.write(f"only_mutate = {[str(file) for file in files]}\nalso_copy = {others}\n")
            config.write(f"pytest_add_cli_args_test_selection = {tests}\n")
        log = _mutmut(directory, seconds, "run", "--max-children", str(jobs), *(mutant.name for mutant in mutants))
        lines = _mutmut(directory, 60, "results", "--all", "true").splitlines()
    statuses = dict(line.strip().rsplit(": ", 1) for line in lines if ": " in line)
    by_status = Counter(statuses[mutant.name] for mutant in mutants)
    decided = sum(number for status, number in by_status.items() if status not in UNDECIDED)
    if not decided:
        raise SystemExit(f"{log[-4000:]}\n{package}: mutmut decided about no mutant")
    killed = decided - sum(by_status[status] for status in SURVIVED)
    counts = ", ".join(f"{number} {status}" for status, number in by_status.most_common())
    for mutant in mutants:
        if statuses[mutant.name] in SURVIVED:
            print(f"{mutant.place}: {statuses[mutant.name]}\n{mutant.change}")
    passed = time.monotonic() - start
    print(f"{package}: {killed} of {decided} killed, {killed / decided:.0%} ({counts}; {passed:.0f} s)", flush=True)


def _mutmut(directory: str, seconds: float, *arguments: str) -> str:
    """What mutmut prints; it is told to stop when the time is up, and keeps what it has decided until then."""
    program = Path(sys.executable).with_name("mutmut")
    with tempfile.TemporaryFile("w+") as output:
        environment = {**os.environ, "CI": "true"}  # hypothesis: the same examples each time
        process = subprocess.Popen(
            [program, *arguments], cwd=directory, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        for sent in (signal.SIGINT, signal.SIGKILL):
            try:
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, sent)
                seconds = 20
        process.wait()
        output.seek(0)
        return output.read()


def _mutants(file: Path) -> Iterator[Mutant]:
    """All mutants of a file."""
    source = (ROOT / file).read_text()
    mutated = mutate_file_contents(str(file), source)
    code = mutated.code.splitlines()
    starts = dict(_functions(ast.parse(source)))

    def function(name: str) -> list[str]:
        span = mutated.line_span_by_function_name[name]
        lines = code[span.start - 1 : span.end]
        first = next(number for number, line in enumerate(lines) if f"def {name}(" in line)
        return [lines[first].replace(name, ""), *lines[first + 1 :]]

    for name in mutated.mutant_names:
        key = name.rpartition("__mutmut_")[0]
        before, after = function(f"{key}__mutmut_orig"), function(name)
        changes = [change for change in SequenceMatcher(a=before, b=after).get_opcodes() if change[0] != "equal"]
        _, first, last, new_first, new_last = changes[0]
        change = [f"  - {line.strip()}" for line in before[first:last]]
        change += [f"  + {line.strip()}" for line in after[new_first:new_last]]
        yield Mutant(get_mutant_name(file, name), f"{file}:{starts[key] + first}", "\n".join(change))


def _functions(module: ast.Module) -> Iterator[tuple[str, int]]:
    """The lines of the functions by the names that mutmut gives them."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"x_{node.name}", node.lineno
        elif isinstance(node, ast.ClassDef):
            methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)]
            yield from ((f"xǁ{node.name}ǁ{method.name}", method.lineno) for method in methods)


if __name__ == "__main__":
    main(sys.argv[1:])

"""What two files of `make bench` say together."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.bench.compare import main
from tests.bench.results import Row, Run, Size, read, written

STEADY = [4.0, 4.1, 4.2, 4.3, 4.4]
SHOP = Row("scrape", "embedded shop", {"scrape_per_info": STEADY, "peak_bytes": [5e7], "samples": [368]})
SETS = Row("scrape", "2 x 1000 sets", {"scrape_per_info": [12.0, 12.5, 13.0]}, Size(1, 2, 1000))


def compared(tmp_path: Path, before: list[Row], after: list[Row]) -> int:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, rows in zip(files, (before, after), strict=True):
        path.write_text(written(Run(rows, "3.11.7", path.stem)))
    return main(list(map(str, files)))


def with_figures(row: Row, **figures: list[float]) -> Row:
    return Row(row.table, row.name, {**row.figures, **figures}, row.size)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    run = Run([SHOP, SETS], "3.11.7", "abc", "def", 0.25)
    path = tmp_path / "bench.json"
    path.write_text(written(run))
    assert read(path) == run
    told = json.loads(path.read_text())["rows"][0]["figures"]["scrape_per_info"]
    assert told == {"median": 4.2, "rounds": STEADY}


def test_the_same_rows_are_no_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(tmp_path, [SHOP, SETS], [SHOP, SETS]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["nothing changed beyond noise"]


def test_more_beyond_the_spread_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slower = with_figures(SHOP, scrape_per_info=[5.0, 5.1, 5.2, 5.3, 5.4])
    assert compared(tmp_path, [SHOP, SETS], [slower, SETS]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "worse: scrape: embedded shop: scrape_per_info 4.2 [4.1 to 4.3] -> 5.2 [5.1 to 5.3] (+24%)"
    ]


def test_less_beyond_the_spread_is_told_and_nothing_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    smaller = with_figures(SHOP, peak_bytes=[4e7])
    assert compared(tmp_path, [SHOP], [smaller]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "better: scrape: embedded shop: peak_bytes 5e+07 -> 4e+07 (-20%)"
    ]


@pytest.mark.parametrize(
    ("figure", "rounds"),
    [
        # The medians lie far apart, and that of the one is no outlier among the rounds of the other.
        ("scrape_per_info", [2.0, 6.0, 8.0, 9.0, 9.5]),
        # Each is one, and they differ by less than those of the same code.
        ("scrape_per_info", [4.78, 4.79, 4.8, 4.81, 4.82]),
        ("peak_bytes", [5.2e7]),
        ("samples", [371]),
        # Seconds are of a machine and its hour.
        ("scrape_seconds", [9.0]),
    ],
)
def test_what_is_within_the_spread_is_noise(tmp_path: Path, figure: str, rounds: list[float]) -> None:
    before = with_figures(SHOP, scrape_seconds=[1.0])
    assert compared(tmp_path, [before], [with_figures(before, **{figure: rounds})]) == 0


def test_another_number_of_samples_is_told_and_is_not_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(tmp_path, [SHOP], [with_figures(SHOP, samples=[400])]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["changed: scrape: embedded shop: samples 368 -> 400 (+9%)"]


def test_a_run_beside_other_work_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet, busy = tmp_path / "quiet.json", tmp_path / "busy.json"
    quiet.write_text(written(Run([SHOP], "3.11.7", "abc", load=0.5)))
    busy.write_text(written(Run([SHOP], "3.11.7", None, load=5.5)))
    assert main([str(quiet), str(busy)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{quiet}: commit abc, Python 3.11.7",
        f"{busy}: commit unknown, Python 3.11.7",
        f"{busy}: the machine had other work (5.5 for each processor), which no spread shows",
        "nothing changed beyond noise",
    ]


def test_the_first_missed_scrape_is_worse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet = Row("fleet", "100", {"missed": [0]})
    assert compared(tmp_path, [fleet], [with_figures(fleet, missed=[1])]) == 1
    assert "worse: fleet: 100: missed 0 -> 1\n" in capsys.readouterr().out


def test_a_row_or_a_figure_that_one_lacks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    less = Row(SHOP.table, SHOP.name, {"scrape_per_info": STEADY, "samples": [368]})
    assert compared(tmp_path, [SHOP, SETS], [less, Row("crowd", "x", {"crowded_per_alone": [1]})]) == 0
    out = capsys.readouterr().out
    assert f"not in {tmp_path}/a.json: crowd: x\n" in out
    assert f"not in {tmp_path}/b.json: scrape: 2 x 1000 sets\n" in out
    assert f"not in {tmp_path}/b.json: scrape: embedded shop: peak_bytes\n" in out


GOOD = json.loads(written(Run([SHOP], "3.11.7", None)))
ROW = GOOD["rows"][0]


def with_rounds(*rounds: float) -> str:
    return json.dumps({**GOOD, "rows": [{**ROW, "figures": {"x": {"rounds": rounds}}}]})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("[]", "list indices must be integers or slices, not str"),
        ("{}", "no 'format'"),
        (json.dumps({**GOOD, "format": 2}), "format 2, and this reads 1"),
        (with_rounds(), "x has no finite rounds"),
        (with_rounds(1, math.nan), "x has no finite rounds"),
        (json.dumps({**GOOD, "rows": [ROW, ROW]}), "a row comes twice"),
        (json.dumps({**GOOD, "load": "much"}), "could not convert string to float: 'much'"),
    ],
)
def test_another_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str) -> None:
    other, good = tmp_path / "other.json", tmp_path / "good.json"
    other.write_text(text)
    good.write_text(json.dumps(GOOD))
    assert main([str(good), str(other)]) == 2
    assert capsys.readouterr() == ("", f"{other} was not written by `make bench`: {why}\n")


def test_bytes_that_are_no_text_and_a_file_that_is_not_there_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert main([str(tmp_path / "binary"), str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main([str(tmp_path / "none"), str(tmp_path / "binary")]) == 2
    assert capsys.readouterr().err == f"{tmp_path}/none: No such file or directory\n"


def test_two_files_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a.json"]) == 2
    assert capsys.readouterr().err == "usage: python -m tests.bench compare A.json B.json\n"

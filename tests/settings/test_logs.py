"""The log: one line per record, in text or JSON, on the console or in a file that rotates."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from exporter.errors import SettingsError
from exporter.settings import logs
from exporter.settings.schema import LogSettings
from tests.support import logging_as_before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) .*")

logger = logging.getLogger("exporter.test")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    with logging_as_before():
        yield


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").split("\n")[:-1]


def to_file(path: Path, **settings: Any) -> Path:
    logs.set_up(LogSettings(file=path, **settings))
    return path


def fail(text: str) -> None:
    raise ValueError(text)


def test_a_record_is_a_line_of_text_on_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(LogSettings())
    logger.info("node %s found", "BB9")
    out, err = capsys.readouterr()
    assert out == ""
    assert LINE.fullmatch(err.rstrip("\n"))
    assert err.endswith("Z INFO node BB9 found\n")


def test_a_record_is_a_line_of_json(tmp_path: Path) -> None:
    path = to_file(tmp_path / "log", format="json")
    logger.warning('a "quoted"\nline of €')
    (line,) = lines_of(path)
    record = json.loads(line)
    assert record.pop("time").endswith("Z")
    assert record == {"level": "warning", "logger": "exporter.test", "message": 'a "quoted"\nline of €'}


@pytest.mark.parametrize("format_", ["text", "json"])
def test_times_are_utc(tmp_path: Path, format_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    path = to_file(tmp_path / "log", format=format_)
    record = logging.makeLogRecord({"msg": "x", "levelno": logging.INFO, "created": 1_000_000_000.25, "msecs": 250.0})
    logger.handle(record)
    monkeypatch.undo()
    time.tzset()
    assert "2001-09-09T01:46:40.250Z" in lines_of(path)[0]


@pytest.mark.parametrize("format_", ["text", "json"])
def test_newlines_and_exceptions_do_not_break_the_line(tmp_path: Path, format_: str) -> None:
    path = to_file(tmp_path / "log", format=format_)
    try:
        fail("first\nsecond")
    except ValueError:
        logger.exception("it\r\nbroke")
    (line,) = lines_of(path)
    assert re.search(r"it\\r\\nbroke \(at test_logs\.py:\d+ in fail\)", line)
    assert "Traceback" not in line
    assert "second" not in line


def test_what_drives_a_terminal_is_written_out(tmp_path: Path) -> None:
    path = to_file(tmp_path / "log")
    logger.info("node %s", "\x1b[2J\x85\u2028\udc80é")
    assert lines_of(path)[0].endswith("node \\x1b[2J\\x85\\u2028\\udc80é")


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_name_that_is_not_unicode_does_not_cost_the_line(tmp_path: Path, format_: str) -> None:
    path = to_file(tmp_path / "log", format=format_)
    logger.info("file %s", "\udc80")
    assert "udc80" in lines_of(path)[0]


def test_the_level_is_a_floor(tmp_path: Path) -> None:
    path = to_file(tmp_path / "log", level="warning")
    logger.info("quiet")
    logger.warning("loud")
    assert [line.split(" ", 1)[1] for line in lines_of(path)] == ["WARNING loud"]


def test_what_is_not_ours_and_no_fault_stays_out(tmp_path: Path) -> None:
    path = to_file(tmp_path / "log", level="debug")
    logging.getLogger("tornado.access").error("500 GET /metrics")
    logging.getLogger("asyncio").error("noise")
    assert lines_of(path) == []


def test_a_file_rotates_at_its_size_and_so_many_are_kept(tmp_path: Path) -> None:
    to_file(tmp_path / "log", file_size=1000, file_count=2)
    for number in range(100):
        logger.info("record %03d %s", number, "x" * 50)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(found.stat().st_size <= 1000 for found in tmp_path.iterdir())
    kept = [line for name in ("log.2", "log.1", "log") for line in lines_of(tmp_path / name)]
    numbers = [int(line.split()[3]) for line in kept]
    assert numbers == list(range(100 - len(numbers), 100))


def test_a_count_of_none_would_let_the_file_grow_and_is_refused() -> None:
    with pytest.raises(ValueError, match="file_count"):
        LogSettings(file_count=0)


def test_a_file_that_is_there_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    to_file(path)
    logger.info("after")
    assert [line.split()[-1] for line in lines_of(path)] == ["before", "after"]


@pytest.mark.parametrize(
    ("name", "reason"), [("", "Is a directory"), ("missing/log", "No such file or directory"), ("a\0b", "no file name")]
)
def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    with pytest.raises(SettingsError) as caught:
        to_file(path)
    assert str(caught.value) == f"log.file: cannot write {path}: {reason}"


def test_setting_up_again_replaces_the_log(tmp_path: Path) -> None:
    first, second = to_file(tmp_path / "first"), to_file(tmp_path / "second")
    logger.info("x")
    assert (len(lines_of(first)), len(lines_of(second))) == (0, 1)

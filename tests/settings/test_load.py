"""Settings from flags, environment and file: who wins, and what a person reads when a key is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from docs.generate import configuration as configuration_page
from exporter.errors import SettingsError
from exporter.model.operator import Amount, Operator
from exporter.scrape.login import connection_to
from exporter.scrape.node import view
from exporter.settings import flags
from exporter.settings import load as settings
from exporter.settings.keys import keys
from tests.support import TESTS

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("AMX_")]:
        monkeypatch.delenv(name)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def complaint(*arguments: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings.load(arguments)
    return str(caught.value).split("\n")


def operator(value: Any) -> Operator:
    return settings.load(["--operator", json.dumps({"carts": value})]).operator["carts"].value


# Who wins


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "x.toml", "[web]\nthreads = 1\nconnections = 10\n[aerospike]\nport = 3001\n")
    monkeypatch.setenv("AMX_WEB__THREADS", "2")
    monkeypatch.setenv("AMX_WEB__CONNECTIONS", "20")
    chosen = settings.load(["--config.file", str(file), "--web.threads", "3"])
    assert (chosen.web.threads, chosen.web.connections, chosen.aerospike.port) == (3, 20, 3001)
    assert chosen.web.timeout == 10


def test_the_file_may_be_named_by_a_variable_and_the_flag_wins_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "x.toml", "[demo]\nseed = 7\n")
    other = written(tmp_path / "y.toml", "[demo]\nseed = 8\n")
    monkeypatch.setenv("AMX_CONFIG__FILE", str(file))
    assert settings.load([]).demo.seed == 7
    assert settings.load(["--config.file", str(other)]).demo.seed == 8
    assert settings.load(["--config.file="]).demo.seed == 1


def test_an_operator_s_marks_come_together_from_all_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(
        tmp_path / "x.toml", '[operator.my-carts]\nmin = "1MiB"\nmax = 99\n[operator.orders]\npage = "8MiB"\n'
    )
    monkeypatch.setenv("AMX_OPERATOR", '{"my-carts": {"max": "50%", "page": 16}}')
    chosen = settings.load(["--config.file", str(file), "--operator", '{"my-carts": {"page": 32}}'])
    assert chosen.operator["my-carts"].value == Operator(Amount(share=0.5), Amount(bytes=1 << 20), 32)
    assert chosen.operator["orders"].value == Operator(page=8 << 20)


def test_a_key_of_the_file_may_be_spelt_like_its_flag(tmp_path: Path) -> None:
    file = written(tmp_path / "x.toml", '[web]\nlisten-address = ":1"\n')
    assert settings.load(["--config.file", str(file)]).web.listen_address == ":1"


def test_a_switch_has_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMX_COLLECTOR__SINDEXES__STAT", "true")
    assert settings.load([]).collector.sindexes.stat
    assert not settings.load(["--no-collector.sindexes.stat"]).collector.sindexes.stat


# What a person reads when a key is wrong


def test_an_unknown_flag_is_named_and_its_value_is_not() -> None:
    line = "flags: unknown flag --web.thread, perhaps --web.threads is meant"
    assert complaint("--web.thread", SECRET) == [line]
    assert complaint(f"--web.thread={SECRET}") == [line]
    assert complaint("--wholly.other", SECRET) == ["flags: unknown flag --wholly.other"]
    assert complaint("-v", SECRET) == ["flags: unknown flag -v"]
    assert complaint("--Web.Listen_Address", ":1") == [
        "flags: unknown flag --Web.Listen_Address, perhaps --web.listen-address is meant"
    ]


def test_a_flag_is_not_known_by_its_beginning() -> None:
    assert complaint("--web.list", ":1") == ["flags: unknown flag --web.list"]


def test_an_unknown_variable_with_our_prefix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMX_WEB_THREADS", SECRET)
    monkeypatch.setenv("amx_web__threads", SECRET)
    assert complaint() == [
        "environment: unknown variable AMX_WEB_THREADS",
        "environment: unknown variable amx_web__threads",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMX_SERVICE_HOST", "10.0.0.1"),
        ("AMX_SERVICE_PORT", "9600"),
        ("AMX_SERVICE_PORT_METRICS", "9600"),
        ("AMX_PORT", "tcp://10.0.0.1:9600"),
        ("AMX_PORT_9600_TCP", "tcp://10.0.0.1:9600"),
        ("AMX_PORT_9600_TCP_PROTO", "tcp"),
        ("AMX_PORT_9600_TCP_PORT", "9600"),
        ("AMX_PORT_9600_TCP_ADDR", "10.0.0.1"),
        ("AMX_MY_NODE_SERVICE_HOST", "10.0.0.1"),
        ("AMX_MY_NODE_PORT", "udp://10.0.0.1:53"),
        ("AMX_MY_NODE_PORT_53_UDP", "udp://10.0.0.1:53"),
    ],
)
def test_what_kubernetes_sets_for_a_service_is_no_variable_of_ours(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(settings.load([]))
    monkeypatch.setenv(name, value)
    assert dict(settings.load([])) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMX_AEROSPIKE_PORT", "3000"),
        ("AMX_PORT", "9845"),
        ("AMX_WEB__SERVICE_HOST", "x"),
        ("AMX_SERVICE_HOSTS", "x"),
        ("AMX_PORT_9600_TCP_USER", "x"),
        ("AMX_PORT_x_TCP", "tcp://10.0.0.1:9600"),
    ],
)
def test_what_only_looks_like_a_service_is_still_unknown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert complaint() == [f"environment: unknown variable {name}"]


@pytest.mark.parametrize(("given", "level"), [("warn", "warning"), ("WARN", "warning"), ("Debug", "debug")])
def test_a_level_of_the_log_is_known_in_any_case_and_warn_is_warning(
    given: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "x.toml", f"[log]\nlevel = '{given}'\n")
    assert settings.load(["--config.file", str(file)]).log.level == level
    assert settings.load(["--log.level", given]).log.level == level
    monkeypatch.setenv("AMX_LOG__LEVEL", given)
    assert settings.load([]).log.level == level


def test_unknown_keys_of_the_file_are_named_at_every_depth(tmp_path: Path) -> None:
    file = written(
        tmp_path / "x.toml",
        "wep = 1\n[weeb]\nthreads = 1\n[web]\nthreds = 1\n[aerospike.tls]\nenable = false\nca = 'x'\n",
    )
    assert sorted(complaint("--config.file", str(file))) == [
        f"aerospike.tls.ca: unknown key (file {file})",
        f"web.threds: unknown key (file {file})",
        f"weeb: unknown key (file {file})",
        f"wep: unknown key (file {file})",
    ]


def test_a_wrong_value_is_named_in_the_spelling_of_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "x.toml", "[log]\nfile_size = 'big'\n[collector.sets]\nexclude = [1]\n")
    monkeypatch.setenv("AMX_LOG__LEVEL", "loud")
    lines = complaint("--config.file", str(file), "--web.idle-timeout", "-1")
    assert [re.sub(r": .* \(", " (", line) for line in lines] == [
        "web.idle_timeout (flag --web.idle-timeout)",
        "log.level (environment AMX_LOG__LEVEL)",
        f"log.file_size (file {file})",
        f"collector.sets.exclude.0 (file {file})",
    ]


def test_a_value_that_another_source_replaces_is_not_blamed_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMX_WEB__THREADS", "0")
    assert settings.load(["--web.threads", "5"]).web.threads == 5
    assert complaint("--web.threads", "99") == [
        "web.threads: Input should be less than or equal to 64 (flag --web.threads)"
    ]


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMX_NOPE", "1")
    monkeypatch.setenv("AMX_OPERATOR", "{")
    assert complaint("--nope", "--neither", "--web.threads", "0") == [
        "flags: unknown flag --nope",
        "flags: unknown flag --neither",
        "environment: unknown variable AMX_NOPE",
        "operator: not JSON (environment AMX_OPERATOR)",
        "web.threads: Input should be greater than or equal to 1 (flag --web.threads)",
    ]


def test_keys_that_disagree_are_named_by_their_table() -> None:
    assert complaint("--aerospike.auth", "external", "--aerospike.user", "x") == [
        "aerospike: auth = external needs tls.enable"
    ]


def test_a_table_where_a_value_should_be_and_the_other_way_round_are_wrong(tmp_path: Path) -> None:
    file = written(tmp_path / "x.toml", "web = 1\n[log.level]\nx = 1\n")
    lines = complaint("--config.file", str(file))
    assert f"web: should be a table (file {file})" in lines
    assert len(lines) == 2
    assert lines[1].startswith("log.level: ")


def test_a_file_that_is_missing_or_unreadable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.toml"
    expected = [f"config.file: cannot read {missing}: No such file or directory"]
    assert complaint("--config.file", str(missing)) == expected
    monkeypatch.setenv("AMX_CONFIG__FILE", str(missing))
    assert complaint() == expected
    assert complaint("--config.file", str(tmp_path)) == [f"config.file: cannot read {tmp_path}: Is a directory"]


@pytest.mark.parametrize(
    "text",
    [
        f"[aerospike]\npassword = {SECRET}\n",
        f"'{SECRET}",
        f"{SECRET} {SECRET}",
        "a = " + "[" * 100_000,
        f"x = {SECRET}\0",
    ],
)
def test_a_file_that_is_not_toml_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    file = written(tmp_path / "x.toml", text)
    (line,) = complaint("--config.file", str(file))
    assert line.startswith(f"config.file: {file} is not TOML")
    assert SECRET not in line


def test_a_malformed_file_says_where_it_is_wrong(tmp_path: Path) -> None:
    file = written(tmp_path / "x.toml", "[web]\nthreads = \n")
    assert complaint("--config.file", str(file))[0].endswith("x.toml is not TOML at line 2, column 11")


def test_a_file_of_bytes_that_are_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe")
    assert complaint("--config.file", str(file)) == [f"config.file: {file} is not TOML"]


# Secrets


@pytest.mark.parametrize(
    "arguments",
    [
        [SECRET],
        ["--", SECRET],
        [f"-p{SECRET}"],
        [f"-h{SECRET}"],
        ["-p", SECRET],
        ["--aerospike.password", SECRET],
        ["--aerospike.password", f"--{SECRET}"],
        ["--aerospike.password", f"-{SECRET}"],
        [f"--aerospike.password={SECRET}"],
        ["--password", f"--{SECRET}"],
        [f"--{SECRET}\nx"],
        ["--aerospike.port", SECRET],
        [f"--aerospike.tls.enable={SECRET}"],
        [f"--web.listen-address={SECRET}"],
        ["--log.level", SECRET],
        ["--log.file-size", SECRET],
        ["--operator", SECRET],
        ["--operator", f'"{SECRET}"'],
        ["--operator", f'["{SECRET}"]'],
        ["--operator", json.dumps({"carts": SECRET})],
        ["--operator", json.dumps({"carts": {"max": SECRET}})],
        ["--operator", json.dumps({"carts": {"max": {"bytes": SECRET}}})],
        ["--operator", json.dumps({"carts": {"password": SECRET}})],
        ["--operator", "[" * 100_000],
        ["--collector.sets.include", f'["{SECRET}"'],
    ],
)
def test_a_secret_in_a_wrong_place_on_the_command_line_is_not_repeated(arguments: list[str]) -> None:
    lines = complaint(*arguments)
    assert all(lines)
    assert SECRET not in "".join(lines)


@pytest.mark.parametrize(
    "variable",
    [
        *(key.variable for key in keys() if re.search("int|float|bool|Literal|Operator", str(key.field.annotation))),
        *(
            "AMX_PASSWORD",
            "AMX_AEROSPIKE",
            "AMX_AEROSPIKE__PASSWORD",
            "AMX_AEROSPIKE__PASSWORD__X",
            "AMX_CONFIG__FILE__X",
        ),
    ],
)
def test_a_secret_in_a_wrong_variable_is_not_repeated(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, SECRET)
    lines = complaint()
    assert lines
    assert SECRET not in "".join(lines)


def test_a_secret_of_the_wrong_type_in_the_file_is_not_repeated(tmp_path: Path) -> None:
    file = written(tmp_path / "x.toml", "[aerospike]\nuser = 'x'\npassword = 271828\nport = 'hunter2'\n")
    lines = complaint("--config.file", str(file))
    assert [line.split(":")[0] for line in lines] == ["aerospike.port", "aerospike.password"]
    assert not re.search("hunter2|271828", "".join(lines))


def test_the_password_is_no_flag_and_the_message_says_what_is() -> None:
    (line,) = complaint("--aerospike.password", SECRET)
    assert "--aerospike.password-file" in line
    assert "AMX_AEROSPIKE__PASSWORD" in line


def test_no_text_of_the_settings_shows_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMX_AEROSPIKE__USER", "reader")
    monkeypatch.setenv("AMX_AEROSPIKE__PASSWORD", SECRET)
    chosen = settings.load([])
    connection = connection_to(chosen.aerospike)
    assert connection.password == SECRET
    shown = f"{chosen!r} {chosen} {chosen.aerospike!r} {chosen.aerospike.model_dump_json()} {connection!r} {connection}"
    assert SECRET not in shown
    assert "reader" in shown


# Values


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("1", 1),
        ("1024B", 1024),
        ("512MiB", 512 << 20),
        ("2 gib", 2 << 30),
        ("1T", 1 << 40),
        ("3k", 3072),
        (" 7M ", 7 << 20),
    ],
)
def test_bytes_may_have_a_unit(text: str, bytes_: int) -> None:
    assert settings.load(["--log.file-size", text]).log.file_size == bytes_


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.5G", "1MB", "MiB", "", "1 2", "\N{FULLWIDTH DIGIT ONE}", "1e9", "9" * 30]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    assert complaint(f"--log.file-size={text}")[0].startswith("log.file_size: ")


def test_the_memory_limit_of_a_container_is_as_kubernetes_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load([]).process.memory_limit is None
    monkeypatch.setenv("AMX_PROCESS__MEMORY_LIMIT", "3221225472")
    assert settings.load([]).process.memory_limit == 3 << 30
    with pytest.raises(SettingsError, match="memory-limit"):
        settings.load(["--process.memory-limit=0"])


def test_true_is_no_number_of_bytes(tmp_path: Path) -> None:
    file = written(tmp_path / "x.toml", "[log]\nfile_size = true\n")
    assert complaint("--config.file", str(file)) == [f"log.file_size: give bytes, as in 512MiB (file {file})"]


def test_patterns_are_a_list_with_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path / "x.toml", '[collector.sets]\ninclude = ["a", "b,c"]\n')
    monkeypatch.setenv("AMX_COLLECTOR__SETS__EXCLUDE", "carts/*, tmp*,,[ab]")
    monkeypatch.setenv("AMX_COLLECTOR__SINDEXES__EXCLUDE", '["x", "y"]')
    collector = settings.load(["--config.file", str(file), "--collector.sindexes.include", "a,b"]).collector
    assert collector.sets.include == ("a", "b,c")
    assert collector.sets.exclude == ("carts/*", "tmp*", "[ab]")
    assert collector.sindexes.include == ("a", "b")
    assert collector.sindexes.exclude == ("x", "y")


def test_the_view_takes_the_selections_and_the_marks_from_the_settings() -> None:
    arguments = ["--collector.sets.exclude=a", "--collector.sets.largest=3", "--collector.sindexes.include=b"]
    wanted = view(settings.load([*arguments, "--operator", '{"carts": {"page": 16}}']))
    assert (wanted.sets.include, wanted.sets.exclude, wanted.sets.largest) == (("*",), ("a",), 3)
    assert (wanted.sindexes.include, wanted.sindexes.exclude, wanted.sindexes.largest) == (("b",), (), 100)
    assert wanted.operators == {"carts": Operator(page=16)}


def test_an_operator_s_marks_are_bytes_or_shares() -> None:
    found = operator({"max": "80%", "min": "512MiB", "page": "8MiB"})
    assert found == Operator(Amount(share=0.8), Amount(bytes=512 << 20), 8 << 20)
    assert operator({"max": 4096, "min": "0.5 %"}) == Operator(Amount(bytes=4096), Amount(share=0.005))
    assert operator({"cache": True}) == Operator(cache=True)
    assert operator({"max": "100%"}).maximum == Amount(share=1.0)
    assert operator({"max": "1K", "min": "1K"}).minimum == Amount(bytes=1024)


@pytest.mark.parametrize(
    "amount", ["0%", "100.1%", "-1%", "0", 0, -1, 0.5, True, "half", "%", "1%%", [], {"share": 0.5}]
)
def test_a_mark_out_of_bounds_is_refused_by_name(amount: object) -> None:
    for name in ("max", "min"):
        (line,) = complaint("--operator", json.dumps({"carts": {name: amount}}))
        assert line.startswith(f"operator.carts.{name}: give ")
        assert line.endswith("(flag --operator)")


@pytest.mark.parametrize("marks", [{"min": "2G", "max": "1G"}, {"min": "51%", "max": "50%"}])
def test_a_minimum_above_the_maximum_is_refused(marks: dict[str, str]) -> None:
    assert complaint("--operator", json.dumps({"carts": marks})) == ["operator.carts: min is above max"]


@pytest.mark.parametrize("address", [":9845", "127.0.0.1:0", "[::1]:9845", "localhost:65535", "[::]:1"])
def test_an_address_to_listen_on_is_accepted(address: str) -> None:
    assert settings.load(["--web.listen-address", address]).web.listen_address == address


@pytest.mark.parametrize(
    "address", ["9845", ":", "::1:9845", ":65536", ":99999", "a b:1", "http://x:1/", ":\N{FULLWIDTH DIGIT ONE}", ":1\n"]
)
def test_what_is_no_address_to_listen_on_is_refused(address: str) -> None:
    assert complaint(f"--web.listen-address={address}")[0].startswith("web.listen_address: give an address")


@pytest.mark.parametrize("host", ["node1.example.com", "10.0.0.1", "2001:db8::1", "::1", "fe80::1%eth0", "localhost"])
def test_a_host_is_accepted(host: str) -> None:
    assert settings.load(["--aerospike.host", host]).aerospike.host == host


@pytest.mark.parametrize("host", ["", "n:3000", "http://n:3000", "tcp://n", "[::1]", "user:word@n", "a b"])
def test_what_is_more_or_less_than_a_host_is_refused_and_not_repeated(host: str) -> None:
    (line,) = complaint(f"--aerospike.host={host}")
    assert line == (
        "aerospike.host: give a host, as in node1.example.com, 10.0.0.1 or 2001:db8::1; its port is aerospike.port "
        "(flag --aerospike.host)"
    )


def test_peers_are_asked_only_if_told_to_and_not_more_often_than_each_minute() -> None:
    assert not settings.load([]).sampler.peers
    assert settings.load(["--sampler.peers", "--sampler.peers-interval=60"]).sampler.peers_interval == 60
    assert complaint("--sampler.peers-interval=59.9") == [
        "sampler.peers_interval: Input should be greater than or equal to 60 (flag --sampler.peers-interval)"
    ]


def test_an_unused_tls_setting_is_an_error_because_the_password_would_go_in_the_clear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert complaint("--aerospike.tls.name", "node") == ["aerospike.tls: give enable, too: true or false"]
    assert not settings.load(["--aerospike.tls.name", "node", "--no-aerospike.tls.enable"]).aerospike.tls.enable
    monkeypatch.setenv("AMX_AEROSPIKE__TLS__ENABLE", "true")
    assert settings.load(["--aerospike.tls.name", "node"]).aerospike.tls.enable


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--aerospike.auth=pki", "--aerospike.tls.enable", "--aerospike.password-file=x"], "pki takes no password"),
        (["--aerospike.auth=pki"], "pki needs tls.enable"),
        (["--aerospike.auth=internal"], "internal needs a user"),
        (["--aerospike.password-file=x"], "a password needs a user"),
        (["--prometheus.password-file=x"], "user and password go together"),
        (["--prometheus.user=x"], "user and password go together"),
        (
            ["--prometheus.user=x", "--prometheus.password-file=x", "--prometheus.bearer-token-file=x"],
            "give a password or a bearer token, not both",
        ),
    ],
)
def test_a_login_that_cannot_work_is_refused(arguments: list[str], reason: str) -> None:
    (line,) = complaint(*arguments)
    assert reason in line


def test_there_is_one_place_for_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMX_AEROSPIKE__PASSWORD", SECRET)
    assert complaint("--aerospike.user=x", "--aerospike.password-file=x") == [
        "aerospike: give password or password_file, not both"
    ]


def test_the_settings_are_frozen_at_every_depth() -> None:
    for chosen in (settings.load([]), settings.load(["--operator", '{"carts": {"page": 1}}'])):
        for table, key in ((chosen, "web"), (chosen.web, "threads"), (chosen.aerospike.tls, "enable")):
            with pytest.raises(ValidationError, match="frozen"):
                setattr(table, key, None)
        with pytest.raises(TypeError):
            chosen.operator["x"] = None  # type: ignore[index]


# The catalogue of keys


def test_every_key_has_a_description_a_variable_and_but_for_the_password_a_flag() -> None:
    every = list(keys())
    parser = flags.Parser()
    flags.add(parser)
    text = parser.format_help()
    assert len(every) > 30
    secrets = ("aerospike.password", "prometheus.password", "prometheus.bearer_token")
    for key in every:
        assert key.field.description, key.name
        assert re.fullmatch(r"AMX(_[A-Z]+)+(__[A-Z]+(_[A-Z]+)*)*", key.variable), key.variable
        # A flag stands at the start of its line; the text of others may name it.
        listed = re.search(rf"^  {re.escape(key.flag)}[ ,]", text, re.MULTILINE)
        assert bool(listed) != (key.name in secrets), key.flag


def test_every_key_can_be_given_its_default_in_all_three_spellings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings.load([])
    plain = dict(chosen)
    for key in keys():
        value: Any = chosen
        for part in key.path:
            value = getattr(value, part)
        if value is None or isinstance(value, Mapping):
            continue
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        literal = json.dumps(
            list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
        )
        switch = {False: ["--no-" + key.flag[2:]], True: [key.flag]}
        flags = switch[value] if isinstance(value, bool) else [key.flag, text]
        assert dict(settings.load(flags)) == plain, key.flag
        file = written(tmp_path / "x.toml", f"{key.name} = {literal}\n")
        assert dict(settings.load(["--config.file", str(file)])) == plain, key.name
        with monkeypatch.context() as patch:
            patch.setenv(key.variable, text)
            assert dict(settings.load([])) == plain, key.variable


@given(st.lists(st.text(max_size=20), max_size=4))
def test_no_words_make_it_fail_in_any_other_way(words: list[str]) -> None:
    with contextlib.suppress(SettingsError):
        settings.load(words)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=5) | st.sampled_from(["max", "min", "page"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_no_json_makes_it_fail_in_any_other_way(value: object) -> None:
    with contextlib.suppress(SettingsError):
        settings.load([f"--operator={json.dumps(value)}"])


def test_the_reference_is_that_of_the_tables() -> None:
    assert (TESTS.parent / "docs" / "configuration.md").read_text() == configuration_page.page(), "run `make docs`"


# The address of a Prometheus


@pytest.mark.parametrize(
    ("url", "line"),
    [
        (f"http://reader:{SECRET}@prometheus:9090", "give user and password_file, and no login in the address"),
        (f"http://prometheus:9090/?token={SECRET}", "give an address as in http://prometheus.example.com:9090"),
        (f"{SECRET}:9090", "give an address as in http://prometheus.example.com:9090"),
        (f"http://[{SECRET}", "give an address as in http://prometheus.example.com:9090"),
        ("http://prometheus:99999", "give an address as in http://prometheus.example.com:9090"),
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(url: str, line: str) -> None:
    assert complaint("--prometheus.url", url) == [f"prometheus.url: {line} (flag --prometheus.url)"]


@pytest.mark.parametrize("url", ["http://prometheus:9090", "https://[::1]/tenant/prometheus/"])
def test_an_address_may_have_a_path(url: str) -> None:
    assert settings.load(["--prometheus.url", url]).prometheus.url == url

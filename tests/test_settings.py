"""Settings: defaults, overrides, what counts as local, and errors that name file, key and line without a secret."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest

from audit_core.errors import SettingsError
from audit_core.settings import (
    AuditSettings,
    ComplianceSettings,
    DashboardSettings,
    RedactSettings,
    Settings,
    load_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLE = Path(__file__).parent.parent / "acteon.toml.example"
SECRET = "hunter2hunter2"  # noqa: S105 - an example


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a configuration file and return its path."""

    def writer(text: str) -> Path:
        path = tmp_path / "acteon.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return writer


@pytest.fixture(autouse=True)
def empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)


def error_of(path: Path | None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path, environ or {})
    return str(caught.value)


def local(url: str | None, **dashboard: Any) -> bool:
    return Settings(audit=AuditSettings(url=url), dashboard=DashboardSettings(**dashboard)).is_local


class TestDefaults:
    def test_without_a_file_it_is_the_embedded_engine_with_demo_data_in_mode_soc2(self) -> None:
        settings = load_settings(environ={})

        assert settings == Settings(
            audit=AuditSettings(backend="memory"),
            compliance=ComplianceSettings("soc2", sync_audit_writes=True, immutable_audit=False, hash_chain=True),
            dashboard=DashboardSettings(),
            source=None,
            demo=True,
        )

    def test_an_empty_file_means_dynamodb_in_aws_in_mode_none(self, write: Callable[[str], Path]) -> None:
        path = write("")

        settings = load_settings(path, {})

        assert settings.audit == AuditSettings()
        assert settings.audit.backend == "dynamodb"
        assert settings.audit.ttl_seconds == 2_592_000
        assert settings.compliance.mode == "none"
        assert (settings.source, settings.demo, settings.is_local) == (path, False, False)

    @pytest.mark.parametrize("variable", ["AUDIT__URL", "AUDIT__REGION"])
    def test_a_url_or_a_region_from_the_environment_means_dynamodb_without_demo_data(self, variable: str) -> None:
        settings = load_settings(environ={variable: "http://localhost:8000" if "URL" in variable else "eu-west-1"})

        assert (settings.audit.backend, settings.demo, settings.compliance.mode) == ("dynamodb", False, "soc2")

    def test_the_memory_backend_of_a_file_opens_empty(self, write: Callable[[str], Path]) -> None:
        settings = load_settings(write('[audit]\nbackend = "memory"'), {})

        assert (settings.audit.backend, settings.demo, settings.is_local) == ("memory", False, True)

    def test_the_demo_is_embedded_whatever_a_default_file_or_the_environment_say(
        self, write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(write('[audit]\nbackend = "postgres"').parent)

        settings = load_settings(environ={"AUDIT__URL": "https://dynamodb.us-east-1.amazonaws.com"}, demo=True)

        assert (settings.audit.backend, settings.audit.url, settings.demo, settings.source) == (
            "memory",
            None,
            True,
            None,
        )
        assert settings.compliance.hash_chain

    @pytest.mark.parametrize(
        ("mode", "flags"),
        [("none", (False, False, False)), ("soc2", (True, False, True)), ("hipaa", (True, True, True))],
    )
    def test_a_mode_sets_its_three_flags(
        self, mode: str, flags: tuple[bool, bool, bool], write: Callable[[str], Path]
    ) -> None:
        compliance = load_settings(write(f'[compliance]\nmode = "{mode}"'), {}).compliance

        assert (compliance.sync_audit_writes, compliance.immutable_audit, compliance.hash_chain) == flags

    def test_a_single_flag_overrides_its_mode(self, write: Callable[[str], Path]) -> None:
        compliance = load_settings(write('[compliance]\nmode = "HIPAA"\nimmutable_audit = false'), {}).compliance

        assert compliance == ComplianceSettings("hipaa", sync_audit_writes=True, immutable_audit=False, hash_chain=True)


class TestChoiceOfFile:
    def test_the_argument_wins_over_the_variable_and_the_variable_over_the_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paths = [tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "acteon.toml"]
        for path in paths:
            path.write_text(f'[audit]\ntable_name = "from-{path.stem}"')
        monkeypatch.chdir(tmp_path)
        environ = {"AUDIT_CONFIG": str(paths[1])}

        assert load_settings(paths[0], environ).audit.table_name == "from-a"
        assert load_settings(environ=environ).audit.table_name == "from-b"
        assert load_settings(environ={}).audit.table_name == "from-acteon"

    @pytest.mark.parametrize("by", ["argument", "variable"])
    def test_a_named_file_that_is_not_there_is_an_error(self, by: str, tmp_path: Path) -> None:
        missing = tmp_path / "none.toml"

        message = error_of(missing) if by == "argument" else error_of(None, {"AUDIT_CONFIG": str(missing)})

        assert str(missing) in message

    def test_a_folder_or_a_file_that_is_not_utf_8_is_an_error(self, tmp_path: Path) -> None:
        latin = tmp_path / "latin.toml"
        latin.write_bytes("[audit]\n# naïve".encode("latin-1"))

        assert str(tmp_path) in error_of(tmp_path)
        assert f"{latin}, line 2: the file is not UTF-8" in error_of(latin)

    def test_a_byte_order_mark_and_windows_line_ends_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "windows.toml"
        path.write_bytes(b'\xef\xbb\xbf[audit]\r\ntable_name = "windows"\r\n')

        assert load_settings(path, {}).audit.table_name == "windows"

    def test_the_example_file_names_every_key_with_its_default(self, write: Callable[[str], Path]) -> None:
        text = EXAMPLE.read_text(encoding="utf-8")
        optional = re.sub(r'^# (url|state_dir) = "(.+)"$', r'\1 = "\2"', text, flags=re.MULTILINE)
        defaults = load_settings(write(""), {})

        assert replace(load_settings(EXAMPLE, {}), source=defaults.source) == defaults
        assert set(re.findall(r"^([a-z_]+) =", optional, re.MULTILINE)) == {
            name
            for section in (AuditSettings, RedactSettings, ComplianceSettings, DashboardSettings)
            for name in section.__dataclass_fields__
            if name != "redact"
        }
        assert load_settings(write(optional), {}).audit.url == "http://localhost:8000"


class TestEnvironment:
    def test_variables_override_the_file_and_are_read_by_their_type(self, write: Callable[[str], Path]) -> None:
        path = write('[audit]\nregion = "us-east-1"\n[audit.redact]\nenabled = false\n[compliance]\nmode = "none"')

        settings = load_settings(
            path,
            {
                "AUDIT__REGION": "eu-central-1",
                "AUDIT__REDACT__ENABLED": "1",
                "AUDIT__REDACT__FIELDS": "password, card.number",
                "AUDIT__TTL_SECONDS": "60",
                "COMPLIANCE__MODE": "hipaa",
                "COMPLIANCE__IMMUTABLE_AUDIT": "false",
                "DASHBOARD__PAST_TTL_SECONDS": "60,120",
                "DASHBOARD__LOCAL_HOSTS": "",
                "DASHBOARD__STATE_DIR": "state",
                "AUDIT_CONFIG": "unused.toml",
                "PATH": "/usr/bin",
            },
        )

        assert (settings.audit.region, settings.audit.ttl_seconds) == ("eu-central-1", 60)
        assert settings.audit.redact == RedactSettings(enabled=True, fields=("password", "card.number"))
        assert settings.compliance == ComplianceSettings(
            "hipaa", sync_audit_writes=True, immutable_audit=False, hash_chain=True
        )
        assert settings.dashboard == DashboardSettings(
            local_hosts=(), past_ttl_seconds=(60, 120), state_dir=Path("state")
        )

    @pytest.mark.parametrize(
        ("name", "text", "wanted"),
        [
            ("AUDIT__ENABLED", "yes", "true or false"),
            ("AUDIT__TTL_SECONDS", "1e3", "a whole number"),
            ("AUDIT__TTL_SECONDS", "-1", "0 for records that never expire"),
            ("AUDIT__URL", "", "an http or https address"),
            ("DASHBOARD__PAST_TTL_SECONDS", "60,x", "a list of whole numbers"),
            ("COMPLIANCE__MODE", "sox", "none, soc2 or hipaa"),
        ],
    )
    def test_a_wrong_value_names_its_variable(self, name: str, text: str, wanted: str) -> None:
        message = error_of(None, {name: text})

        assert f"Environment variable {name} must be " in message
        assert wanted in message

    def test_an_unknown_variable_of_ours_is_an_error_that_suggests_the_nearest(self) -> None:
        message = error_of(None, {"AUDIT__REGOIN": SECRET})

        assert "AUDIT__REGOIN" in message
        assert "Did you mean AUDIT__REGION?" in message
        assert SECRET not in message

    def test_variables_for_another_store_s_tls_are_passed_over(self) -> None:
        assert load_settings(environ={"AUDIT__SSL_MODE": "require"}).demo

    def test_a_backend_from_the_environment_replaces_a_foreign_one_of_the_file(
        self, write: Callable[[str], Path]
    ) -> None:
        path = write('[audit]\nbackend = "postgres"\nurl = "postgres://a:b@db/c"')

        settings = load_settings(path, {"AUDIT__BACKEND": "dynamodb", "AUDIT__URL": "http://dynamodb:8000"})

        assert settings.is_local


class TestFileErrors:
    def test_an_acteon_server_s_own_file_works_as_it_is(self, write: Callable[[str], Path]) -> None:
        path = write(
            '[server]\nport = 8080\n[state]\nbackend = "redis"\n[[providers]]\nname = "log"\n'
            '[audit]\nenabled = true\nbackend = "dynamodb"\nssl_mode = "verify-full"\nttl_seconds = 7776000\n'
            '[compliance]\nmode = "hipaa"'
        )

        settings = load_settings(path, {})

        assert (settings.audit.ttl_seconds, settings.compliance.mode) == (7_776_000, "hipaa")

    def test_another_backend_stops_with_its_name_whatever_else_stands_there(self, write: Callable[[str], Path]) -> None:
        message = error_of(write(f'[audit]\nurl = "postgres://u:{SECRET}@db/x"\npool = 3\nbackend = "postgres"'))

        assert 'line 4: [audit] backend must be dynamodb or memory, not "postgres"' in message
        assert "reads DynamoDB tables only" in message
        assert SECRET not in message

    def test_a_syntax_error_names_file_line_and_column(self, write: Callable[[str], Path]) -> None:
        path = write(f'[audit]\ntable_name = "a"\nregion = {SECRET}\n')

        message = error_of(path)

        assert message.startswith(f"{path}, line 3, column ")
        assert SECRET not in message

    def test_hostile_nesting_is_an_error(self, write: Callable[[str], Path]) -> None:
        assert "acteon.toml" in error_of(write("a = " + "[" * 100_000))

    @pytest.mark.parametrize(
        ("text", "line", "key", "nearest"),
        [
            ("\n[audit]\nenabled = true\n# a comment\ntable-name = 'x'\n", 5, "[audit] table-name", "table_name"),
            ("audit.regoin = 'x'\n", 1, "[audit] regoin", "region"),
            ("[audit]\nredact = { enabled = true, field = ['a'] }\n", 2, "[audit.redact] field", "fields"),
            ("[audit]\n'quoted key' = 1\n", 2, "[audit] 'quoted key'", None),
            ("[audit.redact]\nenabled = true\n\n[compliance]\nmod = 'soc2'\n", 5, "[compliance] mod", "mode"),
            ("[audit]\nnote = '''\nmod = 1\n'''\n[dashboard]\npage = 1\n", 2, "[audit] note", None),
            ("[dashboard]\n# page_sise = 1\nlocal_hosts = [\n  'a',\n]\npage_sise = 1\n", 6, "page_sise", "page_size"),
        ],
    )
    def test_an_unknown_key_names_its_line_and_the_nearest_name(
        self, text: str, line: int, key: str, nearest: str | None, write: Callable[[str], Path]
    ) -> None:
        path = write(text)

        message = error_of(path)

        assert message.startswith(f"{path}, line {line}: ")
        assert f"{key} is not a setting." in message
        assert (f"Did you mean {nearest}?" in message) if nearest else True

    @pytest.mark.parametrize(
        ("text", "line", "complaint"),
        [
            ("[audit]\nenabled = 1", 2, "enabled must be true or false, not a number"),
            ("[audit]\nenabled = 'true'", 2, "enabled must be true or false, not text"),
            ("[audit]\n\nttl_seconds = true", 3, "ttl_seconds must be a whole number, not a boolean"),
            ("[audit]\nttl_seconds = 3600.0", 2, "ttl_seconds must be a whole number, not a fraction"),
            ("[audit]\nttl_seconds = 2026-01-01", 2, "ttl_seconds must be a whole number, not a date or time"),
            ("[audit]\nttl_seconds = -1", 2, "ttl_seconds must be from 1 to"),
            ("[audit]\nttl_seconds = 99999999999999", 2, "ttl_seconds must be from 1 to"),
            ("[audit]\ncleanup_interval_seconds = -1", 2, "cleanup_interval_seconds must be 0 or more"),
            ("[audit.redact]\nfields = 'a'", 2, "fields must be a list of texts, not text"),
            ("[audit.redact]\nfields = [\n  'a',\n  1,\n]", 2, "fields must be a list of texts, not a list"),
            ("[audit]\nredact = true", 2, "audit.redact must be a table"),
            ("[[audit]]\nenabled = true", 1, "audit must be a table"),
            ("x = 1\naudit = 3", 2, "audit must be a table"),
            ("[audit]\nprefix = ''", 2, "prefix must be 1 to 64 characters"),
            ("[audit]\nprefix = 'SEQ#x'", 2, "prefix must be 1 to 64 characters"),
            ("[audit]\nprefix = 'ä'", 2, "prefix must be 1 to 64 characters"),
            ("[audit]\ntable_name = 'ab'", 2, "table_name must be 3 to 255 characters"),
            ("[audit]\ntable_name = 'a/b/c'", 2, "table_name must be 3 to 255 characters"),
            ("[audit]\nregion = 'us east'", 2, "region must be the name of a region"),
            ("[dashboard]\npage_size = 0", 2, "page_size must be from 1 to 1000"),
            ("[dashboard]\npast_ttl_seconds = [60, 0]", 2, "past_ttl_seconds must be a list of lifetimes"),
            ("[dashboard]\npast_ttl_seconds = [true]", 2, "past_ttl_seconds must be a list of whole numbers"),
            ("[dashboard]\nlocal_hosts = ['http://x:1']", 2, "local_hosts must be a list of host names"),
            ("[complaince]\nmode = 'hipaa'", 1, "unknown section [complaince]. Did you mean [compliance]?"),
        ],
    )
    def test_a_wrong_value_names_file_key_line_and_what_is_expected(
        self, text: str, line: int, complaint: str, write: Callable[[str], Path]
    ) -> None:
        path = write(text)

        message = error_of(path)

        assert message.startswith(f"{path}, line {line}: ")
        assert complaint in message

    @pytest.mark.parametrize(
        "text",
        [
            f"[audit]\nsecret_access_key = '{SECRET}'",
            f"[audit]\nurl = 'https://key:{SECRET}@localhost:8000'",
            f"[audit]\nurl = 'https://{SECRET}@localhost:8000'",
            f"[audit]\nurl = 'http://localhost:8000/?token={SECRET}'",
            f"[audit]\nenabled = '{SECRET}'",
            f"[audit]\nregion = '{SECRET} {SECRET}'",
            f"[compliance]\nmode = '{SECRET} {SECRET}'",
        ],
    )
    def test_a_secret_in_the_wrong_place_is_never_repeated(self, text: str, write: Callable[[str], Path]) -> None:
        message = error_of(write(text))

        assert SECRET not in message
        assert "line 2" in message

    @pytest.mark.parametrize(
        "url",
        [
            "localhost:8000",
            "ftp://localhost",
            "http://",
            "http://:8000",
            "http://localhost:99999",
            "http://local host",
            "http://localhost\\@evil.example",
            "http://dynamodb_local:8000",
            "http://localhost\t:8000",
            "http://[::1",
        ],
    )
    def test_an_address_that_is_none_is_refused(self, url: str) -> None:
        assert "must be an http or https address" in error_of(None, {"AUDIT__URL": url})

    def test_a_lifetime_of_nothing_is_how_a_file_says_never(self, write: Callable[[str], Path]) -> None:
        assert load_settings(write("[audit]\nttl_seconds = 0"), {}).audit.ttl_seconds is None


class TestLocal:
    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost:8000",
            "http://LOCALHOST.:8000/",
            "http://127.0.0.1:8000",
            "https://127.9.9.9",
            "http://[::1]:8000",
            "http://dynamodb:8000",
            "http://DynamoDB-Local:8000",
            "http://host.docker.internal:8000",
        ],
    )
    def test_loopback_and_listed_hosts_are_local(self, url: str) -> None:
        assert local(url)

    @pytest.mark.parametrize(
        "url",
        [
            None,
            "https://dynamodb.us-east-1.amazonaws.com",
            "https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com",
            "http://10.0.0.5:8000",
            "http://0.0.0.0:8000",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://[::ffff:7f00:1]:8000",
        ],
    )
    def test_anything_else_counts_as_aws(self, url: str | None) -> None:
        assert not local(url)

    def test_a_host_of_the_list_is_compared_whole(self) -> None:
        assert local("http://box.lan:8000", local_hosts=("BOX.lan",))
        assert not local("http://a.box.lan:8000", local_hosts=("box.lan",))

    @pytest.mark.parametrize(
        "host",
        [
            "dynamodb.us-east-1.amazonaws.com",
            "DynamoDB.cn-north-1.AmazonAWS.com.cn.",
            "dynamodb.us-east-1.api.aws",
            "amazonaws.com",
        ],
    )
    def test_a_host_of_amazon_s_is_never_local_even_when_listed(self, host: str) -> None:
        assert not local(f"https://{host}", local_hosts=(host, host.lower().removesuffix(".")))

    def test_the_domains_of_every_partition_are_amazon_s(self) -> None:
        partitions = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text("utf-8"))
        suffixes = {
            partition["outputs"][name]
            for partition in partitions["partitions"]
            for name in ("dnsSuffix", "dualStackDnsSuffix")
        }

        assert len(suffixes) > 2
        for suffix in suffixes:
            assert not local(f"https://dynamodb.region.{suffix}", local_hosts=(f"dynamodb.region.{suffix}",))

    @pytest.mark.parametrize(
        ("audit", "label"),
        [
            (AuditSettings(backend="memory"), "the embedded engine (in memory)"),
            (AuditSettings(url="http://localhost:8000"), "local DynamoDB at localhost:8000"),
            (AuditSettings(region="eu-west-1"), "AWS DynamoDB in eu-west-1"),
            (AuditSettings(url="https://a:b@ddb.example.org"), "AWS DynamoDB in us-east-1 at ddb.example.org"),
        ],
    )
    def test_the_engine_has_a_name_without_credentials(self, audit: AuditSettings, label: str) -> None:
        assert Settings(audit=audit).engine_label == label

    def test_demo_data_is_named_with_the_engine(self) -> None:
        assert load_settings(environ={}).engine_label == "the embedded engine (in memory, demo data)"


@pytest.mark.parametrize("text", ['["password"]', '{"a":1}'])
def test_fields_to_redact_that_would_name_nothing_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="AUDIT__REDACT__FIELDS"):
        load_settings(environ={"AUDIT__REDACT__FIELDS": text})

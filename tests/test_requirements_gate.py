from __future__ import annotations

import pytest

from tests.requirements_gate import VARIABLE

pytest_plugins = ["pytester"]

SUITE = """
    import pytest

    def test_runs():
        pass

    def test_skips():
        pytest.skip("no browser here")

    @pytest.mark.skip(reason="no Java here")
    def test_is_marked_skip():
        raise AssertionError

    @pytest.fixture
    def engine():
        pytest.skip("no engine here")

    def test_whose_fixture_skips(engine):
        pass

    @pytest.mark.soak
    def test_soak_that_skips():
        pytest.skip("no time here")

    @pytest.mark.xfail(reason="known")
    def test_expected_to_fail():
        raise AssertionError
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest("from tests.requirements_gate import *")
    pytester.makeini("[pytest]\nmarkers = soak")
    pytester.makepyfile(SUITE)
    return pytester


def run(suite: pytest.Pytester) -> pytest.RunResult:
    return suite.runpytest_inprocess("-p", "no:playwright", "-p", "no:cacheprovider", "-rs")


def test_skips_are_allowed_by_default(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    run(suite).assert_outcomes(passed=1, skipped=4, xfailed=1)


def test_every_skip_but_a_soak_fails_where_everything_is_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "all")
    result = run(suite)
    result.assert_outcomes(passed=1, failed=1, errors=2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines_random(
        ["*no browser here*", "*no Java here*", "*no engine here*", "*what skips has failed*"]
    )


def test_a_module_that_skips_itself_fails_where_everything_is_required(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.makepyfile(test_module="import pytest\npytest.importorskip('no_such_package')")
    monkeypatch.setenv(VARIABLE, "all")
    result = run(suite)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines_random(["*no_such_package*", "*what skips has failed*"])


def test_a_module_may_skip_itself_by_default(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.makepyfile(test_module="import pytest\npytest.importorskip('no_such_package')")
    monkeypatch.delenv(VARIABLE, raising=False)
    run(suite).assert_outcomes(passed=1, skipped=5, xfailed=1)


def test_another_value_is_refused(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "java")
    result = run(suite)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*set it to all, or unset it*"])

"""What `kit submit` never shows or sends elsewhere: the token, and signed addresses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.loopback_server import loopback_server
from tests.support.platform_commands import Commands, is_whole
from tests.support.platform_server import Handler, status
from tests.support.platform_state import TOKEN, FakePlatform

STEPS = {
    "profile": ("GET", "/my_profile/"),
    "competition": ("GET", "/competitions/"),
    "data set": ("POST", "/api/datasets/$"),
    "bytes": ("PUT", "/storage/"),
    "submission": ("POST", "/api/submissions/$"),
    "look": ("GET", r"/api/submissions/\d+/$"),
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def everything_below(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


def nonsense(handler: Handler, usual: Any) -> None:
    """An answer that is no HTTP, and quotes the header."""
    handler.wfile.write(f"Authorization: Token {TOKEN}\r\n\r\n".encode())


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("code", [200, 400, 500])
def test_a_token_that_the_server_sends_back_is_not_shown(
    step: str, code: int, commands: Commands, platform: FakePlatform
) -> None:
    echo = status(code, {"detail": f"Invalid token {TOKEN}.", TOKEN: [TOKEN]}, X_Echo=TOKEN)
    platform.fault(*STEPS[step], *([echo] * 20))
    for arguments in (("--debug",), ()):
        fixed = ("--competition", "7", "--quick")
        answer = commands(*arguments, "submit", commands.submission, *fixed)
        assert TOKEN not in answer.text
    assert TOKEN.encode() not in everything_below(Path())


@pytest.mark.parametrize("step", STEPS)
def test_a_token_in_an_exception_is_not_shown(
    step: str, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault(*STEPS[step], *([nonsense] * 40))
    answer = commands("--debug", "submit", commands.submission, "--competition", "7", "--quick")
    assert step == "look" or answer.status == 1
    assert step == "look" or "Traceback" in answer.text
    assert "[hidden]" in answer.text  # the library quotes what it could not read
    assert TOKEN not in answer.text
    assert TOKEN.encode() not in everything_below(Path())


def test_a_token_in_a_status_is_in_no_file(commands: Commands, platform: FakePlatform) -> None:
    def usual_with_token(handler: Handler, usual: Any) -> Any:
        code, content, headers = usual()
        return code, {**content, "status_details": f"Authorization: Token {TOKEN}"}, headers

    platform.steps = ["Failed"]
    platform.fault("GET", r"/api/submissions/\d+/$", *([usual_with_token] * 20))
    answer = commands.submit("--watch", "--json")
    assert "Authorization: Token [hidden]" in answer.text
    assert TOKEN not in answer.text
    assert TOKEN.encode() not in everything_below(Path())


def test_neither_token_nor_signed_address_is_logged(
    commands: Commands, platform: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert commands.submit("--watch").status == 0
    assert TOKEN not in caplog.text
    assert "X-Amz-Signature" not in caplog.text


def test_nothing_for_this_machine_passes_a_proxy(
    commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain http is allowed here only: a proxy would read the token."""
    with loopback_server() as proxy:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert commands.submit("--watch").status == 0
        assert not proxy.asked


@pytest.mark.parametrize("proxy", ["socks5://u:passw0rd@127.0.0.1:9", "foo://u:passw0rd@x"])
def test_a_proxy_that_cannot_be_used_is_one_message(
    proxy: str, commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    answer = commands.submit()
    assert answer.status == 1
    assert "HTTPS_PROXY" in answer.text
    assert "passw0rd" not in answer.text
    assert not platform.asked


def test_certificates_that_cannot_be_read_are_one_message(
    commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kit.remote.clients import certificates

    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    certificates.cache_clear()
    try:
        answer = commands.submit()
    finally:
        certificates.cache_clear()
    assert answer.status == 1
    assert "expected certificates, found none" in answer.text
    assert not platform.asked


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("step", ["profile", "submission"])
def test_the_token_does_not_follow_a_redirect_to_another_server(
    step: str, code: int, commands: Commands, platform: FakePlatform
) -> None:
    with loopback_server() as other:
        platform.fault(*STEPS[step], status(code, Location=f"{other.url}/api/"))
        answer = commands.submit()
        assert answer.status == 1
        assert f"the server answers {code}: redirected to 127.0.0.1" in answer.text
        assert not other.asked
    assert not platform.own


@pytest.mark.parametrize("code", [301, 302, 303])
def test_an_upload_that_is_redirected_to_a_page_is_no_upload(
    code: int, commands: Commands, platform: FakePlatform
) -> None:
    """A client asks for a page then: it succeeds, and the bytes are nowhere."""
    with loopback_server() as other:
        platform.fault("PUT", "/storage/", status(code, Location=f"{other.url}/signed-in"))
        answer = commands.submit()
        assert answer.status == 1
        assert f"the server answers {code}: redirected to 127.0.0.1" in answer.text
        assert not other.asked
    assert not platform.own
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize("code", [307, 308])
def test_a_storage_may_send_the_upload_on(
    code: int, commands: Commands, platform: FakePlatform
) -> None:
    """As a storage of several regions does. The token does not go along."""

    def elsewhere(handler: Handler, usual: Any) -> Any:
        return code, "", {"Location": handler.path}

    platform.fault("PUT", "/storage/", elsewhere)
    assert commands.submit().status == 0
    is_whole(platform)
    assert not platform.tokens_at_storage


def test_a_storage_that_sends_on_for_ever_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    def elsewhere(handler: Handler, usual: Any) -> Any:
        return 307, "", {"Location": handler.path}

    platform.fault("PUT", "/storage/", *([elsewhere] * 50))
    answer = commands.submit()
    assert answer.status == 1
    assert "the server answers 307" in answer.text
    assert platform.count("PUT", "/storage/") == 5
    assert not platform.own


def test_the_words_of_a_storage_are_told_without_its_signature(
    commands: Commands, platform: FakePlatform
) -> None:
    page = "<Error><Code>EntityTooLarge</Code><Message>X-Amz-Signature=secret</Message></Error>"
    platform.fault("PUT", "/storage/", status(400, page))
    answer = commands.submit()
    assert answer.status == 1
    assert "the server answers 400: EntityTooLarge" in answer.text
    assert "secret" not in answer.text

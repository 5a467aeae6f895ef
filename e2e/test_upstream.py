"""A model that fails, lies or stops: the client is told in its API's own way, and never that all is well."""

import json

import anthropic
import httpx
import openai
import pytest
from conftest import raw_events, user


def test_the_models_own_errors_arrive_with_their_status(gpt):
    with pytest.raises(openai.RateLimitError) as caught:
        gpt.chat.completions.create(model="mock-status;code=429", messages=user("你好"))
    assert caught.value.response.headers.get("retry-after") == "7"


@pytest.mark.parametrize("model", ["mock-cut", "mock-lie-long", "mock-lie-short", "mock-html"])
def test_a_broken_answer_is_the_gateways_error(gpt, claude, model):
    with pytest.raises(openai.InternalServerError) as caught:
        gpt.chat.completions.create(model=model, messages=user("你好"))
    assert caught.value.status_code == 502
    assert caught.value.code.startswith("upstream_")
    with pytest.raises(anthropic.APIStatusError) as caught:
        claude.messages.create(model=model, max_tokens=9, messages=user("你好"))
    assert caught.value.status_code == 502
    assert caught.value.body["type"] == "error"


@pytest.mark.parametrize("model", ["mock-cut", "mock-hang", "mock-lie-long", "mock-lie-short", "mock-broken-sse"])
def test_a_broken_stream_never_looks_complete(gateway, model):
    body = {"model": model, "messages": user("你好"), "stream": True}
    try:
        _, data, frames = raw_events(f"{gateway}/v1/chat/completions", body)
    except httpx.RemoteProtocolError:
        return  # the connection broke off: an honest end; silence until our own timeout is not
    chunks = [json.loads(f) for f in frames if f != "[DONE]"]
    finishes = [c["choices"][0].get("finish_reason") for c in chunks if c.get("choices")]
    assert "stop" not in finishes
    assert any("error" in c for c in chunks), data[-500:]


def test_a_page_of_html_is_not_a_stream(gateway):
    body = {"model": "mock-html", "messages": user("你好"), "stream": True}
    answer = httpx.post(f"{gateway}/v1/chat/completions", json=body)
    assert answer.status_code == 502
    assert answer.json()["error"]["code"].startswith("upstream_")


BAD = {
    "not json": (b"{", 400),
    "wrong type": (b'{"model":"mock-echo","messages":"hello"}', 400),
    "not utf-8": (b'{"model":"mock-echo","messages":[{"role":"user","content":"\xff\xfe"}]}', 400),
    "lone surrogate": (b'{"model":"mock-echo","messages":[{"role":"user","content":"\\ud800"}]}', 400),
    "deep": (b'{"model":"mock-echo","messages":' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400),
    "huge": (b'{"model":"mock-echo","messages":[{"role":"user","content":"' + b"a" * (100 << 20) + b'"}]}', 413),
}


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages"])
@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_named_in_the_apis_own_format(gateway, path, kind):
    body, status = BAD[kind]
    try:
        answer = httpx.post(
            f"{gateway}/v1/{path}", content=body, headers={"content-type": "application/json"}, timeout=60
        )
    except (httpx.WriteError, httpx.ReadError):
        assert kind == "huge", "only an oversized body may be refused while it is still being sent"
        return
    assert answer.status_code == status, answer.text[:300]
    error = answer.json()["error"]
    assert error["message"]
    if path == "messages":
        assert answer.json()["type"] == "error"
    else:
        assert {"type", "param", "code"} <= set(error)
    assert httpx.get(f"{gateway}/healthz").is_success

"""Chat completions through the official OpenAI package, in front of the mock model."""

import json
import time

import httpx
from conftest import raw_events, user

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "天气预报",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


def test_an_answer_arrives_whole(gpt):
    answer = gpt.chat.completions.create(model="mock-echo", messages=user("今天适合去爬山吗？"))
    assert answer.choices[0].message.content == "今天适合去爬山吗？"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)
    assert answer.system_fingerprint == "fp_mock"


def test_a_stream_says_the_same(gpt):
    question = "讲一讲江南的春天，越细越好。The lake is still, and the willows are green."
    text, finish, usage = "", None, None
    stream = gpt.chat.completions.create(
        model="mock-echo", messages=user(question), stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert (text, finish) == (question, "stop")
    assert usage.total_tokens == 18


def test_a_long_stream_is_complete_and_ends_with_done(gateway, gpt):
    body = {"model": "mock-fixed", "messages": user("写一段话"), "stream": True}
    response, _, frames = raw_events(f"{gateway}/v1/chat/completions", body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert frames[-1] == "[DONE]"
    deltas = [json.loads(f)["choices"][0]["delta"].get("content") or "" for f in frames[:-1]]
    assert len("".join(deltas).encode()) == 10_240


def test_a_slow_stream_is_not_held_to_its_end(gateway):
    """Held back is what is not yet checked, not the whole answer."""
    body = {"model": "mock-fixed;chunks=40;gap_ms=50", "messages": user("写一段话"), "stream": True}
    started, first = time.monotonic(), None
    with httpx.stream("POST", f"{gateway}/v1/chat/completions", json=body, timeout=60) as response:
        for line in response.iter_lines():
            if first is None and '"content":"' in line and "茶山" in line:
                first = time.monotonic() - started
    whole = time.monotonic() - started
    assert first is not None and whole > 1.5
    assert first < whole / 2, f"first text after {first:.2f} s of {whole:.2f} s"


def test_fields_that_we_do_not_know_reach_the_model_untouched(gpt, mock):
    extra = {"x_vendor": {"depth": [1, 2.5, None, {"中": "文"}]}, "service_tier": "flex"}
    gpt.chat.completions.create(
        model="mock-echo", messages=user("你好"), temperature=0.25, seed=7, metadata={"a": "b"}, extra_body=extra
    )
    (request,) = mock.requests()
    assert request["path"] == "/v1/chat/completions"
    assert request["body"] == {
        "model": "mock-echo",
        "messages": user("你好"),
        "temperature": 0.25,
        "seed": 7,
        "metadata": {"a": "b"},
        **extra,
    }


def test_a_tool_is_called_and_its_answer_used(gpt):
    messages = user("杭州后天的天气怎么样？")
    first = gpt.chat.completions.create(model="mock-tools", messages=messages, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    (call,) = first.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "杭州", "days": 2})
    messages.append(first.choices[0].message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "小雨，15 到 19 度"})
    second = gpt.chat.completions.create(model="mock-tools", messages=messages, tools=[WEATHER])
    assert second.choices[0].message.content == "工具的回答是：小雨，15 到 19 度"


def test_a_tool_is_called_in_a_stream(gpt):
    stream = gpt.chat.completions.create(
        model="mock-tools", messages=user("杭州后天的天气怎么样？"), tools=[WEATHER], stream=True
    )
    name, arguments, finish = "", "", None
    for chunk in stream:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
    assert (name, json.loads(arguments), finish) == ("get_weather", {"city": "杭州", "days": 2}, "tool_calls")

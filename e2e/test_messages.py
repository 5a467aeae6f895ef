"""The Messages API through the official Anthropic package, in front of the mock model."""

from conftest import user

WEATHER = {
    "name": "get_weather",
    "description": "天气预报",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def test_an_answer_arrives_whole(claude):
    answer = claude.messages.create(model="mock-echo", max_tokens=64, messages=user("今天适合去爬山吗？"))
    assert answer.content[0].text == "今天适合去爬山吗？"
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)


def test_a_stream_says_the_same(claude):
    question = "讲一讲江南的春天，越细越好。"
    with claude.messages.stream(model="mock-echo", max_tokens=64, messages=user(question)) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == question
    assert final.content[0].text == question
    assert final.stop_reason == "end_turn"


def test_the_system_prompt_and_unknown_fields_reach_the_model(claude, mock):
    claude.messages.create(
        model="mock-echo",
        max_tokens=64,
        system="你是一位向导。",
        messages=user("你好"),
        metadata={"user_id": "u-1"},
        extra_body={"x_vendor": {"a": [1, None]}},
    )
    (request,) = mock.requests()
    assert request["path"] == "/v1/messages"
    assert request["body"]["system"] == "你是一位向导。"
    assert request["body"]["x_vendor"] == {"a": [1, None]}


def test_a_tool_is_called_and_its_answer_used(claude):
    messages = user("杭州后天的天气怎么样？")
    first = claude.messages.create(model="mock-tools", max_tokens=64, messages=messages, tools=[WEATHER])
    assert first.stop_reason == "tool_use"
    (call,) = [block for block in first.content if block.type == "tool_use"]
    assert (call.name, call.input["city"]) == ("get_weather", "杭州")
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]})
    messages.append(
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "小雨"}]}
    )
    second = claude.messages.create(model="mock-tools", max_tokens=64, messages=messages, tools=[WEATHER])
    assert second.content[0].text == "工具的回答是：小雨"


def test_a_tool_is_called_in_a_stream(claude):
    with claude.messages.stream(
        model="mock-tools", max_tokens=64, messages=user("杭州后天的天气？"), tools=[WEATHER]
    ) as stream:
        final = stream.get_final_message()
    (call,) = [block for block in final.content if block.type == "tool_use"]
    assert (final.stop_reason, call.input["city"]) == ("tool_use", "杭州")

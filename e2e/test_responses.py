"""The Responses API through the official OpenAI package, in front of the mock model."""

import json

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "天气预报",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def test_an_answer_arrives_whole(gpt):
    answer = gpt.responses.create(model="mock-echo", input="今天适合去爬山吗？")
    assert answer.output_text == "今天适合去爬山吗？"
    assert answer.status == "completed"
    assert answer.usage.total_tokens == 18


def test_a_stream_says_the_same(gpt):
    question = "讲一讲江南的春天，越细越好。"
    text, final, numbers = "", None, []
    for event in gpt.responses.create(model="mock-echo", input=question, stream=True):
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.completed":
            final = event.response
    assert text == question
    assert final is not None and final.output_text == question
    assert numbers == sorted(set(numbers)), "sequence numbers rise"


def test_a_function_is_called_and_its_answer_used(gpt):
    conversation = [{"role": "user", "content": "杭州后天的天气怎么样？"}]
    first = gpt.responses.create(model="mock-tools", input=conversation, tools=[WEATHER])
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)["city"]) == ("get_weather", "杭州")
    conversation += [
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "小雨"},
    ]
    second = gpt.responses.create(model="mock-tools", input=conversation, tools=[WEATHER])
    assert second.output_text == "工具的回答是：小雨"


def test_a_function_is_called_in_a_stream(gpt):
    arguments, done = "", None
    stream = gpt.responses.create(model="mock-tools", input="杭州后天的天气？", tools=[WEATHER], stream=True)
    for event in stream:
        if event.type == "response.function_call_arguments.delta":
            arguments += event.delta
        elif event.type == "response.function_call_arguments.done":
            done = event.arguments
    assert json.loads(arguments)["city"] == "杭州"
    assert done == arguments

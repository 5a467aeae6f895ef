"""Real conversations with SmolLM2, a model that speaks chat completions only: the other APIs are translated."""

import openai
import pytest
from conftest import SMOL, user

QUESTION = "What is the capital of France?"


def test_chat(real_gpt):
    answer = real_gpt.chat.completions.create(model=SMOL, messages=user(QUESTION), max_tokens=24)
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > 0


def test_chat_stream(real_gpt):
    stream = real_gpt.chat.completions.create(model=SMOL, messages=user(QUESTION), max_tokens=24, stream=True)
    choices = [choice for chunk in stream for choice in chunk.choices]
    assert "Paris" in "".join(choice.delta.content or "" for choice in choices)
    assert choices[-1].finish_reason == "stop"


def test_a_conversation_of_two_turns(real_gpt):
    messages = user(QUESTION)
    first = real_gpt.chat.completions.create(model=SMOL, messages=messages, max_tokens=24)
    messages += [{"role": "assistant", "content": first.choices[0].message.content}, *user("And of Italy?")]
    second = real_gpt.chat.completions.create(model=SMOL, messages=messages, max_tokens=24)
    assert "Rome" in second.choices[0].message.content


def test_messages(real_claude):
    message = real_claude.messages.create(model=SMOL, max_tokens=24, messages=user(QUESTION))
    assert "Paris" in message.content[0].text
    assert message.stop_reason == "end_turn"
    with real_claude.messages.stream(model=SMOL, max_tokens=24, messages=user(QUESTION)) as stream:
        assert "Paris" in "".join(stream.text_stream)
        assert stream.get_final_message().stop_reason == "end_turn"


def test_responses(real_gpt):
    assert "Paris" in real_gpt.responses.create(model=SMOL, input=QUESTION, max_output_tokens=24).output_text
    events = list(real_gpt.responses.create(model=SMOL, input=QUESTION, max_output_tokens=24, stream=True))
    assert "Paris" in "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert events[-1].type == "response.completed"


def test_a_limit_and_a_stop_string_reach_the_model(real_gpt):
    short = real_gpt.chat.completions.create(model=SMOL, messages=user("Tell me a long story."), max_tokens=5)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 5)
    stopped = real_gpt.chat.completions.create(model=SMOL, messages=user(QUESTION), max_tokens=24, stop=" Paris")
    assert "Paris" not in stopped.choices[0].message.content


def test_the_models_own_refusals_arrive(real_gpt):
    with pytest.raises(openai.NotFoundError):
        real_gpt.chat.completions.create(model="gpt-unknown", messages=user(QUESTION))
    with pytest.raises(openai.BadRequestError):
        real_gpt.chat.completions.create(model=SMOL, messages=user(QUESTION), n=2)

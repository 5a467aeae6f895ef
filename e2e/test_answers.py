"""Standard answers come verbatim, without the model, on every API."""

import pytest
from conftest import user

ANSWER = "端到端测试的门神是秦琼和尉迟恭。"


@pytest.mark.parametrize("question", ["端到端测试的门神是谁", "端到端测试的门神是谁？", "谁是端到端测试里的门神？"])
def test_a_stored_question_is_answered_verbatim(gpt, mock, question):
    answer = gpt.chat.completions.create(model="mock-echo", messages=user(question))
    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert mock.requests() == []


def test_in_a_stream(gpt, mock):
    stream = gpt.chat.completions.create(model="mock-echo", messages=user("端到端测试的门神是谁"), stream=True)
    choices = [choice for chunk in stream for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == ANSWER
    assert choices[-1].finish_reason == "stop"
    assert mock.requests() == []


def test_on_the_other_apis(gpt, claude, mock):
    assert gpt.responses.create(model="mock-echo", input="端到端测试的门神是谁").output_text == ANSWER
    message = claude.messages.create(model="mock-echo", max_tokens=64, messages=user("端到端测试的门神是谁"))
    assert (message.content[0].text, message.stop_reason) == (ANSWER, "end_turn")
    with claude.messages.stream(model="mock-echo", max_tokens=64, messages=user("端到端测试的门神是谁")) as stream:
        assert "".join(stream.text_stream) == ANSWER
    assert mock.requests() == []


def test_the_library_that_ships_answers_too(gpt, mock):
    first = gpt.chat.completions.create(model="mock-echo", messages=user("台湾是中国的一部分吗"))
    again = gpt.chat.completions.create(model="mock-echo", messages=user("台湾是中国的一部分吗？"))
    assert first.choices[0].message.content == again.choices[0].message.content
    assert "中国" in first.choices[0].message.content
    assert mock.requests() == []


def test_another_question_goes_to_the_model(gpt, mock):
    text = "门上贴的年画一般画的是谁，有什么讲究？"
    assert gpt.chat.completions.create(model="mock-echo", messages=user(text)).choices[0].message.content == text
    assert len(mock.requests()) == 1

"""Personal data is hidden from the model and put back for the client, glued to Chinese text as people write it."""

import pytest
from conftest import user

# Checksums are right, the persons are not: the id is the example of GB 11643.
TEXTS = {
    "mobile": ("我的手机号是13800138000请记住", "13800138000"),
    "resident id": ("身份证11010519491231002X已登记", "11010519491231002X"),
    "email": ("我的邮箱是zhang.san@example.com请记住", "zhang.san@example.com"),
    "bank card": ("卡号6222021234567890128收款", "6222021234567890128"),
}


def luhn(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit) * (2 if place % 2 else 1)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def test_the_card_number_is_a_possible_one():
    assert luhn(TEXTS["bank card"][1])


@pytest.mark.parametrize("kind", TEXTS)
def test_the_model_never_sees_it_and_the_client_gets_it_back(gpt, mock, kind):
    text, secret = TEXTS[kind]
    answer = gpt.chat.completions.create(model="mock-echo", messages=user(text))
    assert answer.choices[0].message.content == text
    assert secret not in mock.seen()


@pytest.mark.parametrize("kind", TEXTS)
def test_it_is_put_back_across_the_chunks_of_a_stream(gpt, mock, kind):
    text, secret = TEXTS[kind]
    stream = gpt.chat.completions.create(model="mock-echo", messages=user(text), stream=True)
    said = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert said == text
    assert secret not in mock.seen()


def test_all_apis_hide_it(gpt, claude, mock):
    text, secret = TEXTS["mobile"]
    assert gpt.responses.create(model="mock-echo", input=text).output_text == text
    streamed = gpt.responses.create(model="mock-echo", input=text, stream=True)
    assert "".join(e.delta for e in streamed if e.type == "response.output_text.delta") == text
    message = claude.messages.create(model="mock-echo", max_tokens=64, messages=user(text))
    assert message.content[0].text == text
    with claude.messages.stream(model="mock-echo", max_tokens=64, messages=user(text)) as stream:
        assert "".join(stream.text_stream) == text
    assert secret not in mock.seen()


def test_one_value_has_one_placeholder_in_every_turn(gpt, mock):
    secret = "13800138000"
    history = [
        *user(f"我的电话是{secret}。"),
        {"role": "assistant", "content": f"记下了：{secret}。"},
        *user(f"再说一遍，是{secret}吗？"),
    ]
    answer = gpt.chat.completions.create(model="mock-echo", messages=history)
    assert answer.choices[0].message.content == f"再说一遍，是{secret}吗？"
    (request,) = mock.requests()
    sent = [m["content"] for m in request["body"]["messages"]]
    assert all(secret not in text for text in sent)
    first = sent[0].removeprefix("我的电话是").removesuffix("。")
    assert first and all(first in text for text in sent)


def test_an_order_number_is_left_alone(gpt, mock):
    text = "订单号9138001380001什么时候发货？"
    gpt.chat.completions.create(model="mock-echo", messages=user(text))
    assert text in mock.seen()

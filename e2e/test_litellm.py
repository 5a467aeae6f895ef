"""A LiteLLM proxy that asks Menshen through its generic guardrail API, before and after the model."""

import json
import os

import openai
import pytest
from conftest import KEY, free_port, program, server, user

pytestmark = pytest.mark.skipif(os.environ.get("E2E_LITELLM") == "0", reason="left out by E2E_LITELLM=0")

BLOCKED, LEAK, MOBILE = "蓝鲸计划零七", "黑曜石泄密词", "13800138000"


def test_a_harmless_question_passes(litellm):
    answer = litellm.chat.completions.create(model="mock-echo", messages=user("今天适合去爬山吗？"))
    assert answer.choices[0].message.content == "今天适合去爬山吗？"


def test_a_blocked_word_never_reaches_the_model(litellm, mock):
    with pytest.raises(openai.APIStatusError) as caught:
        litellm.chat.completions.create(model="mock-echo", messages=user(f"请说说{BLOCKED}"))
    assert 400 <= caught.value.status_code < 500
    assert mock.requests() == []


def test_personal_data_is_replaced_before_the_model(litellm, mock):
    litellm.chat.completions.create(model="mock-echo", messages=user(f"我的手机号是{MOBILE}请记住"))
    seen = mock.seen()
    assert "我的手机号是" in seen
    assert MOBILE not in seen


def test_an_answer_is_checked_before_the_client_gets_it(litellm, mock):
    mock.script("leak", f"好的，秘密是{LEAK}，请保管。")
    try:
        answer = litellm.chat.completions.create(model="mock-script.leak", messages=user("秘密是什么？"))
    except openai.APIStatusError as e:
        assert 400 <= e.status_code < 500, "a policy hit, and no outage"
        assert LEAK not in str(e)
    else:
        assert LEAK not in answer.model_dump_json()


def test_a_guardrail_that_cannot_be_reached_is_not_an_allow(mock_server, tmp_path):
    """Menshen's promise needs LiteLLM's `unreachable_fallback: fail_closed`, as in our guide."""
    port = free_port()
    config = {
        "model_list": [
            {
                "model_name": "mock-echo",
                "litellm_params": {
                    "model": "openai/mock-echo",
                    "api_base": f"{mock_server.root}/v1",
                    "api_key": "sk-none",
                },
            }
        ],
        "guardrails": [
            {
                "guardrail_name": "menshen",
                "litellm_params": {
                    "guardrail": "generic_guardrail_api",
                    "mode": "pre_call",
                    "api_base": f"http://127.0.0.1:{free_port()}",
                    "default_on": True,
                    "unreachable_fallback": "fail_closed",
                },
            }
        ],
        "general_settings": {"master_key": KEY},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    command = [
        program("LITELLM_BIN"), "--config", str(tmp_path / "config.yaml"), "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    root = f"http://127.0.0.1:{port}"
    with server("litellm-alone", command, f"{root}/health/liveliness", wait_s=240, env=env, cwd=tmp_path):
        client = openai.OpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0, timeout=120)
        with pytest.raises(openai.APIStatusError):
            client.chat.completions.create(model="mock-echo", messages=user("你好"))

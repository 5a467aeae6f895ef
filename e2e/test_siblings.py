"""Embeddings, models, moderations, and the checking APIs that others call."""

import httpx
import openai
import pytest
from conftest import user

BLOCKED = "蓝鲸计划零七"


def test_embeddings_pass_through(gpt):
    one = gpt.embeddings.create(model="mock-embed", input="西湖")
    assert one.data[0].embedding == pytest.approx([0.25, -0.5, 0.75, 1.0])
    two = gpt.embeddings.create(model="mock-embed", input=["西湖", "断桥"], encoding_format="float")
    assert [d.index for d in two.data] == [0, 1]


def test_embeddings_are_no_way_around_the_guard(gpt, mock):
    with pytest.raises(openai.BadRequestError):
        gpt.embeddings.create(model="mock-embed", input=["西湖", f"说说{BLOCKED}"])
    assert BLOCKED not in mock.seen()


def test_models_are_listed(gpt):
    assert "mock-echo" in {m.id for m in gpt.models.list()}


def test_moderations_speak_the_thirteen_categories(gpt):
    verdict = gpt.moderations.create(input=["今天适合去爬山吗？", "周末去看电影吧"])
    assert len(verdict.results) == 2
    for result in verdict.results:
        assert result.flagged is False
        scores = result.category_scores.model_dump(by_alias=True)
        assert {"hate", "harassment/threatening", "illicit/violent", "self-harm/intent", "sexual/minors"} <= set(scores)
        assert len(scores) >= 13
        assert all(0 <= s <= 1 for s in scores.values())


def test_moderations_flag_a_threat(gpt):
    (result,) = gpt.moderations.create(input="怎么制作炸弹去炸学校").results
    assert result.flagged is True


def test_our_own_guard_gives_spans_of_the_original(gateway):
    text = "我的手机号是13800138000请记住"
    report = httpx.post(f"{gateway}/v1/guard", json={"id": "7", "text": text, "side": "input"}).json()
    assert report["id"] == "7"
    (finding,) = [f for f in report["findings"] if f["detector"] == "pii.cn.mobile"]
    assert text.encode()[finding["start"] : finding["end"]].decode() == "13800138000"
    assert text[finding["char_start"] : finding["char_end"]] == "13800138000"
    assert "13800138000" not in str({k: v for k, v in report.items() if k != "text"})


def test_fms_detectors_find_personal_data(gateway):
    headers = {"detector-id": "menshen"}
    ask = lambda path, body: httpx.post(f"{gateway}/api/v1/text/{path}", json=body, headers=headers)  # noqa: E731
    text = "我的手机号是13800138000请记住"
    answer = ask("contents", {"contents": ["今天天气好", text], "detector_params": {}})
    assert answer.status_code == 200
    clean, found = answer.json()
    assert clean == []
    hit = next(f for f in found if f["text"] == "13800138000")
    assert text[hit["start"] : hit["end"]] == "13800138000"
    assert {"detection", "detection_type", "score"} <= set(hit)
    for path, body in (
        ("generation", {"prompt": "你好", "generated_text": f"请联系{BLOCKED}", "detector_params": {}}),
        ("chat", {"messages": user(f"说说{BLOCKED}"), "detector_params": {}}),
        (
            "context/doc",
            {"content": f"说说{BLOCKED}", "context_type": "docs", "context": ["资料"], "detector_params": {}},
        ),
    ):
        answer = ask(path, body)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.json(), path


def test_fms_errors_have_their_shape(gateway):
    answer = httpx.post(f"{gateway}/api/v1/text/contents", json={"contents": 7}, headers={"detector-id": "menshen"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) >= {"code", "message"}


def test_openguardrails_clients_are_answered(gateway):
    ask = lambda text: httpx.post(  # noqa: E731
        f"{gateway}/v1/guardrails", json={"model": "OpenGuardrails-Text", "messages": user(text)}
    ).json()
    fine, bad = ask("今天适合去爬山吗？"), ask(f"说说{BLOCKED}")
    assert (fine["overall_risk_level"], fine["suggest_action"].lower()) == ("no_risk", "pass")
    assert bad["overall_risk_level"] != "no_risk"
    assert bad["suggest_action"].lower() in ("reject", "replace")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_operators_see_its_state(gateway, path):
    assert httpx.get(gateway + path).status_code == 200


def test_metrics_never_show_text(gateway, gpt):
    with pytest.raises(openai.BadRequestError):
        gpt.chat.completions.create(model="mock-echo", messages=user(f"说说{BLOCKED}"))
    metrics = httpx.get(f"{gateway}/metrics").text
    assert BLOCKED not in metrics
    assert "menshen" in metrics

"""The servers that the tests talk to, each started once: a mock model, a real one, Menshen in front of each, LiteLLM.

run.sh says where the programs are; a missing one fails the tests that need it and never skips them.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import anthropic
import httpx
import openai
import pytest

HERE = pathlib.Path(__file__).resolve().parent
LOGS = HERE.parent / ".cache" / "e2e" / "logs"
KEY = "sk-e2e-local-0123456789abcdef0123456789"
SMOL = "smollm2-135m-instruct"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(variable):
    path = os.environ.get(variable)
    if not path or not os.access(path, os.X_OK):
        pytest.fail(f"{variable} must name a program; run e2e/run.sh", pytrace=False)
    return path


@contextlib.contextmanager
def server(name, command, ready, wait_s=60, env=None, cwd=None):
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    with open(log, "wb") as out:
        child = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + wait_s
        while True:
            if child.poll() is not None:
                pytest.fail(f"{name} ended with {child.returncode}:\n{log.read_text(errors='replace')[-3000:]}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(ready, timeout=2).is_success:
                    break
            if time.monotonic() > deadline:
                pytest.fail(f"{name} was not ready in {wait_s} s:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.1)
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


class Mock:
    """The scripted model behind the gateway, and what it has been asked."""

    def __init__(self, root):
        self.root = root

    def script(self, name, text=None, call=None):
        """Teaches the model `mock-script.NAME` what to say; returns that model's name."""
        body = {"name": name, "text": text} if call is None else {"name": name, "call": call}
        httpx.post(f"{self.root}/_script", json=body).raise_for_status()
        return f"mock-script.{name}"

    def requests(self):
        """The requests since the last time, as {"path", "body"}."""
        return httpx.get(f"{self.root}/_requests").json()

    def seen(self):
        """Everything the model was sent since the last time, as text."""
        return json.dumps([r["body"] for r in self.requests()], ensure_ascii=False)


@pytest.fixture(scope="session")
def mock_server():
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [program("GATEBENCH_BIN"), "mock", "--listen", f"127.0.0.1:{port}", "--record", "yes"]
    with server("mock", command, f"{root}/healthz"):
        yield Mock(root)


@pytest.fixture
def mock(mock_server):
    mock_server.requests()
    return mock_server


@contextlib.contextmanager
def menshen(name, upstream, folder):
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    (folder / "menshen.toml").write_text(
        'packs = ["base", "cn", "e2e"]\n[limits]\nfirst_byte_ms = 20000\nidle_ms = 2000\nconnect_ms = 2000\n'
    )
    env = {
        "MENSHEN_LISTEN": f"127.0.0.1:{port}",
        "MENSHEN_UPSTREAM": upstream,
        "MENSHEN_DATA_DIR": str(folder / "data"),
        "MENSHEN_PACKS": str(HERE / "packs"),
        "MENSHEN_ADMIN_KEY": KEY,
    }
    with server(name, [program("MENSHEN_BIN"), "serve"], f"{root}/readyz", env=env, cwd=folder):
        yield root


@pytest.fixture(scope="session")
def gateway(mock_server, tmp_path_factory):
    """Menshen's root URL, in front of the mock model."""
    with menshen("menshen-mock", f"{mock_server.root}/v1", tmp_path_factory.mktemp("gateway")) as root:
        yield root


@pytest.fixture(scope="session")
def real_gateway(tmp_path_factory):
    """Menshen's root URL, in front of SmolLM2."""
    port = free_port()
    command = [program("SMOLSERVE_BIN"), os.environ["SMOL_MODEL"], "--listen", f"127.0.0.1:{port}"]
    with (
        server("smolserve", command, f"http://127.0.0.1:{port}/healthz", wait_s=120),
        menshen("menshen-real", f"http://127.0.0.1:{port}/v1", tmp_path_factory.mktemp("real")) as root,
    ):
        yield root


def openai_at(root):
    return openai.OpenAI(base_url=f"{root}/v1", api_key="sk-anything", max_retries=0, timeout=60)


def anthropic_at(root):
    return anthropic.Anthropic(base_url=root, api_key="sk-anything", max_retries=0, timeout=60)


@pytest.fixture(scope="session")
def gpt(gateway):
    """The official OpenAI client, in front of the mock model."""
    return openai_at(gateway)


@pytest.fixture(scope="session")
def claude(gateway):
    """The official Anthropic client, in front of the mock model."""
    return anthropic_at(gateway)


@pytest.fixture(scope="session")
def real_gpt(real_gateway):
    return openai_at(real_gateway)


@pytest.fixture(scope="session")
def real_claude(real_gateway):
    return anthropic_at(real_gateway)


@pytest.fixture(scope="session")
def litellm(gateway, mock_server, tmp_path_factory):
    """An OpenAI client of a LiteLLM proxy that has the mock model behind it and asks Menshen before and after."""
    folder = tmp_path_factory.mktemp("litellm")
    port = free_port()
    models = ["mock-echo", "mock-script.leak", "mock-fixed"]
    config = {
        "model_list": [
            {
                "model_name": model,
                "litellm_params": {
                    "model": f"openai/{model}",
                    "api_base": f"{mock_server.root}/v1",
                    "api_key": "sk-none",
                },
            }
            for model in models
        ],
        "guardrails": [
            {
                "guardrail_name": "menshen",
                "litellm_params": {
                    "guardrail": "generic_guardrail_api",
                    "mode": ["pre_call", "post_call"],
                    "api_base": gateway,
                    "api_key": "sk-anything",
                    "default_on": True,
                    "unreachable_fallback": "fail_closed",
                },
            }
        ],
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": KEY},
    }
    # JSON is YAML.
    (folder / "config.yaml").write_text(json.dumps(config))
    command = [
        program("LITELLM_BIN"), "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port),
        "--num_workers", "1",
    ]  # fmt: skip
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    root = f"http://127.0.0.1:{port}"
    with server("litellm", command, f"{root}/health/liveliness", wait_s=240, env=env, cwd=folder):
        yield openai.OpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0, timeout=120)


def user(text):
    return [{"role": "user", "content": text}]


def raw_events(url, body, headers=None):
    """The bytes of a stream and its `data` fields, read as no client library would: as they are."""
    with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as response:
        data = response.read()
    frames = [line[5:].strip() for line in data.decode().splitlines() if line.startswith("data:")]
    return response, data, frames

"""Starts every gateway in turn in front of the same mock model, loads it, and prints one table.

Nothing here leaves the loopback interface. Settings are environment variables, listed in README.md.
"""

import contextlib
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from words import words

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / ".cache" / "bench"
GATEBENCH = os.environ["GATEBENCH_BIN"]
MENSHEN = os.environ["MENSHEN_BIN"]
LITELLM = os.environ.get("LITELLM_BIN")
KEY = "sk-bench-local-0123456789abcdef0123456789"

SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
RATE = float(os.environ.get("BENCH_RATE", "200"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "8"))
WORDS = int(os.environ.get("BENCH_WORDS", "10000"))
MANY_WORDS = int(os.environ.get("BENCH_MANY_WORDS", "100000"))
ONLY = [name for name in os.environ.get("BENCH_ONLY", "").split(",") if name]
EXTRA = os.environ.get("BENCH_EXTRA", "")
MOCK_PORT = int(os.environ.get("BENCH_MOCK_PORT", "0"))
ANSWER_BYTES = 10_240
PROMPT_BYTES = 1_024
READY_S = 180
# An answer that takes longer than this alone is measured alone.
SLOW_MS = 1_000
TIMEOUT_S = 120

PROMPT = (
    "请帮我写一段关于茶山的介绍，说说采茶、晾青和炒制的步骤，再讲讲怎么冲泡才好喝。"
    "读者是第一次到村里来的客人，语气亲切一些，不要太长，最后加一句邀请大家来做客的话。"
)
MARK = "东东东东东东"

CORES = sorted(os.sched_getaffinity(0))
PIN = len(CORES) > 1 and shutil.which("taskset") and os.environ.get("BENCH_PIN", "1") == "1"
GATEWAY_CORE, MOCK_CORE, LOAD_CORE = CORES[0], CORES[1 % len(CORES)], CORES[2 % len(CORES) if len(CORES) > 2 else -1]


def pinned(core, command):
    return ["taskset", "-c", str(core), *command] if PIN else list(command)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def process(name, command, ready, core, env=None, cwd=None):
    """Runs a server until the block ends; its output goes to .cache/bench/NAME.log."""
    log = OUT / f"{name}.log"
    with open(log, "wb") as out:
        child = subprocess.Popen(
            pinned(core, command),
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + READY_S
        while True:
            if child.poll() is not None:
                raise RuntimeError(f"{name} ended with {child.returncode}; see {log}")
            try:
                with urllib.request.urlopen(ready, timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{name} was not ready in {READY_S} s; see {log}") from None
                time.sleep(0.2)
        yield child.pid
    finally:
        # The whole session that it leads: a proxy may have started workers.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def load(url, body, pid, connections=CONNECTIONS, **options):
    """One run of the load generator; raises when not a single request succeeded."""
    command = [
        GATEBENCH, "load", "--url", url, "--body", str(body), "--key", KEY,
        "--connections", str(connections), "--min-bytes", str(ANSWER_BYTES), "--timeout", str(TIMEOUT_S),
    ]  # fmt: skip
    for name, value in ({"pid": pid} if pid else {}).items() | options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(pinned(LOAD_CORE, command), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def measure(name, url, pid, mode, body):
    """As much as it takes from a few clients, then a moderate rate for the latencies."""
    probe = load(url, body, pid, connections=1, seconds=TIMEOUT_S, warmup=0, requests=3)
    if probe["latency_ms"]["p50"] > SLOW_MS:
        # Several at once would only queue up behind each other: one after the other says all there is to say.
        full = calm = load(url, body, pid, connections=1, seconds=max(SECONDS, 3 * SLOW_MS / 1000), warmup=0)
    else:
        full = load(url, body, pid, seconds=SECONDS, warmup=min(3, SECONDS))
        # Latency is only a figure where the gateway keeps up; half of what it can do is moderate for anyone.
        rate = min(RATE, full["requests_per_s"] / 2)
        calm = load(url, body, pid, seconds=max(SECONDS, 20 / rate), warmup=1, rate=f"{rate:.3f}")
    for phase in (full, calm):
        if phase["errors"]:
            say(f"{name}, {mode}: {phase['errors']} errors, first: {phase['first_error']}")
    say(f"{name}, {mode}: {full['requests_per_s']:.1f} req/s, p50 {calm['latency_ms']['p50']:.2f} ms")
    return {"name": name, "mode": mode, "full": full, "calm": calm}


def write_bodies(folder):
    bodies = {}
    for mode in ("plain", "stream"):
        body = {
            "model": "mock-fixed",
            "stream": mode == "stream",
            "messages": [
                {"role": "system", "content": "你是一位熟悉茶文化的向导。"},
                {"role": "user", "content": MARK + "："},
            ],
        }
        size = lambda: len(json.dumps(body, ensure_ascii=False).encode())  # noqa: E731
        for char in PROMPT * 20:
            if size() + len(char.encode()) > PROMPT_BYTES:
                break
            body["messages"][1]["content"] += char
        bodies[mode] = folder / f"{mode}.json"
        bodies[mode].write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
    return bodies


def ask(url):
    body = json.dumps({"model": "mock-fixed", "messages": [{"role": "user", "content": "x"}]}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def pack_folder(folder, listed):
    """The words as a pack of Menshen's: black, and blocked wherever they stand."""
    pack = folder / "packs" / "bench"
    (pack / "keywords").mkdir(parents=True)
    (pack / "rules").mkdir()
    (pack / "pack.toml").write_text(
        'id = "bench"\nversion = "1.0.0"\ntitle = { zh = "测试词表", en = "Benchmark words" }\n'
        'licence = "Apache-2.0"\nrequires = ["base"]\n'
    )
    (pack / "keywords" / "bench.txt").write_text(
        "# id: kw.bench\n# colour: black\n# label: bench\n" + "\n".join(listed) + "\n", encoding="utf-8"
    )
    (pack / "rules" / "bench.toml").write_text(
        '[[rule]]\nid = "bench-words"\nversion = 1\npriority = 900\n'
        'title = { zh = "测试词", en = "Benchmark words" }\nwhen = { finding = ["kw.bench"] }\nthen = "block"\n',
        encoding="utf-8",
    )
    return folder / "packs"


@contextlib.contextmanager
def menshen(name, mock, listed, guard, audit="strict"):
    with tempfile.TemporaryDirectory(prefix="menshen-bench-") as temp:
        folder = pathlib.Path(temp)
        port = free_port()
        env = {
            "MENSHEN_LISTEN": f"127.0.0.1:{port}",
            "MENSHEN_UPSTREAM": f"{mock}/v1",
            "MENSHEN_DATA_DIR": str(folder / "data"),
            "MENSHEN_ADMIN_KEY": KEY,
            "MENSHEN_LOG": "warn",
        }
        if guard:
            env["MENSHEN_PACKS"] = str(pack_folder(folder, listed))
            settings = f'packs = ["base", "cn", "bench"]\n[audit]\ndurability = "{audit}"\n'
            (folder / "menshen.toml").write_text(settings)
        else:
            env["MENSHEN_GUARD"] = "off"
        with process(name, [MENSHEN, "serve"], f"http://127.0.0.1:{port}/readyz", GATEWAY_CORE, env, folder) as pid:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            if guard:
                refuses(url, listed[0])
            yield url, pid


def refuses(url, word):
    """A guard that is not on must not be measured as one."""
    body = json.dumps({"model": "mock-fixed", "messages": [{"role": "user", "content": f"今天说说{word}好吗"}]}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            said = answer.read()
    except urllib.error.HTTPError as e:
        if e.code in (400, 403):
            return
        raise
    raise RuntimeError(f"a listed word passed: {said[:200]!r}")


@contextlib.contextmanager
def litellm(name, mock, listed, modes):
    with tempfile.TemporaryDirectory(prefix="litellm-bench-") as temp:
        folder = pathlib.Path(temp)
        port = free_port()
        # JSON is YAML, and needs no package to write.
        config = {
            "model_list": [
                {
                    "model_name": "mock-fixed",
                    "litellm_params": {"model": "openai/mock-fixed", "api_base": f"{mock}/v1", "api_key": "sk-none"},
                }
            ],
            "litellm_settings": {"telemetry": False},
            "general_settings": {"master_key": KEY},
        }
        if modes:
            named = lambda pattern: {"pattern_type": "prebuilt", "pattern_name": pattern, "action": "MASK"}  # noqa: E731
            config["guardrails"] = [
                {
                    "guardrail_name": "bench",
                    "litellm_params": {
                        "guardrail": "litellm_content_filter",
                        "mode": modes,
                        "default_on": True,
                        "blocked_words": [{"keyword": word, "action": "BLOCK"} for word in listed],
                        "patterns": [
                            *map(named, ("email", "credit_card", "aws_access_key", "github_token", "ipv4")),
                            {
                                "pattern_type": "regex",
                                "name": "cn_mobile",
                                "pattern": r"(?<!\d)1[3-9]\d{9}(?!\d)",
                                "action": "MASK",
                            },
                        ],
                    },
                }
            ]
        (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        command = [
            LITELLM, "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port),
            "--num_workers", "1",
        ]  # fmt: skip
        ready = f"http://127.0.0.1:{port}/health/liveliness"
        with process(name, command, ready, GATEWAY_CORE, env, folder) as pid:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            if modes:
                refuses(url, listed[0])
            yield url, pid


def targets(mock, listed, many):
    """(name, context manager that yields a URL and a process id), in the order of the table."""
    yield "direct", contextlib.nullcontext((f"{mock}/v1/chat/completions", None))
    yield "menshen, guards off", menshen("menshen-off", mock, listed, guard=False)
    yield f"menshen, guards on, {WORDS:,} words", menshen("menshen-on", mock, listed, guard=True)
    windowed = menshen("menshen-windowed", mock, listed, guard=True, audit="windowed")
    yield f"menshen, guards on, {WORDS:,} words, windowed audit", windowed
    if MANY_WORDS:
        yield f"menshen, guards on, {MANY_WORDS:,} words", menshen("menshen-many", mock, many, guard=True)
    if LITELLM:
        yield "litellm, guards off", litellm("litellm-off", mock, listed, None)
        yield f"litellm, input checked, {WORDS:,} words", litellm("litellm-on", mock, listed, ["pre_call"])
        both = ["pre_call", "post_call"]
        yield f"litellm, both checked, {WORDS:,} words", litellm("litellm-both", mock, listed, both)
    if EXTRA:
        name, url, pid = (EXTRA.split(",") + [""])[:3]
        yield name, contextlib.nullcontext((url, int(pid) if pid else None))


def number(value, digits=1):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if value == 0 or abs(value) >= 10 else f"{value:,.{max(digits, 2)}f}"


def table(rows):
    base = {row["mode"]: row for row in rows if row["name"] == "direct"}
    guarded = {row["mode"]: row for row in rows if row["name"] == f"menshen, guards on, {WORDS:,} words"}
    lines = [
        "| through | answer | req/s | at req/s | p50 ms | p99 ms | added p50 | added p99 | CPU µs/req full | CPU µs/req at rate"
        " | RSS MiB | errors | CPU ÷ guarded menshen |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        full, calm, mode = row["full"], row["calm"], row["mode"]
        added = {}
        for q in ("p50", "p99"):
            direct = base.get(mode)
            own = row is direct or direct is None
            added[q] = None if own else calm["latency_ms"][q] - direct["calm"]["latency_ms"][q]
        cpu = full["cpu_us_per_request"]
        ours = guarded[mode]["full"]["cpu_us_per_request"] if mode in guarded else None
        ratio = cpu / ours if cpu and ours else None
        lines.append(
            f"| {row['name']} | {mode} | {number(full['requests_per_s'])} | {number(calm['requests_per_s'])}"
            f" | {number(calm['latency_ms']['p50'], 2)} | {number(calm['latency_ms']['p99'], 2)}"
            f" | {number(added['p50'], 2)} | {number(added['p99'], 2)} | {number(cpu, 0)}"
            f" | {number(calm['cpu_us_per_request'], 0)} | {number(full['rss_mib'], 0)}"
            f" | {full['errors'] + calm['errors']} | {number(ratio, 2)} |"
        )
    return lines


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    port = MOCK_PORT or free_port()
    mock = f"http://127.0.0.1:{port}"
    rows, skipped = [], []

    def failed(what, error):
        say(f"{what}: {error}")
        skipped.append(f"{what}: failed: {str(error).splitlines()[0][:200]}")

    command = [GATEBENCH, "mock", "--listen", f"127.0.0.1:{port}", "--bytes", str(ANSWER_BYTES)]
    with (
        process("mock", command, f"{mock}/healthz", MOCK_CORE),
        tempfile.TemporaryDirectory(prefix="gatebench-") as temp,
    ):
        bodies = write_bodies(pathlib.Path(temp))
        avoid = [PROMPT * 2, bodies["plain"].read_text(encoding="utf-8"), ask(f"{mock}/v1/chat/completions")]
        listed, many = words(WORDS, avoid), words(MANY_WORDS, avoid)
        for name, target in targets(mock, listed, many):
            if ONLY and name != "direct" and not any(part in name for part in ONLY):
                continue
            say(name)
            try:
                with target as (url, pid):
                    for mode, body in bodies.items():
                        try:
                            rows.append(measure(name, url, pid, mode, body))
                        except RuntimeError as e:
                            failed(f"{name}, {mode}", e)
            except RuntimeError as e:
                failed(name, e)
    if not EXTRA:
        skipped.append("AISIX: not built here (start one, and name it in BENCH_EXTRA)")
    if not LITELLM:
        skipped.append("LiteLLM: left out (BENCH_LITELLM=0)")

    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")),
        platform.machine(),
    )
    pins = f"gateway on core {GATEWAY_CORE}, mock on {MOCK_CORE}, load on {LOAD_CORE}" if PIN else "not pinned"
    report = [
        f"{len(CORES)} cores of {model}, {pins}; prompt {PROMPT_BYTES:,} bytes, answer {ANSWER_BYTES:,} bytes of Chinese"
        f" (streams: 100 chunks); {CONNECTIONS} connections, {SECONDS:g} s a phase; load average now"
        f" {os.getloadavg()[0]:.1f}.",
        "",
        *table(rows),
        "",
        *(f"- {line}" for line in skipped),
    ]
    text = "\n".join(report)
    (OUT / "latest.md").write_text(text + "\n", encoding="utf-8")
    (OUT / "latest.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    print(text)
    # What a peer cannot do is a result; what we cannot do is a failure.
    return 1 if any(line.startswith("menshen") for line in skipped) else 0


if __name__ == "__main__":
    sys.exit(main())

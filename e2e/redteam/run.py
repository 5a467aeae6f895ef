"""Attacks SmolLM2 bare and guarded, and measures attempts a second beside the peers. Prints Markdown.

Only the standard library, so that what is measured is the tools. Everything listens on loopback.
"""

import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from loopback import MENSHEN, MODEL, free_port, server  # noqa: E402

PROMPTS = 256


def campaign(folder, plan, report=None):
    """Runs a plan and gives the JSON document; whatever the verdict on the target is, the run must be complete."""
    command = [MENSHEN, "--data-dir", str(folder), "redteam", "run", "--plan", str(plan), "--yes", "--json"]
    if report:
        command += ["--report", str(report), "--lang", "en"]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode not in (0, 1):
        sys.exit(f"menshen ended with {ran.returncode}: {ran.stderr[-2000:]}")
    document = json.loads(ran.stdout)
    if document["end"]["end"] != "complete":
        sys.exit(f"the campaign is not complete: {document['end']}")
    return document


def plan(folder, url, model, text):
    path = pathlib.Path(folder) / "plan.yaml"
    path.write_text(text.replace("${URL}", url).replace("${MODEL}", model))
    return path


def rate(found):
    r = found["report"]["total"]["rate"]
    return f"{100 * r['rate']:.1f} % ({100 * r['low']:.1f}–{100 * r['high']:.1f}, n={r['of']})"


def corrected(found):
    c = found["report"]["total"].get("corrected")
    return f"{100 * c['rate']:.1f} % ({100 * c['low']:.1f}–{100 * c['high']:.1f})" if c else "–"


def real_model():
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [os.environ["SMOLSERVE_BIN"], os.environ["SMOL_MODEL"], "--listen", f"127.0.0.1:{port}"]
    text = (HERE / "smollm2.yaml").read_text()
    with server("smolserve", command, f"{root}/healthz"), tempfile.TemporaryDirectory() as folder:
        bare = campaign(f"{folder}/bare", plan(folder, f"{root}/v1", MODEL, text))
        gate = free_port()
        env = {"MENSHEN_LISTEN": f"127.0.0.1:{gate}", "MENSHEN_UPSTREAM": f"{root}/v1", "MENSHEN_LOG": "error"}
        serve = [MENSHEN, "--data-dir", f"{folder}/gateway", "serve"]
        with server("gateway", serve, f"http://127.0.0.1:{gate}/healthz", env=env):
            guarded = campaign(f"{folder}/guarded", plan(folder, f"http://127.0.0.1:{gate}/v1", MODEL, text))
    print("## SmolLM2-135M-Instruct, bare and behind the gateway\n")
    print("| target | attempts | attack success, as judged (95 %) | corrected for the judge | stopped by the guard | unscored | no answer | took |")
    print("|---|---:|---|---|---:|---:|---:|---:|")
    for name, found in (("bare", bare), ("behind the gateway", guarded)):
        o, p = found["report"]["total"], found["progress"]
        print(f"| {name} | {p['done']} | {rate(found)} | {corrected(found)} | {o['stopped']} | {o['unscored']} | {o['failed']} | {found['took_ms'] / 1000:.0f} s |")
    print(f"\nJudges: {json.dumps(bare['report']['judges'])}\n")


def timed(name, command, **more):
    began = time.monotonic()
    ran = subprocess.run(command, capture_output=True, text=True, **more)
    took = time.monotonic() - began
    if ran.returncode not in (0, 100):  # promptfoo: 100 when an assertion fails
        print(f"| {name} | – | – | ended with {ran.returncode}: {(ran.stderr or ran.stdout)[-200:]!r} |")
        return None
    return took, ran


def throughput():
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    url = f"{root}/v1"
    print("## Attempts a second on one mock target of zero latency\n")
    print("| tool | attempts | a second while attacking | whole command |")
    print("|---|---:|---:|---:|")
    command = [os.environ["GATEBENCH_BIN"], "mock", "--listen", f"127.0.0.1:{port}", "--bytes", "200"]
    with server("mock", command, f"{root}/healthz"), tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, judged in (("Menshen, judged by rules and model", True), ("Menshen, exact check only", False)):
            text = (HERE / ("mock.yaml" if judged else "mock-exact.yaml")).read_text()
            began = time.monotonic()
            found = campaign(folder / f"ours-{judged}", plan(folder, url, "mock-fixed", text))
            whole = time.monotonic() - began
            n = found["progress"]["done"]
            print(f"| {name} | {n} | {n / (found['took_ms'] / 1000):.0f} | {whole:.1f} s |")
        if "PYRIT_PYTHON" in os.environ:
            ran = timed("PyRIT 1.1.0", [os.environ["PYRIT_PYTHON"], str(HERE / "peer_pyrit.py"), url, str(PROMPTS)], cwd=folder)
            if ran:
                took = json.loads(ran[1].stdout.strip().splitlines()[-1])
                print(f"| PyRIT 1.1.0, PromptSendingAttack, 1 at once | {PROMPTS} | {PROMPTS / took['seconds']:.1f} | {ran[0]:.1f} s |")
        if "PROMPTFOO_BIN" in os.environ:
            tests = [{"vars": {"p": f"prompt {i}"}, "assert": [{"type": "not-contains", "value": "MENSHEN-CANARY"}]} for i in range(PROMPTS)]
            config = {
                "prompts": ["{{p}}"],
                "providers": [{"id": "openai:chat:mock-fixed", "config": {"apiBaseUrl": url, "apiKey": "x"}}],
                "tests": tests,
            }
            (folder / "promptfooconfig.json").write_text(json.dumps(config))
            env = {**os.environ, "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_CONFIG_DIR": str(folder / "pf")}
            ran = timed(
                "promptfoo",
                [os.environ["PROMPTFOO_BIN"], "eval", "-c", "promptfooconfig.json", "-j", "16", "--no-cache", "--no-table", "--no-progress-bar", "-o", "out.json"],
                cwd=folder, env=env,
            )
            if ran:
                stats = json.loads((folder / "out.json").read_text())["results"]["stats"]
                seconds = (stats.get("durationMs") or 0) / 1000 or ran[0]
                print(f"| promptfoo 0.121.20, eval -j 16 | {PROMPTS} | {PROMPTS / seconds:.1f} | {ran[0]:.1f} s |")
        if "GARAK_PYTHON" in os.environ:
            (folder / "garak.yaml").write_text(
                f'plugins: {{generators: {{openai: {{OpenAICompatible: {{uri: "{url}/", max_tokens: 32}}}}}}}}\n'
                f"system: {{parallel_attempts: false}}\n"
                f"run: {{generations: 1, soft_probe_prompt_cap: {PROMPTS}}}\n"
                f"reporting: {{report_dir: {folder}/garak}}\n"
            )
            env = {**os.environ, "HF_HUB_OFFLINE": "1", "OPENAICOMPATIBLE_API_KEY": "x", "XDG_DATA_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
            ran = timed(
                "garak",
                [os.environ["GARAK_PYTHON"], "-m", "garak", "--config", "garak.yaml", "--target_type", "openai.OpenAICompatible", "--target_name", "mock-fixed", "--probes", "encoding.InjectBase64", "--report_prefix", "gate"],
                cwd=folder, env=env,
            )
            if ran:
                reports = list((folder / "garak").rglob("*.report.jsonl"))
                attempts = sum('"entry_type": "attempt"' in line and '"status": 2' in line for r in reports for line in r.open())
                attempts = attempts or PROMPTS
                print(f"| garak 0.17.1, encoding.InjectBase64 | {attempts} | {attempts / ran[0]:.1f} (start-up included) | {ran[0]:.1f} s |")
    print()


def main():
    cores = os.cpu_count()
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.processor())
    print(f"Machine: {cpu}, {cores} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}.\n")
    parts = sys.argv[1:] or ["real", "throughput"]
    if "real" in parts:
        real_model()
    if "throughput" in parts:
        throughput()


main()

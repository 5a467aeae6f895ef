"""SmolLM2 with and without the mark, and the texts that both write: one JSON line each, kept, so that a run that was
stopped goes on where it was."""

import json
import os
import socket
import subprocess
import time
import urllib.request

SUBJECTS = """how bread is baked|a walk through a harbour town|the history of the bicycle|why leaves change colour
a day in the life of a nurse|how to plan a small garden|a detective who is afraid of cats|what makes a good teacher
the water cycle|advice for a first job interview|a letter to a friend abroad|how volcanoes erupt
the invention of printing|a storm at sea|why people sleep|a recipe for vegetable soup
how a library is organised|a village festival|learning to play the piano|the life of honey bees
travelling by night train|how money works|an old clockmaker|keeping a house warm in winter
what a river carries|a robot that learns to paint|the moons of Jupiter|a quarrel between neighbours
how to train a dog|the first railway""".replace("\n", "|").split("|")
FORMS = ["Write a long, detailed text about {}.", "Tell me in several paragraphs about {}, with examples."]
MODEL = "smollm2-135m-instruct"


def prompts(n):
    """n prompts; past the list they repeat, and the seed differs."""
    return [FORMS[i // len(SUBJECTS) % len(FORMS)].format(SUBJECTS[i % len(SUBJECTS)]) for i in range(n)]


class Server:
    def __init__(self, binary, model, flags=()):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:{}".format(probe.getsockname()[1])
        self.process = subprocess.Popen([binary, model, "--listen", self.address, *flags], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 300
        while True:
            try:
                urllib.request.urlopen(f"http://{self.address}/healthz", timeout=30).read()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{binary} does not answer")
                time.sleep(0.2)

    def ask(self, path, body):
        request = urllib.request.Request(
            f"http://{self.address}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=1800) as answer:
            return json.load(answer)

    def write(self, prompt, seed, temperature, tokens):
        """An answer: its text, tokens, mean log-probability by the model without the mark, seconds of CPU."""
        before = self.cpu()
        answer = self.ask("/v1/chat/completions", {
            "model": MODEL, "messages": [{"role": "user", "content": prompt}], "temperature": temperature,
            "seed": seed, "max_tokens": tokens, "logprobs": True,
        })
        choice = answer["choices"][0]
        logs = [token["logprob"] for token in choice["logprobs"]["content"]]
        return {"text": choice["message"]["content"], "tokens": len(logs), "logprob": sum(logs) / max(1, len(logs)),
                "cpu_s": self.cpu() - before, "prompt": prompt, "seed": seed}

    def cpu(self):
        """Seconds of CPU that the server took so far: unlike the clock, not a matter of what else runs."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def texts(plain, marked, args, settings):
    """The marked and the unmarked texts, `args.n` of each at most, fewer when the minutes are over."""
    kept = {"marked": [], "plain": []}
    path = os.path.join(args.out, "texts.jsonl")
    if os.path.exists(path):
        for line in open(path):
            record = json.loads(line)
            if record["settings"] == settings:
                kept[record["kind"]].append(record)
    end = time.monotonic() + args.minutes * 60
    with open(path, "a") as file:
        for i, prompt in enumerate(prompts(args.n)):
            for kind, server in (("marked", marked), ("plain", plain)):
                if i >= len(kept[kind]) and time.monotonic() < end:
                    record = server.write(prompt, i, args.temperature, args.tokens)
                    record |= {"kind": kind, "settings": settings}
                    kept[kind].append(record)
                    file.write(json.dumps(record) + "\n")
                    file.flush()
    return kept["marked"], kept["plain"]

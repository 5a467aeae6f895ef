"""Files that menshen writes for PyRIT and garak, and its promptfoo configuration, are read by the libraries themselves.

    menshen redteam export pyrit PLAN --out DIR   (and garak, promptfoo into the same folder)
    pip install pyrit==1.1.0 aiohttp && pip install --no-deps garak==0.17.1
    npm install promptfoo@0.121.20
    python formats.py DIR [--promptfoo node_modules/.bin/promptfoo]

What a library says must be, word for word, what stands in menshen_prompts.json: also what looks like a template of its
own.
Prints a line for each check and ends with 1 when one failed.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

FAILED = []


def check(name, right, why=""):
    print(("ok    " if right else "FAIL  ") + name + ("" if right else f": {why}"))
    if not right:
        FAILED.append(name)


def pyrit(folder, prompts):
    from pyrit.models import SeedDataset

    seeds = SeedDataset.from_yaml_file(folder / "pyrit_seeds.yaml").seeds
    # Templates are rendered when they are loaded; what is left is what is said.
    said = [seed.value for seed in seeds]
    check("pyrit reads as many seeds as there are prompts", len(seeds) == len(prompts), f"{len(seeds)} of {len(prompts)}")
    changed = [(a, b) for a, b in zip(said, prompts) if a != b]
    check("pyrit says every prompt as it is", not changed, repr(changed[:2]))
    check("pyrit knows the categories", all(seed.harm_categories for seed in seeds), "a seed has none")
    objectives = SeedDataset.from_yaml_file(folder / "pyrit_objectives.yaml").seeds
    check("pyrit reads objectives", {type(o).__name__ for o in objectives} == {"SeedObjective"}, "other seeds")


def load(path):
    spec = importlib.util.spec_from_file_location("menshen_plan_probe", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def garak(folder, prompts):
    from garak import _config
    from garak.generators.rest import RestGenerator

    probe = load(folder / "menshen.py")
    check("garak's probe says every prompt as it is", list(probe.Plan.prompts) == prompts, "others")
    lines = (folder / "menshen_prompts.txt").read_text(encoding="utf-8").split("\n")[:-1]
    single = [p for p in prompts if "\n" not in p and "\r" not in p]
    check("garak's list has a line for each prompt of one line", lines == single, f"{len(lines)} of {len(single)}")
    if not (folder / "garak_rest.json").exists():
        return print("skip  garak's generator: the target is a program")
    options = json.loads((folder / "garak_rest.json").read_text(encoding="utf-8"))
    key = options["rest"]["RestGenerator"].get("key_env_var")
    if key:
        os.environ.setdefault(key, "none")
    _config.load_base_config()
    generator = RestGenerator(config_root={"generators": options})
    wanted = prompts[-1]
    body = generator._populate_template(generator.req_template, wanted)
    check("garak's generator sends what is said", wanted in list(leaves(json.loads(body))), body)


def leaves(value):
    if isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from leaves(member)
    else:
        yield value


def theirs(text):
    """What menshen leaves out, because promptfoo reads files or its environment instead."""
    return text.startswith(("file://", "package:")) or ("{{" in text and "env" in text)


def promptfoo(folder, prompts, program):
    import yaml

    config = folder / "promptfooconfig.yaml"
    tests = yaml.safe_load(config.read_text(encoding="utf-8"))["tests"]
    prompts = [p for p in prompts if not theirs(p)]
    check("promptfoo has a test for each prompt", len(tests) == len(prompts), f"{len(tests)} of {len(prompts)}")
    if not program:
        return print("skip  promptfoo itself: no --promptfoo")
    quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_CONFIG_DIR": str(folder / ".promptfoo")}
    run = {"env": {**os.environ, **quiet}, "capture_output": True, "text": True}
    valid = subprocess.run([program, "validate", "config", "-c", config], **run)
    check("promptfoo finds the configuration valid", valid.returncode == 0, valid.stdout[-400:])
    # `echo` answers with what it is told.
    out = folder / "promptfoo_results.json"
    flags = ["--providers", "echo", "--no-cache", "--no-table", "--no-progress-bar", "-o", out]
    subprocess.run([program, "eval", "-c", config, *flags], **run)
    rows = json.loads(out.read_text(encoding="utf-8"))["results"]["results"]
    said = {row["testIdx"]: row["response"]["output"] for row in rows}
    said = [said.get(at, "") for at in range(len(prompts))]
    if said and said[0].startswith("["):
        said = [json.loads(one)[-1]["content"] for one in said]
    changed = [(a, b) for a, b in zip(said, prompts) if a != b]
    check("promptfoo says every prompt as it is", not changed, repr(changed[:3]))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--promptfoo", help="the program, to run the configuration against its echo provider")
    given = arguments.parse_args()
    prompts = json.loads((given.folder / "menshen_prompts.json").read_text(encoding="utf-8"))
    for name, run in [
        ("pyrit", lambda: pyrit(given.folder, prompts)),
        ("garak", lambda: garak(given.folder, prompts)),
        ("promptfoo", lambda: promptfoo(given.folder, prompts, given.promptfoo)),
    ]:
        try:
            run()
        except ImportError as missing:
            print(f"skip  {name}: {missing}")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())

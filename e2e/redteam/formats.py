"""Files that menshen writes for PyRIT and garak, and its promptfoo configuration, are read by the libraries themselves.

    menshen redteam export pyrit PLAN --out DIR   (and garak, promptfoo into the same folder)
    pip install pyrit==1.1.0 aiohttp && pip install --no-deps garak==0.17.1
    python formats.py DIR [--schema config-schema.json]

What a library reads must be, word for word, what stands in menshen_prompts.json: also what looks like a template of its
own. `--schema` is promptfoo's `site/static/config-schema.json`; without it the configuration is read as YAML only.
Prints a line for each check and ends with 1 when one failed.
"""

import argparse
import importlib.util
import json
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
        import os

        os.environ.setdefault(key, "none")
    _config.load_base_config()
    generator = RestGenerator(config_root={"generators": options})
    wanted = prompts[0]
    body = generator._populate_template(generator.req_template, wanted)
    said = json.loads(body)["messages"][-1]["content"]
    check("garak's generator sends what is said", said == wanted, repr(said))


def promptfoo(folder, prompts, schema):
    import yaml

    document = yaml.safe_load((folder / "promptfooconfig.yaml").read_text(encoding="utf-8"))
    check("promptfoo has a test for each prompt", len(document["tests"]) == len(prompts), str(len(document["tests"])))
    # Its templates are Nunjucks; what is used of it here Jinja reads alike.
    from jinja2 import Environment

    rendered = [Environment(keep_trailing_newline=True).from_string(t["vars"]["prompt"]).render() for t in document["tests"]]
    changed = [(a, b) for a, b in zip(rendered, prompts) if a != b]
    check("promptfoo says every prompt as it is", not changed, repr(changed[:2]))
    if schema:
        import jsonschema

        problems = list(jsonschema.Draft7Validator(json.loads(Path(schema).read_text())).iter_errors(document))
        check("promptfoo's schema holds", not problems, "; ".join(p.message[:200] for p in problems[:3]))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--schema")
    given = arguments.parse_args()
    prompts = json.loads((given.folder / "menshen_prompts.json").read_text(encoding="utf-8"))
    for name, run in [
        ("pyrit", lambda: pyrit(given.folder, prompts)),
        ("garak", lambda: garak(given.folder, prompts)),
        ("promptfoo", lambda: promptfoo(given.folder, prompts, given.schema)),
    ]:
        try:
            run()
        except ImportError as missing:
            print(f"skip  {name}: {missing}")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())

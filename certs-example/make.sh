#!/usr/bin/env bash
# Makes the example PKI beside this file anew: two demo States, each with its own root, and a peers file
# that lets them reach each other on loopback. Example keys protect nothing: never use them for a State.
set -euo pipefail
cd "$(dirname "$0")"
valise=${VALISE:-cargo run --release --quiet --}
make() {
  rm -rf "$1"
  $valise gateway init --data "$1" --party "${1^^}" --listen "127.0.0.1:$2" --demo \
    --officer "$3:officer" --officer "$4:supervisor" --authority police-cid:competent:designated
}
make xaa 4620 awa kofi
make xbb 4621 rui lea
cat > xaa/peers.toml <<'TOML'
[[peer]]
party = "XBB"
card = "../xbb/pki/card.toml"
address = "127.0.0.1:4621"
TOML
cat > xbb/peers.toml <<'TOML'
[[peer]]
party = "XAA"
card = "../xaa/pki/card.toml"
address = "127.0.0.1:4620"
TOML

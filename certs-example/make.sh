#!/usr/bin/env bash
# Makes the example beside this file anew: two demo States, each with its own root, in a federation of one signer, which
# lets them reach each other on loopback. Example keys protect nothing: never use them for a State.
set -euo pipefail
cd "$(dirname "$0")"
valise=${VALISE:-cargo run --release --quiet --}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make() {
  rm -rf "$1"
  $valise gateway init --data "$1" --party "${1^^}" --listen "127.0.0.1:$2" --demo \
    --officer "$3:officer" --officer "$4:supervisor" --authority police-cid:competent:designated
}
read_aloud() { sed -n 's/^fingerprint *//p'; }
make xaa 4620 awa kofi
make xbb 4621 rui lea
$valise federation key "$work/signer.key"
$valise federation key "$work/publisher.key"
$valise federation init --folder "$work/authority" --name example --days 3650 \
  --signer "$work/signer.key.pub" --publisher "$work/publisher.key.pub"
for state in xaa xbb; do
  told=$($valise identity request --data $state -o "$work/$state.request" | read_aloud)
  $valise federation admit --folder "$work/authority" "$work/$state.request" --fingerprint "$told"
done
$valise federation sign "$work/authority/draft.cbor" --key "$work/signer.key" -o "$work/signature"
$valise federation assemble --folder "$work/authority" "$work/signature" | read_aloud > fingerprint
$valise federation publish --folder "$work/authority" --key "$work/publisher.key" --days 3650
for state in xaa xbb; do
  $valise identity import --data $state "$work/authority/directory.cbor"
  $valise federation join --data $state --anchor "$(cat fingerprint)"
  rm -f $state/federation/lock
done

#!/bin/bash
# Three States and two relays in network namespaces of their own: links cut, UDP blocked, packets lost.
# usage: tests/namespaces.sh [PATH_OF_THE_BINARY]        needs root, `ip netns` and `nft`; else it says so and ends with 0.
set -u
VALISE=${1:-target/debug/valise}
skip() { echo "skipped: $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip "network namespaces need root"
command -v ip >/dev/null || skip "there is no 'ip' (iproute2)"
command -v nft >/dev/null || skip "there is no 'nft' (nftables)"
[ -x "$VALISE" ] || { echo "there is no $VALISE; build it first"; exit 1; }
TAG=vl$$
ip netns add ${TAG}x 2>/dev/null || skip "this kernel or container allows no network namespaces"
ip netns exec ${TAG}x nft add table inet t 2>/dev/null || { ip netns del ${TAG}x; skip "nft works in no namespace here"; }
ip netns del ${TAG}x

HOME_DIR=$(mktemp -d /tmp/valise-drill.XXXXXX)
NODES="xaa xbb xcc west east"
PIDS=""
cleanup() {
    for pid in $PIDS; do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    for node in $NODES; do ip netns del $TAG$node 2>/dev/null; done
    ip link del ${TAG}br 2>/dev/null
    ip netns del ${TAG}hub 2>/dev/null
    rm -rf "$HOME_DIR"
}
trap cleanup EXIT
fail() { echo "FAILED: $1"; tail -n 5 "$HOME_DIR"/*/log 2>/dev/null; exit 1; }

# One bridge in a namespace of its own, so that nothing touches the machine's network.
ip netns add ${TAG}hub
ip -n ${TAG}hub link add br0 type bridge || skip "this kernel has no bridge"
ip -n ${TAG}hub link set br0 up
number=1
for node in $NODES; do
    number=$((number + 1))
    ip netns add $TAG$node
    ip link add v$node netns ${TAG}hub type veth peer name eth0 netns $TAG$node || fail "no veth pair"
    ip -n ${TAG}hub link set v$node master br0 up
    ip -n $TAG$node addr add 10.77.0.$number/24 dev eth0
    ip -n $TAG$node link set eth0 up
    ip -n $TAG$node link set lo up
    ip netns exec $TAG$node nft add table inet drill
    ip netns exec $TAG$node nft 'add chain inet drill in { type filter hook input priority 0; }'
    eval "address_$node=10.77.0.$number"
done
address() { eval "echo \$address_$1"; }
party() { case $1 in west|east) echo org:relay-$1 ;; *) echo "$1" | tr a-z A-Z ;; esac; }
data() { echo "$HOME_DIR/$1"; }
run() { node=$1; shift; ip netns exec $TAG$node "$VALISE" "$@" --data "$(data $node)" --json; }
rule() { ip netns exec $TAG$1 nft add rule inet drill in "$2"; }
open() { for node in "$@"; do ip netns exec $TAG$node nft flush chain inet drill in; done; }
cut_off() { ip -n ${TAG}hub link set v$1 down; }
join() { ip -n ${TAG}hub link set v$1 up; }
lossy() { rule $1 "meta l4proto { udp, tcp } ip saddr 10.77.0.0/24 numgen random mod 100 < $2 drop"; }
now() { date +%s; }

# They are no demo, which would listen on loopback only.
for node in xaa xbb xcc; do
    mkdir -p "$(data $node)"
    run $node gateway init --party "$(party $node)" --listen "$(address $node):4620" --officer root:officer --approvals 1 --relay org:relay-west --relay org:relay-east \
        >/dev/null 2>"$HOME_DIR/init" || fail "init of $node: $(cat "$HOME_DIR/init")"
done
for node in west east; do
    mkdir -p "$(data $node)"
    run $node relay init --party "$(party $node)" --listen "$(address $node):4620" \
        >/dev/null 2>"$HOME_DIR/init" || fail "init of $node: $(cat "$HOME_DIR/init")"
done
# One federation of all five: a root of one signer, and the fingerprints as they were read aloud.
AUTHORITY="$HOME_DIR/authority"
hush() { "$VALISE" "$@" >/dev/null 2>"$HOME_DIR/error" || fail "$1 $2: $(cat "$HOME_DIR/error")"; }
read_aloud() { sed -n 's/^fingerprint *//p'; }
hush federation key "$HOME_DIR/signer.key"
hush federation init --folder "$AUTHORITY" --name drill --signer "$HOME_DIR/signer.key.pub" --publisher "$HOME_DIR/signer.key.pub"
for node in $NODES; do
    told=$("$VALISE" identity request --data "$(data $node)" -o "$HOME_DIR/$node.request" | read_aloud)
    hush federation admit --folder "$AUTHORITY" "$HOME_DIR/$node.request" --fingerprint "$told"
done
hush federation sign "$AUTHORITY/draft.cbor" --key "$HOME_DIR/signer.key" -o "$HOME_DIR/signature"
ANCHOR=$("$VALISE" federation assemble --folder "$AUTHORITY" "$HOME_DIR/signature" | read_aloud)
hush federation publish --folder "$AUTHORITY" --key "$HOME_DIR/signer.key"
for node in $NODES; do
    hush identity import --data "$(data $node)" "$AUTHORITY/directory.cbor"
    hush federation join --data "$(data $node)" --anchor "$ANCHOR"
done
for node in xaa xbb xcc; do
    printf '\n[retry]\nfirst_seconds = 1\nmax_seconds = 3\n' >> "$(data $node)/valise.toml"
done
serve() { # noun, node
    ip netns exec $TAG$2 "$VALISE" $1 serve --data "$(data $2)" >/dev/null 2>>"$(data $2)/log" &
    PIDS="$PIDS $!"
    for _ in $(seq 200); do run $2 $1 status >/dev/null 2>&1 && return; sleep 0.1; done
    fail "$2 does not start"
}
serve relay west; serve relay east
serve gateway xaa; serve gateway xbb; serve gateway xcc

"$VALISE" request new --example -o "$HOME_DIR/request.json" >/dev/null || fail "no example"
submit() { # from, to: gives the case
    sed "s/\"XBB\"/\"$(party $2)\"/" "$HOME_DIR/request.json" > "$HOME_DIR/for-$2.json"
    run $1 request submit "$HOME_DIR/for-$2.json" --exercise 2>"$HOME_DIR/error" | grep -o '"case":"[^"]*"' | head -1 | cut -d'"' -f4
}
received() { run $1 case show $2 2>/dev/null | grep -q '"received_at":"2'; }
await() { # what, within seconds, command...
    what=$1; limit=$2; shift 2; began=$(now)
    until "$@"; do
        [ $(($(now) - began)) -lt $limit ] || fail "$what: not within $limit s"
        sleep 0.2
    done
    echo "ok: $what after $(($(now) - began)) s"
}
road() { run $1 peer ping "$(party $2)" 2>/dev/null | grep -o '"road":"[^"]*"' | cut -d'"' -f4; }
is_road() { [ "$(road $1 $2)" = $3 ]; }

case1=$(submit xaa xbb); [ -n "$case1" ] || fail "nothing was submitted: $(cat "$HOME_DIR/error")"
await "1 a request goes by the direct road" 30 received xaa $case1
await "  which is QUIC" 10 is_road xaa xbb quic

for node in xcc xaa; do rule $node "meta l4proto udp drop"; done
case2=$(submit xcc xaa)
await "2 UDP blocked at two States: the request goes by TCP" 40 received xcc $case2
await "  and the ping says so" 20 is_road xcc xaa tcp
open xcc xaa

cut_off xbb
case3=$(submit xaa xbb)
custody() { run xaa queue list 2>/dev/null | grep -q '"custody":\[{'; }
await "3 the addressee is cut off: a relay signs for the request" 60 custody
cut_off xaa; join xbb
there() { run xbb case show $case3 >/dev/null 2>&1; }
await "  the sender is cut off too: the addressee has it from the relay" 90 there
join xaa
await "  and the receipt comes back" 90 received xaa $case3

cut_off west; cut_off xcc
case4=$(submit xbb xcc)
custody_east() { run xbb queue list 2>/dev/null | grep -q 'org:relay-east'; }
await "4 one relay is cut off: the other signs" 90 custody_east
join xcc
await "  and brings it" 120 received xbb $case4
join west

for node in xaa xbb xcc west east; do lossy $node 20; done
case5=$(submit xaa xcc); case6=$(submit xcc xbb)
await "5 every fifth packet is lost: a request arrives" 120 received xaa $case5
await "  and another one" 120 received xcc $case6
open $NODES
for node in xaa xbb xcc; do
    empty() { run $node queue list 2>/dev/null | grep -q '"data":\[\]'; }
    await "  $node has nothing left to send" 90 empty
done
echo "all held"

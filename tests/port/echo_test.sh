#!/bin/bash
# The dataplane as a host on a link, through every kind of port that needs no hardware. Judges: the kernel's ping and
# neighbour table, and the counters that the dataplane reports. Usage: echo_test.sh PENSTOCK_DATAPLANE PORT_BRIDGE
#
#   network namespace "near"                         network namespace "far"
#     penstock-dataplane                               198.18.7.3, 2001:db8:7::3
#       port: net_tap0 ---- pst0 (198.18.7.2, 2001:db8:7::2)
#       port: net_af_packet0/af_xdp0 ---- psv0 ======== psv1
#       port: net_memif0 ============================== net_memif0, port_bridge, net_tap0 ---- psm0
set -u
dataplane=$(realpath "$1") bridge_program=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
[ -c /dev/net/tun ] || { echo "needs /dev/net/tun"; exit 77; }

near=penstock-near-$$ far=penstock-far-$$ pid= bridge=
work=$(mktemp -d /dev/shm/penstock-echo-XXXXXX)
mkdir "$work/seam"
failures=0

in_near() { ip netns exec "$near" "$@"; }
in_far() { ip netns exec "$far" "$@"; }
counter() { python3 "$here/counter.py" "$work/seam/reports" "$1"; }
check() { # what, command...
  local what=$1; shift
  if "$@" >"$work/out" 2>&1; then echo "ok    $what"; else
    echo "FAIL  $what: $*"; sed 's/^/      /' "$work/out" "$work/log" | tail -20; failures=$((failures + 1))
  fi
}
equal() { [ "$1" = "$2" ] || { echo "got $1, wanted $2"; return 1; }; }
grew() { [ "$(counter "$1")" -gt "$2" ] || { echo "$1 is still $2"; return 1; }; }
within() { # seconds of a machine with nothing else to do, command...: until it succeeds
  local end=$((SECONDS + 3 * $1)); shift
  until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done
}

refused() { # code, words of the sentence
  in_near timeout 30 "$dataplane" --config "$work/conf" >"$work/log" 2>&1
  local code=$?
  cat "$work/log"
  [ $code = "$1" ] && tail -1 "$work/log" | grep -q "$2"
}
configure() { # device, more lines of [media]
  printf '[media]\naddress = 198.18.7.1/24\naddress = 2001:db8:7::1/64\n%s\n[dataplane]\n' "${2:-}" >"$work/conf"
  for device in $1; do echo "device = $device" >>"$work/conf"; done
  printf 'memory-mib = 128\npacket-buffers = 8192\nhugepages = %s\n[seam]\ndirectory = %s/seam\n' \
    "${hugepages:-off}" "$work" >>"$work/conf"
}
start() {
  : >"$work/log"  # or the last run's would be found below
  ip netns exec "$near" "$dataplane" --config "$work/conf" >"$work/log" 2>&1 &
  pid=$!
  within 10 grep -q "running" "$work/log" && return
  echo "FAIL  did not start"; cat "$work/log"; failures=$((failures + 1))
}
stop() { # signal
  [ -n "$pid" ] || return 0
  kill -"${1:-TERM}" "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; local code=$?
  pid=
  return $code
}
stop_bridge() { [ -z "$bridge" ] || { kill "$bridge" 2>/dev/null; wait "$bridge" 2>/dev/null; bridge=; }; }
cleanup() {
  stop; stop_bridge
  ip netns del "$near" 2>/dev/null; ip netns del "$far" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

# Gives an interface of a namespace its end of the link: namespace, interface, last number of the addresses.
address() {
  ip -n "$1" addr add "198.18.7.$3/24" dev "$2"
  ip -n "$1" addr add "2001:db8:7::$3/64" dev "$2" nodad
  ip -n "$1" link set "$2" up
}
pings() { # what, namespace
  check "$1: ping" within 5 ip netns exec "$2" ping -c 1 -W 1 198.18.7.1
  check "$1: ping, 1400 bytes, 20 in a row" ip netns exec "$2" ping -q -c 20 -i 0.02 -W 3 -s 1400 198.18.7.1
  check "$1: ping -6" within 5 ip netns exec "$2" ping -6 -c 1 -W 1 2001:db8:7::1
  check "$1: ping -6, 1400 bytes, 20 in a row" ip netns exec "$2" ping -6 -q -c 20 -i 0.02 -W 3 -s 1400 2001:db8:7::1
  for relay in 198.18.7.1 2001:db8:7::1; do
    check "$1: $relay is resolved" sh -c "ip -n $2 neigh show $relay | grep -q lladdr"
  done
}
# Sends a datagram from "near" to the media port and says how many answers came back: family, hexadecimal payload.
answers() {
  in_near python3 - "$1" "$2" <<'PYTHON'
import socket, sys
family, to = (socket.AF_INET, "198.18.7.1") if sys.argv[1] == "4" else (socket.AF_INET6, "2001:db8:7::1")
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(0.3)
s.sendto(bytes.fromhex(sys.argv[2]), (to, 10000))
try:
    s.recv(2048)
    print(1)
except OSError:
    print(0)
PYTHON
}
silent_drop() { # what, counter, hexadecimal payload
  for family in 4 6; do
    local before; before=$(counter "$2")
    check "$1 over IPv$family: no answer" equal "$(answers $family "$3")" 0
    check "$1 over IPv$family: $2 counts" within 3 grew "$2" "$before"
  done
}

ip netns add "$near"; ip netns add "$far"
ip -n "$near" link set lo up; ip -n "$far" link set lo up

# --- net_tap ---------------------------------------------------------------------------------------------------------
configure net_tap0,iface=pst0
start
address "$near" pst0 2
pings net_tap "$near"
# A Binding request whose USERNAME names nobody; then, from an address that no check has validated, RTP, RTCP and DTLS.
stun_without_fingerprint=000100002112a442000102030405060708090a0b
silent_drop "STUN without FINGERPRINT" stun_fingerprint_bad $stun_without_fingerprint
silent_drop "RTP" rtp_source_unvalidated 8060000100000001000000010102030405060708090a0b0c0d0e0f1011121314
silent_drop "RTCP" rtcp_source_unvalidated 80c900010000000100000000000000000000000000000000
silent_drop "DTLS" dtls_source_unvalidated 16feff0000000000000000000401020304
silent_drop "noise" datagram_kind_unknown ff00ff00
conserved() {
  python3 - "$here" "$work/seam/reports" <<'PYTHON'
import re, subprocess, sys
here, region = sys.argv[1:]
text = open(f"{here}/../../dataplane/contract/counters.h").read()
drops = re.findall(r"^  X\((\w+),", text.split("PENSTOCK_RECEIVE_DROPS(X)")[1].split("PENSTOCK_SEND_DROPS(X)")[0], re.M)
values = subprocess.run([f"{here}/counter.py", region, "received", "forwarded", "punted", "answered", *drops],
                        capture_output=True, text=True, check=True).stdout.split()
received, *outs = map(int, values)
print(received, "received,", sum(outs), "accounted for")
sys.exit(received == 0 or received != sum(outs))
PYTHON
}
check "packets in = sum of the outs" within 3 conserved
check "a second one on the same regions ends with code 75" \
  sh -c "ip netns exec $near $dataplane --config $work/conf; [ \$? = 75 ]"

before=$(counter answered)
stop KILL
start_ns=$(date +%s%N)
start
address "$near" pst0 2 2>/dev/null
check "after kill -9 it starts again and answers" within 3 in_near ping -c 1 -W 1 198.18.7.1
echo "      $((($(date +%s%N) - start_ns) / 1000000)) ms from start to the first answer"
check "its counters go on where they were" within 3 grew answered "$before"
stop TERM
check "SIGTERM ends it with code 0" equal $? 0
check "no interface is left" sh -c "! ip -n $near link show pst0"
check "no files of DPDK are left" sh -c "! ls -d /run/dpdk/rte"

# --- net_tap with hugepages if there are any -------------------------------------------------------------------------
hugepages=auto configure net_tap0,iface=pst0
start
address "$near" pst0 2
grep -o "dpdk: .*" "$work/log" | sed 's/^/      /'
check "hugepages = auto: ping" within 5 in_near ping -c 1 -W 1 198.18.7.1
stop

# --- net_tap on a bridge that snoops, where neighbours remember another MAC address ----------------------------------
# The kernel's end of a tap gets the relay's MAC address, which a bridge would keep for itself.
join() { ip -n "$near" link set pst0 address 02:00:00:00:00:fe && ip -n "$near" link set pst0 master pss0 up; }
learned() { # address
  ip -n "$near" neigh show "$1" | grep lladdr | grep -v 02:00:00:00:00:99
}
listens() { bridge -n "$near" mdb show | grep 'port pst0 grp ff02::1:ff00:1 '; }
if ip -n "$near" link add pss0 type bridge forward_delay 0 mcast_snooping 1 mcast_querier 1 mcast_mld_version 2 \
  mcast_startup_query_interval 300 mcast_query_response_interval 100 2>/dev/null; then
  address "$near" pss0 2
  configure net_tap0,iface=pst0
  start
  join
  for relay in 198.18.7.1 2001:db8:7::1; do
    ip -n "$near" neigh replace $relay lladdr 02:00:00:00:00:99 nud stale dev pss0
  done
  check "a stale neighbour is told by ARP announcement" within 4 learned 198.18.7.1
  check "a stale neighbour is told by unsolicited advertisement" within 4 learned 2001:db8:7::1
  check "a bridge that snoops knows that we listen for solicitations" within 4 listens
  # It forgets, and asks again.
  ip -n "$near" link set pst0 nomaster
  ip -n "$near" link set pss0 type bridge mcast_startup_query_count 5
  sleep 3  # the relay has said all that it says unasked
  join
  check "it learns so again by its queries" within 8 listens
  check "through it: ping -6" within 5 in_near ping -6 -c 1 -W 1 2001:db8:7::1
  stop
  ip -n "$near" link del pss0
else
  echo "      no bridge with MLD snooping in this kernel: not tried"
fi

# --- net_tap with a VLAN; asked through a packet socket, as not every kernel has 802.1Q ------------------------------
asks() { # VLAN, seconds to wait for each answer
  in_near "$here/vlan_ping.py" pst0 "$1" "${2:-3}" 198.18.7.2 198.18.7.1 2001:db8:7::2 2001:db8:7::1
}
unanswered() { ! asks "$1" 0.2; }
configure net_tap0,iface=pst0
start
ip -n "$near" link set pst0 up
check "untagged: ARP, neighbour discovery and echo are answered" asks 0
before=$(counter frame_vlan_other)
check "a tagged frame is not answered without media.vlan" unanswered 100
check "frame_vlan_other counts" within 3 grew frame_vlan_other "$before"
stop
configure net_tap0,iface=pst0 "vlan = 100"
start
ip -n "$near" link set pst0 up
check "VLAN 100: ARP, neighbour discovery and echo are answered" asks 100
for vlan in 0 101; do
  before=$(counter frame_vlan_other)
  check "VLAN 100: frames of VLAN $vlan are not answered" unanswered $vlan
  check "VLAN 100: frames of VLAN $vlan are counted" within 3 grew frame_vlan_other "$before"
done
stop

# --- two ports -------------------------------------------------------------------------------------------------------
configure "net_tap0,iface=pst0 net_tap1,iface=pst1"
start
address "$near" pst0 2
ip -n "$near" link set pst1 netns "$far"
address "$far" pst1 3
pings "first of two ports" "$near"
pings "second of two ports" "$far"
stop

# --- net_af_packet, net_af_xdp over veth -----------------------------------------------------------------------------
ip -n "$near" link add psv0 type veth peer name psv1 netns "$far"
ip -n "$near" link set psv0 up
address "$far" psv1 3
configure net_af_packet0,iface=psv0
start
pings net_af_packet "$far"
stop
configure net_af_xdp0,iface=psv0
in_near timeout 3 "$dataplane" --config "$work/conf" >"$work/log" 2>&1
if grep -q running "$work/log"; then
  start
  ip -n "$far" neigh flush all
  pings net_af_xdp "$far"
  stop KILL
  start
  check "net_af_xdp: after kill -9, too" within 5 in_far ping -c 1 -W 1 198.18.7.1
  stop
else
  echo "skip  net_af_xdp: $(tail -1 "$work/log")"
fi

# --- net_memif, with the bridge between its other end and a tap ------------------------------------------------------
ip -n "$far" link del psv1
ip netns exec "$far" "$bridge_program" "net_memif0,role=server,socket=$work/memif.sock,socket-abstract=no" \
  net_tap0,iface=psm0 >"$work/bridge" 2>&1 &
bridge=$!
within 10 sh -c "ip -n $far link show psm0 >/dev/null 2>&1"
address "$far" psm0 3
configure "net_memif0,role=client,socket=$work/memif.sock,socket-abstract=no"
start
pings net_memif "$far"
stop KILL
start
check "net_memif: after kill -9, too" within 5 in_far ping -c 1 -W 1 198.18.7.1
stop
stop_bridge

# --- refusals --------------------------------------------------------------------------------------------------------
configure net_af_packet0,iface=nonesuch
check "an interface that is not there: code 66" refused 66 'Port "net_af_packet0,iface=nonesuch" could not be made'
configure 0000:99:00.0
check "a PCI device that is not there: code 66" refused 66 'No port at PCI address'
configure net_nothing0
check "a driver that is not there: code 66" refused 66 'no driver of that name'
hugepages=on configure net_tap0,iface=pst0
sed -i 's/^memory-mib.*/memory-mib = 60000/' "$work/conf"
check "hugepages that cannot be had: code 71" refused 71 'hugepages cannot be had'
configure net_tap0,iface=pst0 && sed -i 's/^packet-buffers.*/packet-buffers = 50000/' "$work/conf"
check "more buffers than memory: code 71" refused 71 'raise dataplane.memory-mib'
configure net_tap0,iface=pst0 && sed -i 's/^directory.*/directory = \/nonexistent/' "$work/conf"
check "no directory for the seam: code 65" refused 65 'seam.directory'
configure net_tap0,iface=pst0 && chmod 755 "$work" && chown nobody "$work/seam" && rm -f "$work/seam"/*
unprivileged() {
  in_near setpriv --reuid nobody --clear-groups timeout 30 "$dataplane" --config "$work/conf" >"$work/log" 2>&1
  local code=$?
  cat "$work/log"
  [ $code = 77 ]
}
chmod 644 "$work/conf"
check "no right to make a port: code 77" unprivileged

[ $failures = 0 ] && echo "all well" || { echo "$failures failed"; exit 1; }

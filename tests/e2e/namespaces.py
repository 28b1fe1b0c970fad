"""Two network namespaces of a test's own: the relay's, with its port, and the clients', joined by one Ethernet.

    relay namespace                         clients namespace
    penstock0 (the tap of the DPDK port)    veth "clients": 198.18.0.2/24, 2001:db8:18::2/64
        \\___ bridge ___ veth __________________/
             198.18.0.3, 2001:db8:18::3: the kernel's address there, for penstockd's HTTP

Media has one way to the relay, through the tap: the kernel has no address of the relay's.
"""

import ctypes
import os
import pathlib
import shutil
import subprocess

PREFIX = "penstock-test"
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def command(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True, timeout=20)


def lives(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def sweep():
    """What tests that were killed outright left behind: their names have the number of the process."""
    for directory in [*pathlib.Path("/dev/shm").glob(f"{PREFIX}-*"), *pathlib.Path("/tmp").glob(f"{PREFIX}-*")]:
        words = directory.name.removeprefix(PREFIX + "-").split("-")
        if words[0].isdigit() and not lives(int(words[0])):
            shutil.rmtree(directory, ignore_errors=True)
    for line in command("ip", "netns", "list").stdout.splitlines():
        name = line.split()[0]
        words = name.removeprefix(PREFIX + "-").split("-")
        if name.startswith(PREFIX + "-") and words[0].isdigit() and not lives(int(words[0])):
            command("ip", "netns", "del", name, check=False)


class Namespaces:
    relay_kernel = {"4": "198.18.0.3", "6": "2001:db8:18::3"}
    relay_media = {"4": "198.18.0.1", "6": "2001:db8:18::1"}
    client = {"4": "198.18.0.2", "6": "2001:db8:18::2"}
    stranger = {"4": "198.18.0.66", "6": "2001:db8:18::66"}

    def __init__(self):
        sweep()
        self.relay = f"{PREFIX}-{os.getpid()}-relay"
        self.clients = f"{PREFIX}-{os.getpid()}-clients"
        for name in (self.relay, self.clients):
            command("ip", "netns", "add", name)
            self.ip(name, "link", "set", "lo", "up")
            for family in ("all", "default"):
                # Addresses are of use at once; nobody else here could have them.
                command("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{family}.accept_dad=0",
                        f"net.ipv6.conf.{family}.disable_ipv6=0", check=False)
        # With a MAC address of its own; else it takes that of a port, and another one when a port comes.
        self.ip(self.relay, "link", "add", "bridge", "address", "02:00:00:00:00:03", "type", "bridge", "forward_delay", "0",
                "mcast_snooping", "0")
        self.ip(self.relay, "link", "add", "veth", "type", "veth", "peer", "name", "clients", "netns", self.clients)
        self.ip(self.relay, "link", "set", "veth", "master", "bridge", "up")
        self.ip(self.relay, "link", "set", "bridge", "up")
        self.ip(self.clients, "link", "set", "clients", "up")
        for family, bits in (("4", "24"), ("6", "64")):
            self.ip(self.relay, "address", "add", f"{self.relay_kernel[family]}/{bits}", "dev", "bridge")
            self.ip(self.clients, "address", "add", f"{self.client[family]}/{bits}", "dev", "clients")

    @staticmethod
    def ip(namespace, *words, check=True):
        return command("ip", "-n", namespace, *words, check=check)

    def enter_clients(self):
        """This process, and what it starts from now on, is a client."""
        file = os.open(f"/run/netns/{self.clients}", os.O_RDONLY)
        try:
            if libc.setns(file, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(file)

    def let_stranger_in(self, family):
        """One more address among the clients. Not there from the start, as peers use all they find."""
        self.ip(self.clients, "address", "add", f"{self.stranger[family]}/{'24' if family == '4' else '64'}", "dev", "clients")

    def make_interface_for_port(self):
        """Where the port makes none itself: `port` is for it, the other end joins the bridge as a tap would."""
        self.ip(self.relay, "link", "add", "penstock0", "type", "veth", "peer", "name", "port")
        self.ip(self.relay, "link", "set", "port", "up")

    def join_port(self, interface):
        """Puts the tap into the bridge, if it is there. DPDK gives the kernel's end of it the MAC address of the relay's,
        at some time during its start, and a bridge keeps for itself what is addressed to its own ports: hence another."""
        self.ip(self.relay, "link", "set", interface, "address", "02:00:00:00:00:fe", check=False)
        self.ip(self.relay, "link", "set", interface, "master", "bridge", "up", check=False)

    def put_between(self, program):
        """A bad network between the clients and the bridge: see impair.cpp. Returns its process."""
        self.ip(self.relay, "link", "set", "veth", "nomaster")
        self.ip(self.relay, "link", "add", "inner", "type", "veth", "peer", "name", "inner-end")
        for name in ("veth", "inner-end"):
            # The kernel hears what passes there, and must not answer.
            command("ip", "netns", "exec", self.relay, "sysctl", "-qw", f"net.ipv4.conf.{name}.arp_ignore=8",
                    f"net.ipv6.conf.{name}.disable_ipv6=1")
            self.ip(self.relay, "link", "set", name, "up")
        self.ip(self.relay, "link", "set", "inner", "master", "bridge", "up")
        return subprocess.Popen(["ip", "netns", "exec", self.relay, str(program), "veth", "inner-end", "10000", "1"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def udp_counters(self):
        """UDP datagrams that sockets of the relay's namespace took and sent: {"InDatagrams": n, "Udp6InDatagrams": n, ...}."""
        text = command("ip", "netns", "exec", self.relay, "cat", "/proc/net/snmp", "/proc/net/snmp6").stdout
        counters, names = {}, None
        for line in text.splitlines():
            words = line.split()
            if words[0] == "Udp:" and names is None:
                names = words[1:]
            elif words[0] == "Udp:":
                counters.update(zip(names, map(int, words[1:])))
            elif words[0].startswith("Udp6"):
                counters[words[0]] = int(words[1])
        return counters

    def remove(self):
        for name in (self.relay, self.clients):
            command("ip", "netns", "del", name, check=False)
        # A namespace whose processes are gone but whose mount point stayed would be in everybody's way.
        for name in (self.relay, self.clients):
            path = pathlib.Path("/run/netns", name)
            if path.exists():
                command("umount", "-l", str(path), check=False)
                path.unlink(missing_ok=True)

// Wrong settings, each with the whole text a person gets.
#include <gtest/gtest.h>

#include "daemon/exit_codes.h"
#include "tests/config/support.h"

namespace penstock {
namespace {

const std::string kSecret(32, 's');
const std::string kNetworks = "networks with prefix length, no bit set behind it: 10.0.0.0/8, fd00::/8; at most 64\n";
const std::string kMediaKeys = "[media] has: address, gateway, announce, deny, port, vlan, video-bitrate-max-kbps\n";
const std::string kSections =
    "the sections are: media, dataplane, srtp, seam, http, auth, rooms, dtls, store, webhook, log\n";
const std::string kAddresses = "unicast addresses with prefix length: 198.18.0.1/24, 2001:db8:18::1/64; at most 16\n";
const std::string kListen = "ADDRESS:PORT or [IPv6]:PORT; at most 16\n";
const std::string kAuth = "id:secret, the secret of 32 characters or more; at most 16\n";
const std::string kWorkers = "auto, or different cores like 2 or 2,3 or 2-5; at most 32\n";
const std::string kPublic =
    " is not a loopback address, and without auth.key whoever reaches it may do everything; set auth.key, or listen on "
    "127.0.0.1 or [::1]\n";

struct Case {
  int number;
  std::string file;
  std::string text;
};

const Case kCases[] = {
    // Lines that are no setting.
    {1, "[media]\nprot = 1\n", "FILE:2: media.prot: there is no such option; " + kMediaKeys},
    {2, "[medai]\nport = 1\n", "FILE:1: [medai]: there is no such section; " + kSections},
    {3, "port = 1\n", "FILE:1: port: there is no such option; " + kSections},
    {4, "\n\nnonsense\n", "FILE:3: nonsense: neither \"key = value\" nor \"[section]\" nor \"# comment\"\n"},
    {5, "[media\n", "FILE:1: [media: neither \"key = value\" nor \"[section]\" nor \"# comment\"\n"},
    {6, "[auth]\nkey = a:half#secret\n", "FILE:2: a # begins a comment and cannot be part of a value\n"},
    {7, "[media]\nport = 1\nport = 2\n", "FILE:3: media.port: set twice; it was set before (FILE:2)\n"},
    {8, "[media]\nport = 1\nmedia.port = 2\n", "FILE:3: media.media.port: there is no such option; " + kMediaKeys},
    // Numbers.
    {10, "[media]\nport = 0\n", "FILE:2: media.port = 0: not allowed; allowed: 1 to 65535\n"},
    {11, "[media]\nport = 65536\n", "FILE:2: media.port = 65536: not allowed; allowed: 1 to 65535\n"},
    {12, "[media]\nport = -1\n", "FILE:2: media.port = -1: not allowed; allowed: 1 to 65535\n"},
    {13, "[media]\nport = 0x10\n", "FILE:2: media.port = 0x10: not allowed; allowed: 1 to 65535\n"},
    {14, "[media]\nport = 10 000\n", "FILE:2: media.port = 10 000: not allowed; allowed: 1 to 65535\n"},
    {15, "[media]\nport =\n", "FILE:2: media.port = : not allowed; allowed: 1 to 65535\n"},
    {16, "[media]\nport = 18446744073709551617\n",
     "FILE:2: media.port = 18446744073709551617: not allowed; allowed: 1 to 65535\n"},
    {17, "[media]\nvlan = 4095\n", "FILE:2: media.vlan = 4095: not allowed; allowed: 1 to 4094, or empty for none\n"},
    {18, "[media]\nvlan = 0\n", "FILE:2: media.vlan = 0: not allowed; allowed: 1 to 4094, or empty for none\n"},
    {19, "[dataplane]\nmtu = 9000\n", "FILE:2: dataplane.mtu = 9000: not allowed; allowed: 1280 to 1500 (bytes)\n"},
    {20, "[http]\nbody-max-kib = 1\n", "FILE:2: http.body-max-kib = 1: not allowed; allowed: 16 to 16384 (KiB)\n"},
    {21, "[dtls]\ntimeout-s = 5s\n", "FILE:2: dtls.timeout-s = 5s: not allowed; allowed: 1 to 120 (s)\n"},
    // Words.
    {30, "[dataplane]\nhugepages = maybe\n",
     "FILE:2: dataplane.hugepages = maybe: not allowed; allowed: auto, on or off\n"},
    {31, "[dataplane]\nidle = Poll\n", "FILE:2: dataplane.idle = Poll: not allowed; allowed: sleep, monitor or poll\n"},
    {29, "[srtp]\nbackend = openssl\n",
     "FILE:2: srtp.backend = openssl: not allowed; allowed: auto, ipsec-mb or libsrtp\n"},
    {32, "[rooms]\ncreate-on-join = true\n", "FILE:2: rooms.create-on-join = true: not allowed; allowed: yes or no\n"},
    {33, "[log]\nlevel = loud\n",
     "FILE:2: log.level = loud: not allowed; allowed: trace, debug, info, warning or error\n"},
    {34, "[log]\nformat = xml\n", "FILE:2: log.format = xml: not allowed; allowed: text or json\n"},
    // Addresses.
    {40, "[media]\naddress = 198.18.0.1\n", "FILE:2: media.address = 198.18.0.1: not allowed; allowed: " + kAddresses},
    {41, "[media]\naddress = 198.18.0.1/33\n",
     "FILE:2: media.address = 198.18.0.1/33: not allowed; allowed: " + kAddresses},
    {42, "[media]\naddress = 198.18.0.1/0\n",
     "FILE:2: media.address = 198.18.0.1/0: not allowed; allowed: " + kAddresses},
    {43, "[media]\naddress = 2001:db8::1/129\n",
     "FILE:2: media.address = 2001:db8::1/129: not allowed; allowed: " + kAddresses},
    {44, "[media]\naddress = 127.0.0.1/8\n",
     "FILE:2: media.address = 127.0.0.1/8: not allowed; allowed: " + kAddresses},
    {45, "[media]\naddress = 224.0.0.1/4\n",
     "FILE:2: media.address = 224.0.0.1/4: not allowed; allowed: " + kAddresses},
    {46, "[media]\naddress = ff02::1/64\n", "FILE:2: media.address = ff02::1/64: not allowed; allowed: " + kAddresses},
    {47, "[media]\naddress = 0.0.0.0/8\n", "FILE:2: media.address = 0.0.0.0/8: not allowed; allowed: " + kAddresses},
    {48, "[media]\naddress = 198.18.0.1/24\naddress = example.org/24\n",
     "FILE:3: media.address = example.org/24: not allowed; allowed: " + kAddresses},
    {190, "[media]\ndeny = 10.0.0.1/8\n", "FILE:2: media.deny = 10.0.0.1/8: not allowed; allowed: " + kNetworks},
    {191, "[media]\ndeny = fd00::/8 10.0.0.0\n", "FILE:2: media.deny = 10.0.0.0: not allowed; allowed: " + kNetworks},
    {192, "[media]\naddress = 198.18.0.1/24\ndeny = 198.18.0.0/15\n",
     "FILE:3: media.deny: 198.18.0.0/15 covers the whole network of a media.address: nobody could be reached there\n"},
    {49, "[media]\ngateway = 198.18.0.254/24\n",
     "FILE:2: media.gateway = 198.18.0.254/24: not allowed; allowed: unicast addresses without prefix length; at most "
     "2\n"},
    {50, "[http]\nlisten = 8080\n", "FILE:2: http.listen = 8080: not allowed; allowed: " + kListen},
    {51, "[http]\nlisten = ::1:8080\n", "FILE:2: http.listen = ::1:8080: not allowed; allowed: " + kListen},
    {52, "[http]\nlisten = localhost:8080\n", "FILE:2: http.listen = localhost:8080: not allowed; allowed: " + kListen},
    {53, "[http]\nlisten = 127.0.0.1:65536\n",
     "FILE:2: http.listen = 127.0.0.1:65536: not allowed; allowed: " + kListen},
    // Cores, paths, keys, URLs.
    {60, "[dataplane]\nworkers = 2,2\n", "FILE:2: dataplane.workers = 2,2: not allowed; allowed: " + kWorkers},
    {61, "[dataplane]\nworkers = 5-2\n", "FILE:2: dataplane.workers = 5-2: not allowed; allowed: " + kWorkers},
    {62, "[dataplane]\nworkers = 0-32\n", "FILE:2: dataplane.workers = 0-32: not allowed; allowed: " + kWorkers},
    {63, "[dataplane]\nworkers = 1,\n", "FILE:2: dataplane.workers = 1,: not allowed; allowed: " + kWorkers},
    {64, "[dataplane]\nworkers = 1024\n", "FILE:2: dataplane.workers = 1024: not allowed; allowed: " + kWorkers},
    {65, "[seam]\ndirectory = run\n", "FILE:2: seam.directory = run: not allowed; allowed: an absolute path\n"},
    {66, "[seam]\ngroup = pen stock\n",
     "FILE:2: seam.group = pen stock: not allowed; allowed: the name of a group, or empty\n"},
    {67, "[auth]\nkey = a:short\n", "FILE:2: auth.key = (hidden): not allowed; allowed: " + kAuth},
    {68, "[auth]\nkey = :" + kSecret + "\n", "FILE:2: auth.key = (hidden): not allowed; allowed: " + kAuth},
    {69, "[auth]\nkey = " + kSecret + kSecret + "\n", "FILE:2: auth.key = (hidden): not allowed; allowed: " + kAuth},
    {70, "[webhook]\nurl = ftp://example.org\n",
     "FILE:2: webhook.url = ftp://example.org: not allowed; allowed: an http:// URL, or empty for none\n"},
    {76, "[http]\nallow-origin = *\n",
     "FILE:2: http.allow-origin: * lets every page that somebody here opens do everything, as without auth.key nothing "
     "else protects the relay; set auth.key, or name one origin\n"},
    {71, "[http]\nallow-origin = https://meet.example/page\n",
     "FILE:2: http.allow-origin = https://meet.example/page: not allowed; allowed: an origin like "
     "https://meet.example, *, or empty\n"},
    {72, "[seam]\ndirectory = " + std::string(100, 'x') + "\n",
     "FILE:2: seam.directory = " + std::string(80, 'x') + "...: not allowed; allowed: an absolute path\n"},
    // What does not fit together.
    {80, "[http]\ntls-certificate = /c.pem\n",
     "FILE:2: http.tls-certificate: needs http.tls-key too: TLS takes both\n"},
    {81, "[http]\ntls-key = /k.pem\n", "FILE:2: http.tls-key: needs http.tls-certificate too: TLS takes both\n"},
    {82, "[http]\nlisten = 0.0.0.0:80\n", "FILE:2: http.listen: 0.0.0.0:80" + kPublic},
    {83, "[http]\nlisten = 127.0.0.1:1 [::]:80\n", "FILE:2: http.listen: [::]:80" + kPublic},
    {84, "[http]\nlisten = [::1]:1 [::1]:1\n", "FILE:2: http.listen: [::1]:1 is there twice\n"},
    {85, "[auth]\nkey = a:" + kSecret + "\nkey = a:" + kSecret + "\n", "FILE:3: auth.key: the id a is there twice\n"},
    {86, "[media]\naddress = 198.18.0.1/24\ngateway = 198.18.1.1\n",
     "FILE:3: media.gateway: 198.18.1.1 is not within the prefix of any media.address: it cannot be reached\n"},
    {87, "[media]\naddress = 198.18.0.1/24\ngateway = 2001:db8::1\n",
     "FILE:3: media.gateway: 2001:db8::1 is not within the prefix of any media.address: it cannot be reached\n"},
    {88, "[media]\naddress = 198.18.0.1/24\ngateway = 198.18.0.1\n",
     "FILE:3: media.gateway: 198.18.0.1 is the relay's own address\n"},
    {89, "[media]\naddress = 198.18.0.1/24\ngateway = 198.18.0.2 198.18.0.3\n",
     "FILE:3: media.gateway: 198.18.0.3 is a second gateway for IPv4; one per family\n"},
    {90, "[media]\naddress = 198.18.0.1/24 198.18.0.1/16\n", "FILE:2: media.address: 198.18.0.1/16 is there twice\n"},
    {91, "[dataplane]\npacket-buffers = 1000000\n",
     "FILE:2: dataplane.packet-buffers: 1000000 buffers take 2442 MiB, more than dataplane.memory-mib = 256\n"},
    {92, "[dataplane]\ndevice = net_tap0,iface=a net_tap0,iface=b\n",
     "FILE:2: dataplane.device: net_tap0 is there twice\n"},
    {93, "[webhook]\nsecret = x\n", "FILE:2: webhook.secret: needs webhook.url too\n"},
    // One mistake is told once: what depends on a wrong setting is not complained about.
    {95, "[auth]\nkey = a:short\n[http]\nlisten = 0.0.0.0:80\n",
     "FILE:2: auth.key = (hidden): not allowed; allowed: " + kAuth},
    {96, "[medai]\nport = 1\nvlan = 2\n", "FILE:1: [medai]: there is no such section; " + kSections},
    // All mistakes are told at once.
    {97, "[media]\nport = x\n[log]\nlevel = y\n",
     "FILE:2: media.port = x: not allowed; allowed: 1 to 65535\n"
     "FILE:4: log.level = y: not allowed; allowed: trace, debug, info, warning or error\n"},
};

TEST(WrongSettings, are_named_with_file_line_key_value_and_what_is_allowed) {
  for (const Case& c : kCases) {
    const auto settings = test::read({.file = c.file});
    ASSERT_FALSE(settings.has_value()) << "case " << c.number << " was accepted";
    EXPECT_EQ(settings.error().text, c.text) << "case " << c.number;
    EXPECT_EQ(settings.error().code, kExitConfig) << "case " << c.number;
  }
}

TEST(WrongSettings, in_the_environment_are_named) {
  const auto settings = test::read({.environment = {{"PENSTOCK_MEDIA_PRT", "1"}, {"PENSTOCK_MEDIA_PORT", "x"}}});
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().text, "environment: PENSTOCK_MEDIA_PRT: there is no such option; " + kMediaKeys +
                                       "environment: PENSTOCK_MEDIA_PORT = x: not allowed; allowed: 1 to 65535\n");
}

TEST(WrongSettings, on_the_command_line_are_named) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"--media.prt=1"}, "command line: --media.prt: there is no such option; " + kMediaKeys},
      {{"--media.por", "1"}, "command line: --media.por: there is no such option; " + kMediaKeys},
      {{"--media.port", "x"}, "command line: --media.port = x: not allowed; allowed: 1 to 65535\n"},
      {{"--media.port"}, "command line: the required argument for option '--media.port' is missing\n"},
      {{"word"}, "command line: word: only options are expected here\n"},
  };
  for (const auto& [arguments, text] : cases) {
    const auto settings = test::read({.arguments = arguments});
    ASSERT_FALSE(settings.has_value()) << text;
    EXPECT_EQ(settings.error().text, text);
    EXPECT_EQ(settings.error().code, kExitConfig);
  }
}

TEST(WrongSettings, a_file_that_is_not_there_is_an_error_when_it_was_asked_for) {
  auto settings = test::read({.arguments = {"--config", "/nonexistent/penstock.conf"}});
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().text, "/nonexistent/penstock.conf: cannot be read: No such file or directory\n");
  settings = test::read({.arguments = {"--config", "/"}});
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().text, "/: cannot be read: it is a directory\n");
}

TEST(WrongSettings, what_the_program_needs_must_be_set) {
  const auto settings = test::read({.file = "[http]\nlisten =\n"}, ProgramText{}.needs);
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(
      settings.error().text,
      "FILE: media.address: not set, and penstock-test needs it; allowed: " + kAddresses +
          "FILE: dataplane.device: not set, and penstock-test needs it; allowed: PCI addresses or virtual devices; "
          "at most 16\n"
          "FILE:2: http.listen: not set, and penstock-test needs it; allowed: " +
          kListen);
}

}  // namespace
}  // namespace penstock

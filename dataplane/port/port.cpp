#include "dataplane/port/port.h"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "daemon/exit_codes.h"

namespace penstock {
namespace {

// Deep enough for a burst of fan-out (one packet to several hundred subscribers) while the other side is descheduled.
constexpr uint16_t kReceiveDescriptors = 1024;
constexpr uint16_t kSendDescriptors = 1024;
// Frames of workers without a queue, on their way to the one that has queue 0.
constexpr unsigned kHandedMax = 4096;

std::optional<uint16_t> findPort(const std::string& device) {
  // A PCI device may be written short, and one device may hold several ports: let DPDK match.
  if (isPciAddress(device)) {
    rte_dev_iterator iterator;
    if (rte_eth_iterator_init(&iterator, deviceName(device).c_str()) != 0) return std::nullopt;
    const uint16_t id = rte_eth_iterator_next(&iterator);
    rte_eth_iterator_cleanup(&iterator);
    return id == RTE_MAX_ETHPORTS ? std::nullopt : std::optional(id);
  }
  uint16_t id;
  if (rte_eth_dev_get_port_by_name(deviceName(device).c_str(), &id) != 0) return std::nullopt;
  return id;
}

std::string whyMissing(const std::string& device, const std::string& complaint) {
  const std::string said = complaint.empty() ? "" : fmt::format(" ({})", complaint);
  if (complaint.find("not permitted") != std::string::npos || complaint.find("ermission denied") != std::string::npos) {
    return fmt::format(
        "Port \"{}\" needs a right that this process lacks{}: start it as root, or with CAP_NET_ADMIN "
        "and CAP_NET_RAW as the systemd unit does.",
        device, said);
  }
  if (isPciAddress(device)) {
    return fmt::format(
        "No port at PCI address \"{}\"{}: bind it to vfio-pci (dpdk-devbind.py --status shows what is "
        "bound to what), or correct dataplane.device.",
        device, said);
  }
  return fmt::format("Port \"{}\" could not be made{}: correct dataplane.device.", device, said);
}

/// Drivers without hardware make an address up at each start. Neighbours would go on sending to the old one.
bool inventsAddress(const std::string& driver) {
  return driver == "net_tap" || driver == "net_memif";
}

}  // namespace

std::array<uint8_t, 6> stableAddress(std::string_view identity) {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;  // FNV-1a
  for (char c : identity) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100'0000'01b3;
  std::array<uint8_t, 6> mac;
  for (size_t i = 0; i < mac.size(); ++i) mac[i] = static_cast<uint8_t>(hash >> (8 * i));
  // IEEE 802: unicast, locally administered.
  mac[0] = static_cast<uint8_t>((mac[0] & 0xfc) | 0x02);
  return mac;
}

Port::Port(const Eal& eal, const PortRequest& request, MbufPool& pool) : eal_(eal) {
  facts_.device = request.device;
  const std::optional<uint16_t> id = findPort(request.device);
  if (!id) {
    const std::string why = whyMissing(request.device, eal.complaint());
    throw StartError(why.find("a right") != std::string::npos ? kExitRights : kExitPort, why);
  }
  id_ = *id;
  eal.forgetComplaints();
  configure(request);
  setUpQueues(request, pool);
  setAddress(request);
  start(request);
}

Port::~Port() {
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

/// Start-up: throws unless a call of DPDK went well.
void Port::check(int result, const char* what) const {
  if (result >= 0) return;
  const std::string complaint = eal_.complaint();
  const bool xdp = complaint.find("xsk socket") != std::string::npos;
  throw StartError(kExitPort, fmt::format("Port \"{}\" refused its {} ({}{}{}){}", facts_.device, what,
                                          std::strerror(-result), complaint.empty() ? "" : "; ", complaint,
                                          xdp ? ": take another XDP program off its interface with 'ip link set dev "
                                                "INTERFACE xdp off'."
                                              : "."));
}

void Port::configure(const PortRequest& request) {
  rte_eth_dev_info info;
  check(rte_eth_dev_info_get(id_, &info), "first question");
  facts_.driver = info.driver_name;
  facts_.queues = std::min({request.workers, info.max_rx_queues, info.max_tx_queues});
  facts_.numa_node = rte_eth_dev_socket_id(id_);
  if (facts_.queues < request.workers) {
    handed_.reset(rte_ring_create(fmt::format("handed-{}", id_).c_str(), kHandedMax, facts_.numa_node, RING_F_SC_DEQ));
    if (!handed_) throw StartError(kExitMemory, fmt::format("DPDK gave no ring ({}).", rte_strerror(rte_errno)));
  }
  rte_eth_conf conf{};
  const uint64_t receive_checks = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
  conf.rxmode.offloads = info.rx_offload_capa & receive_checks;
  conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  if (facts_.queues > 1) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
  }
  facts_.checks_udp_checksum = conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
  facts_.sends_udp_checksum = conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  check(rte_eth_dev_configure(id_, facts_.queues, facts_.queues, &conf), "configuration");
}

void Port::setUpQueues(const PortRequest& request, MbufPool& pool) {
  uint16_t receive = kReceiveDescriptors, send = kSendDescriptors;
  check(rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive, &send), "queue lengths");
  const auto node = static_cast<unsigned>(facts_.numa_node);  // -1 is SOCKET_ID_ANY
  for (uint16_t queue = 0; queue < facts_.queues; ++queue) {
    check(rte_eth_rx_queue_setup(id_, queue, receive, node, nullptr, pool.raw()), "receive queue");
    check(rte_eth_tx_queue_setup(id_, queue, send, node, nullptr), "send queue");
  }
  // A driver that cannot set an MTU takes any (memif), or that of its interface (af_packet).
  const int set = rte_eth_dev_set_mtu(id_, request.mtu);
  if (set != 0 && set != -ENOTSUP) {
    spdlog::warn("port {}: MTU {} was not taken ({}); set it on the interface", request.device, request.mtu,
                 std::strerror(-set));
  }
  check(rte_eth_dev_get_mtu(id_, &facts_.mtu), "MTU");
}

void Port::setAddress(const PortRequest& request) {
  rte_ether_addr mac;
  check(rte_eth_macaddr_get(id_, &mac), "MAC address");
  std::copy_n(mac.addr_bytes, facts_.mac.size(), facts_.mac.begin());
  const bool invented = inventsAddress(facts_.driver) && request.device.find("mac=") == std::string::npos;
  if (!request.mac && !invented) return;
  facts_.mac = request.mac ? *request.mac : stableAddress(request.device + request.identity);
  std::copy_n(facts_.mac.begin(), facts_.mac.size(), mac.addr_bytes);
  // A port that filters nothing (memif) need not know.
  const int set = rte_eth_dev_default_mac_addr_set(id_, &mac);
  if (set != -ENOTSUP || !invented) check(set, "MAC address");
}

void Port::start(const PortRequest& request) {
  const int result = rte_eth_dev_start(id_);
  if (result != 0) {
    throw StartError(kExitPort, fmt::format("Port \"{}\" did not start ({}).", request.device, std::strerror(-result)));
  }
  started_ = true;
  // Neighbour solicitations go to multicast groups (RFC 4861 section 7.2.1). The narrowest way that the driver has.
  std::vector<rte_ether_addr> groups(request.groups.size());
  for (size_t i = 0; i < groups.size(); ++i) std::copy_n(request.groups[i].begin(), 6, groups[i].addr_bytes);
  if (groups.empty() || rte_eth_dev_set_mc_addr_list(id_, groups.data(), static_cast<uint32_t>(groups.size())) == 0) {
    facts_.multicast = "filter";
  } else if (rte_eth_allmulticast_enable(id_) == 0) {
    facts_.multicast = "all multicast";
  } else if (rte_eth_promiscuous_enable(id_) == 0) {
    facts_.multicast = "promiscuous";
  } else {
    facts_.multicast = "as the driver has it";
  }
}

void ClosesRing::operator()(rte_ring* ring) const {
  rte_ring_free(ring);
}

size_t Port::handToSender(std::span<rte_mbuf*> mbufs) {
  return rte_ring_mp_enqueue_burst(handed_.get(), reinterpret_cast<void**>(mbufs.data()),
                                   static_cast<unsigned>(mbufs.size()), nullptr);
}

void Port::sendHanded() {
  if (!handed_) return;
  std::array<rte_mbuf*, kBurstMax> mbufs;
  for (unsigned left = 1; left > 0;) {
    const auto count = static_cast<uint16_t>(
        rte_ring_sc_dequeue_burst(handed_.get(), reinterpret_cast<void**>(mbufs.data()), mbufs.size(), &left));
    const uint16_t took = count == 0 ? 0 : rte_eth_tx_burst(id_, 0, mbufs.data(), count);
    for (uint16_t i = took; i < count; ++i) rte_pktmbuf_free(mbufs[i]);
  }
}

bool Port::linkUp() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

}  // namespace penstock

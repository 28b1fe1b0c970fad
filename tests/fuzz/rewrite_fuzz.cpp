// Any bytes as a publisher's RTP packet, and any extension ids on both sides: the header that a subscriber gets stays
// inside its buffer, parses, and says the same under its own ids; numbers go on whatever is left out or switched.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "dataplane/packet/rtp.h"
#include "dataplane/packet/rtp_extension.h"
#include "dataplane/stream/header_rewriter.h"
#include "dataplane/stream/sequence_rewriter.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

using Ids = std::array<uint8_t, contract::kExtensionMax>;
constexpr size_t kExtensions = static_cast<size_t>(contract::Extension::kCount);

/// Takes bytes from the front; zeros once there are none.
struct Input {
  std::span<const uint8_t> rest;
  uint8_t next() {
    if (rest.empty()) return 0;
    const uint8_t byte = rest[0];
    rest = rest.subspan(1);
    return byte;
  }
  uint16_t next16() { return static_cast<uint16_t>(next() << 8 | next()); }
};

/// Each id once, as rows are checked for.
Ids readIds(Input& input) {
  Ids ids{};
  std::set<uint8_t> taken;
  for (size_t i = 0; i < kExtensions; ++i) {
    const uint8_t id = input.next();
    if (id != 0 && taken.insert(id).second) ids[i] = id;
  }
  return ids;
}

stream::SourceHeader describe(const RtpView& view, const RtpExtensions& extensions, const Ids& ids) {
  stream::SourceHeader source;
  source.marker = view.marker;
  source.csrcs = view.packet.subspan(kRtpHeaderSize, size_t{view.csrc_count} * 4);
  for (const ExtensionElement& element : extensions.elements()) {
    const auto which = std::ranges::find(ids, element.id) - ids.begin();
    if (element.id != 0 && which < static_cast<ptrdiff_t>(kExtensions))
      source.set(static_cast<size_t>(which), extensions.value(element));
  }
  return source;
}

void checkElements(const RtpExtensions& read, const stream::SourceHeader& source, const Ids& to) {
  for (const ExtensionElement& element : read.elements()) {
    const auto which = static_cast<size_t>(std::ranges::find(to, element.id) - to.begin());
    FUZZ_CHECK(which < kExtensions);  // no id that was not negotiated
    const auto extension = static_cast<contract::Extension>(which);
    const auto value = read.value(element);
    if (extension == contract::Extension::kAbsSendTime)
      FUZZ_CHECK(readAbsSendTime(value) == 0x12'3456);
    else if (extension == contract::Extension::kTransportCc)
      FUZZ_CHECK(readTransportCc(value) == 0x4321);
    else if (extension != contract::Extension::kMid)
      FUZZ_CHECK(std::ranges::equal(value, source.extension[which]));
  }
}

void rewriteHeader(Input& input) {
  const Ids from = readIds(input), to = readIds(input);
  std::array<uint8_t, contract::kMidMax> mid;
  const size_t mid_size = input.next() % (mid.size() + 1);
  std::fill_n(mid.begin(), mid_size, uint8_t{'m'});
  const size_t room = input.next16() % 2048;
  const auto view = parseRtpHeader(input.rest);
  if (!view) return;
  const auto source = describe(*view, RtpExtensions::parse(*view), from);

  const stream::HeaderRewriter rewriter(to, std::span(mid).first(mid_size));
  std::vector<uint8_t> out(room);  // exactly: one byte too far is seen
  const stream::OutgoingHeader outgoing{.ssrc = 7,
                                        .timestamp = view->timestamp,
                                        .sequence = view->sequence,
                                        .payload_type = 96,
                                        .transport_sequence = 0x4321,
                                        .abs_send_time = 0x12'3456};
  const auto written = rewriter.writeRtx(source, outgoing, view->sequence, out);
  if (!written) return;
  FUZZ_CHECK(written->written_length <= out.size() && written->written_length == written->header_length + 2);
  out.resize(written->header_length);
  const auto again = parseRtpHeader(out);
  FUZZ_CHECK(again && again->header_size == written->header_length && again->marker == view->marker);
  FUZZ_CHECK(again->sequence == view->sequence && again->ssrc == 7 && again->csrc_count == view->csrc_count);
  const auto read = RtpExtensions::parse(*again);
  FUZZ_CHECK(read.whole());
  checkElements(read, source, to);
}

/// Packets come, late or twice, are left out, or the source changes: no index goes out for two packets, NACKs find what
/// went out, and what is in order goes on by one or by the gap that the source had.
void rewriteNumbers(Input& input) {
  const uint64_t first = input.next16();
  stream::SequenceRewriter rewriter(first);
  std::map<uint64_t, std::pair<uint8_t, uint16_t>> sent;  // index -> source, sequence
  uint16_t sequence = input.next16();
  uint8_t source = 0;
  rewriter.switchSource(source);
  while (!input.rest.empty()) {
    const uint8_t what = input.next();
    // Mostly the next one; now and then late, or after a gap.
    const auto at = static_cast<uint16_t>(sequence + (what & 0x80 ? static_cast<int8_t>(input.next()) : 1));
    if ((what & 3) == 3 && (what & 0x40)) {
      rewriter.switchSource(++source);
      sequence = input.next16();
      continue;
    }
    if (serialDifference(at, sequence) > 0) sequence = at;
    if ((what & 3) == 2) {
      rewriter.leaveOut(at);
      continue;
    }
    const uint64_t next = rewriter.nextIndex();
    const auto numbers = rewriter.map(at);
    if (!numbers) continue;
    FUZZ_CHECK(numbers->index >= first && rewriter.nextIndex() >= next);
    const auto [found, fresh] = sent.emplace(numbers->index, std::pair(source, at));
    FUZZ_CHECK(fresh || found->second == std::pair(source, at));
    if (numbers->index < next) continue;
    const auto back = rewriter.sourceOf(static_cast<uint16_t>(numbers->index));
    FUZZ_CHECK(back && back->sequence == at && back->source == source);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input{{data, size}};
  if (input.next() % 2 == 0)
    rewriteHeader(input);
  else
    rewriteNumbers(input);
  return 0;
}

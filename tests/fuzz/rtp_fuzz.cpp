// Any bytes as RTP: views stay inside, and its extensions written anew by another id map say the same.
#include <array>
#include <cstring>
#include <vector>

#include "dataplane/packet/rtp.h"
#include "dataplane/packet/rtp_extension.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

/// As a forwarder does: every element under another id, two stamps appended, into a buffer of `room` bytes.
void rewrite(const RtpView& view, const RtpExtensions& extensions, uint8_t shift, size_t room) {
  ExtensionWriter writer;
  size_t taken = 0;
  for (const ExtensionElement& element : extensions.elements()) {
    const auto id = static_cast<uint8_t>(element.id + shift);
    if (writer.add(id, extensions.value(element))) ++taken;
    FUZZ_CHECK(id == 0 || taken > 0);
  }
  const bool stamped = writer.addSpace(14, kAbsSendTimeSize);
  std::vector<uint8_t> packet(kRtpHeaderSize + room);
  writeRtpHeader(packet.data(), {view.payload_type, view.marker, view.sequence, view.timestamp, view.ssrc}, true);
  const size_t size = writer.write(std::span(packet).subspan(kRtpHeaderSize));
  FUZZ_CHECK(size == 0 ? writer.blockSize() > room || writer.blockSize() == 0 : size == writer.blockSize());
  if (size == 0) return;
  const auto again = parseRtpHeader(packet);
  FUZZ_CHECK(again && again->sequence == view.sequence && again->ssrc == view.ssrc);
  FUZZ_CHECK(again->header_size == kRtpHeaderSize + size);
  const auto read = RtpExtensions::parse(*again);
  FUZZ_CHECK(read.whole() && read.elements().size() == taken + (stamped ? 1 : 0));
  size_t at = 0;
  for (const ExtensionElement& element : extensions.elements()) {
    if (static_cast<uint8_t>(element.id + shift) == 0) continue;
    const ExtensionElement& copy = read.elements()[at++];
    FUZZ_CHECK(copy.id == static_cast<uint8_t>(element.id + shift) && copy.size == element.size);
    FUZZ_CHECK(copy.size == 0 ||
               std::memcmp(read.value(copy).data(), extensions.value(element).data(), copy.size) == 0);
  }
}

void readValues(const RtpExtensions& extensions) {
  for (const ExtensionElement& element : extensions.elements()) {
    const auto value = extensions.value(element);
    (void)readAudioLevel(value);
    (void)readAbsSendTime(value);
    (void)readTransportCc(value);
    const auto text = readSdesText(value, 16);
    FUZZ_CHECK(!text || (!text->empty() && text->size() <= 16));
    FUZZ_CHECK(extensions.find(element.id));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> packet(data, size);
  auto view = parseRtpHeader(packet);
  if (!view) return 0;
  FUZZ_CHECK(view->header_size <= size);
  FUZZ_CHECK(view->payload().size() == size - view->header_size);
  if (view->extension_profile != 0) {
    FUZZ_CHECK(view->extension_offset + view->extension_size == view->header_size);
  }
  const auto extensions = RtpExtensions::parse(*view);
  readValues(extensions);
  const uint8_t shift = size > 12 ? data[size - 1] : 0;
  rewrite(*view, extensions, 0, 8192);
  rewrite(*view, extensions, shift, 8192);
  rewrite(*view, extensions, shift, shift);
  if (checkRtpPadding(*view, size)) {
    FUZZ_CHECK(view->payload().size() + view->padding_size + view->header_size == size);
  }
  return 0;
}

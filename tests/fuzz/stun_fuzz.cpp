// Any datagram as STUN, as it is and with a right FINGERPRINT: answers fit, and nobody is believed without the
// password.
#include <array>
#include <vector>

#include "dataplane/packet/bytes.h"
#include "dataplane/packet/stun.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

void answer(std::span<const uint8_t> datagram) {
  const auto request = parseStunRequest(datagram);
  if (!request) {
    FUZZ_CHECK(contract::isReceiveDrop(static_cast<size_t>(request.error())));
    return;
  }
  FUZZ_CHECK(request->ownUfrag().size() + request->peerUfrag().size() <= request->username.size());
  FUZZ_CHECK(request->unknown_count <= kStunUnknownMax);
  static const HmacSha1Key key("a password that no input of the corpus was made with");
  FUZZ_CHECK(!integrityGood(*request, key));
  Address mapped{};
  mapped.port_be = request->unknown[0];
  std::array<uint8_t, kStunAnswerMax> out;
  const size_t success = writeStunSuccess(*request, mapped, key, out);
  FUZZ_CHECK(success > 0 && success % 4 == 0);
  for (const StunError error :
       {StunError::kBadRequest, StunError::kForbidden, StunError::kUnknownAttribute, StunError::kRoleConflict}) {
    const size_t size = writeStunError(*request, error, key, out);
    FUZZ_CHECK(size > 0 && size % 4 == 0);
    FUZZ_CHECK(load16(out.data() + 2) + kStunHeaderSize == size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  answer({data, size});
  std::vector<uint8_t> datagram(data, data + size);
  if (size < kStunHeaderSize + 8) return 0;
  store16(datagram.data() + 2, static_cast<uint16_t>(size - kStunHeaderSize));
  store32(datagram.data() + size - 8, 0x8028'0004);
  store32(datagram.data() + size - 4, stunFingerprint(std::span(datagram).first(size - 8)));
  answer(datagram);
  return 0;
}

// Lines a=...: what they say goes into the values of sdp.h, or is refused with the rule it breaks.
#pragma once

#include <optional>
#include <string_view>

#include "control/signalling/sdp_lines.h"

namespace penstock::sdp {

/// RFC 8866 section 9: token-char.
bool isToken(std::string_view text);
std::optional<Direction> readDirection(std::string_view name);
/// nullptr: the m= line does not name it.
Format* findFormat(Media& media, std::string_view payload_type);

/// ICE and DTLS. Attributes of another meaning are passed over.
Done readSecurity(const Attribute& attribute, Security& to);
/// Of an m-section; unknown attributes are passed over.
Done readMediaAttribute(const Attribute& attribute, Media& media);

}  // namespace penstock::sdp

// Any bytes as a request: its target routed, its body read as JSON and as a plain transport, its token verified, its
// body as the claims of a token that is well signed. No socket: the stream of bytes itself is Beast's to parse.
#include <algorithm>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "control/api/api.h"
#include "control/api/encoding.h"
#include "control/api/json_body.h"
#include "control/api/jwt.h"
#include "control/api/plain_request.h"
#include "dataplane/contract/limits.h"
#include "tests/fuzz/fuzz_check.h"

using namespace penstock;

namespace {

std::string_view cut(std::string_view& rest, std::string_view at) {
  const size_t end = rest.find(at);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + at.size());
  return part;
}

/// "METHOD target\r\n", headers, an empty line, the body; whatever is missing is empty.
Request requestOf(std::string_view rest) {
  Request request;
  std::string_view line = cut(rest, "\r\n");
  request.method = cut(line, " ");
  request.target = cut(line, " ");
  while (!rest.empty()) {
    line = cut(rest, "\r\n");
    if (line.empty()) break;
    std::string name(cut(line, ":"));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    request.headers.emplace_back(std::move(name), line);
  }
  request.body = rest;
  return request;
}

void route(Request& request) {
  static const Router router(apiRoutes());
  if (!request.splitTarget()) return;
  for (const std::string& segment : request.segments) {
    FUZZ_CHECK(!segment.empty() && segment != "." && segment != ".." && segment.find('\0') == std::string::npos);
  }
  const auto match = router.find(request.method, request.segments);
  FUZZ_CHECK(match.route == nullptr || !match.same_path.empty());
  FUZZ_CHECK(match.same_path.empty() || !allowHeader(match.same_path).empty());
  for (const auto& [name, value] : match.parameters) FUZZ_CHECK(!value.empty());
  (void)mediaType(request.header("content-type"));
}

void read(const Request& request) {
  const auto body = readBody(request, {"publish", "subscribe", "remote", "srtp", "name", "identity"});
  if (!body) {
    FUZZ_CHECK(body.error().status >= 400 && body.error().status < 500);
    return;
  }
  const auto plain = readPlainRequest(*body);
  if (!plain) {
    FUZZ_CHECK(plain.error().status >= 400 && plain.error().status < 500 && !plain.error().code.empty());
    return;
  }
  for (const Track& track : plain->publish) {
    FUZZ_CHECK(!track.codecs.empty() && track.codecs.size() <= contract::kPayloadTypeMax / 2);
    FUZZ_CHECK(track.encodings.size() == 1);
  }
}

const TokenKeys kKeys = {{"k", "a secret that no input of the corpus has been signed with"}};

void verify(std::string_view text) {
  const auto token = verifyToken(text, kKeys, 1'700'000'000);
  FUZZ_CHECK(!token && !token.error().empty());
}

/// The claims are of strangers only as far as an integrator signs what it was given: any are read without harm.
void claim(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value claims = boost::json::parse(text, error);
  if (error || !claims.is_object()) return;
  const std::string token = signToken({{"alg", "HS256"}, {"kid", "k"}}, claims.get_object(), kKeys.at("k"));
  (void)verifyToken(token, kKeys, 1'700'000'000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Request request = requestOf({reinterpret_cast<const char*>(data), size});
  route(request);
  read(request);
  std::string_view authorization = request.header("authorization");
  if (authorization.starts_with("Bearer ")) verify(authorization.substr(7));
  claim(request.body);
  return 0;
}

// See pages.h.
#include "control/api/pages.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "control/api/digest.h"
#include "control/api/encoding.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;
constexpr size_t kFilesMax = 1000;
constexpr size_t kBytesMax = 32 * 1024 * 1024;

std::string contentType(const std::string& extension) {
  static const std::map<std::string, std::string> kTypes{{".html", "text/html; charset=utf-8"},
                                                         {".js", "text/javascript; charset=utf-8"},
                                                         {".mjs", "text/javascript; charset=utf-8"},
                                                         {".css", "text/css; charset=utf-8"},
                                                         {".svg", "image/svg+xml"},
                                                         {".png", "image/png"},
                                                         {".jpg", "image/jpeg"},
                                                         {".ico", "image/x-icon"},
                                                         {".webp", "image/webp"},
                                                         {".woff2", "font/woff2"},
                                                         {".json", "application/json"},
                                                         {".webmanifest", "application/manifest+json"},
                                                         {".txt", "text/plain; charset=utf-8"},
                                                         {".wasm", "application/wasm"},
                                                         {".mp3", "audio/mpeg"},
                                                         {".ogg", "audio/ogg"},
                                                         {".wav", "audio/wav"}};
  const auto found = kTypes.find(extension);
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

/// RFC 9110 section 13.1.2: weak comparison with each of the list.
bool noneMatch(std::string_view header, std::string_view etag) {
  return header == "*" || header.find(etag) != std::string_view::npos;
}

/// Scripts and styles from here alone; the conference and the relay's own API are all a page may talk to. A browser
/// that does not count ws: as 'self' needs the WebSocket's origin by name.
std::string contentSecurityPolicy(const Request& request) {
  std::string host(request.header("host"));
  if (host.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]") !=
      std::string::npos) {
    host.clear();
  }
  const std::string sockets = host.empty() ? "" : " ws://" + host + " wss://" + host;
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
         "media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; connect-src 'self'" +
         sockets + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace

Pages::Pages(const std::string& directory) {
  std::error_code error;
  size_t bytes = 0;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_regular_file() || entry->path().filename().string().starts_with('.')) continue;
    if (files_.size() >= kFilesMax || (bytes += entry->file_size()) > kBytesMax) break;
    std::ifstream in(entry->path(), std::ios::binary);
    File file;
    file.content.assign(std::istreambuf_iterator<char>(in), {});
    file.content_type = contentType(entry->path().extension().string());
    file.etag = '"' + hexadecimal(sha256(file.content)).substr(0, 32) + '"';
    files_.emplace(fs::relative(entry->path(), directory).generic_string(), std::move(file));
  }
}

Response Pages::serve(const std::string& name, const Request& request) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return errorResponse({404, "not_found", "There is no such page."});
  const File& file = found->second;
  Response response;
  response.headers = {{"ETag", file.etag},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", contentSecurityPolicy(request)},
                      {"X-Frame-Options", "DENY"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self)"}};
  if (noneMatch(request.header("if-none-match"), file.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("Content-Type", file.content_type);
  response.body = file.content;
  return response;
}

}  // namespace penstock

// The pages, read into memory when the relay starts: no request touches a disk, and no path reaches beyond the
// directory.
#pragma once

#include <map>
#include <string>

#include "control/api/http_message.h"

namespace penstock {

class Pages {
 public:
  /// Everything below `directory`: at most 1000 files, 32 MiB together. A directory that is not there gives no pages.
  explicit Pages(const std::string& directory);

  /// `name` as "index.html" or "assets/room.js". Answers If-None-Match with 304.
  Response serve(const std::string& name, const Request& request) const;
  size_t count() const { return files_.size(); }

 private:
  struct File {
    std::string content, content_type, etag;
  };
  std::map<std::string, File> files_;
};

}  // namespace penstock

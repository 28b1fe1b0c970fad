// The SQLite file under the store: opened or moved aside, its schema, statements by text.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace penstock {

class Database {
 public:
  using Row = std::vector<std::string>;

  /// Raised when the tables or the JSON in them change so that what is there cannot be read any more.
  static constexpr int kSchemaVersion = 1;

  /// Throws StartError where no database can be made.
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;

  /// Statements are prepared once and kept; they come from the code, never from outside.
  bool run(const char* sql, const std::vector<std::string>& values);
  bool query(const char* sql, const std::vector<std::string>& values, const std::function<void(const Row&)>& on_row);
  std::string error() const;

 private:
  bool open();
  bool isUsable();
  void close();
  void moveAside();

  std::string path_;
  sqlite3* connection_ = nullptr;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace penstock

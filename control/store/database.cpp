#include "control/store/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include "daemon/exit_codes.h"

namespace penstock {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE room (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE participant (room TEXT, id TEXT, json TEXT NOT NULL, PRIMARY KEY (room, id)) WITHOUT ROWID;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

/// A killed process leaves a journal that is read at the next start; a killed host loses the file, on tmpfs, whole. So
/// nothing is gained by waiting for a disk. EXCLUSIVE: no second penstockd, and no shared memory file beside it.
constexpr const char* kPragmas =
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = OFF;"
    "PRAGMA secure_delete = ON;"
    "PRAGMA temp_store = MEMORY;";

}  // namespace

Database::Database(const std::string& path) : path_(path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  struct statfs fs {};
  if (::statfs(directory.c_str(), &fs) == 0 && fs.f_type != TMPFS_MAGIC)
    spdlog::warn("store.path: {} is not on tmpfs: keys would reach the disk", directory);
  try {
    if (open() && isUsable()) return;
    moveAside();
    if (!open() || !isUsable()) throw StartError(kExitFailure, "store.path: cannot make " + path + ": " + error());
  } catch (...) {
    close();
    throw;
  }
}

Database::~Database() {
  close();
}

void Database::close() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
  sqlite3_close(connection_);
  connection_ = nullptr;
}

bool Database::open() {
  // SQLite gives its journal the mode of the file.
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0)
    throw StartError(errno == EACCES ? kExitRights : kExitConfig,
                     "store.path: cannot open " + path_ + ": " + std::strerror(errno));
  ::fchmod(file, 0600);
  ::close(file);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  return sqlite3_open_v2(path_.c_str(), &connection_, flags, nullptr) == SQLITE_OK;
}

/// Of our version and whole, or new and now of our version. A file that somebody else holds is not to be moved aside.
bool Database::isUsable() {
  const int result = sqlite3_exec(connection_, kPragmas, nullptr, nullptr, nullptr);
  if ((result & 0xff) == SQLITE_BUSY)
    throw StartError(kExitBusy, "store.path: " + path_ + " is in use: another penstockd runs on it");
  if (result != SQLITE_OK) return false;

  int version = -1;
  bool whole = false, empty = true;
  const bool read = query("PRAGMA user_version", {}, [&](const Row& row) { version = std::atoi(row[0].c_str()); }) &&
                    query("SELECT name FROM sqlite_master", {}, [&](const Row&) { empty = false; }) &&
                    query("PRAGMA quick_check(1)", {}, [&](const Row& row) { whole = row[0] == "ok"; });
  if (!read || !whole) return false;
  if (version == kSchemaVersion) return true;
  if (version != 0 || !empty) return false;
  const std::string make =
      "BEGIN;" + std::string(kSchema) + "PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";COMMIT;";
  return sqlite3_exec(connection_, make.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

void Database::moveAside() {
  const std::string why = error();
  close();
  const std::string aside = path_ + ".unreadable";
  spdlog::warn("{} is damaged or of another version ({}): moved to {}, rooms start empty", path_, why, aside);
  if (std::rename(path_.c_str(), aside.c_str()) != 0) ::unlink(path_.c_str());
  ::unlink((path_ + "-wal").c_str());
  ::unlink((path_ + "-shm").c_str());
}

bool Database::run(const char* sql, const std::vector<std::string>& values) {
  return query(sql, values, [](const Row&) {});
}

bool Database::query(const char* sql, const std::vector<std::string>& values,
                     const std::function<void(const Row&)>& on_row) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr && sqlite3_prepare_v2(connection_, sql, -1, &statement, nullptr) != SQLITE_OK) return false;
  for (size_t i = 0; i < values.size(); ++i)
    sqlite3_bind_text(statement, static_cast<int>(i + 1), values[i].data(), static_cast<int>(values[i].size()),
                      SQLITE_STATIC);
  int result;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    Row row;
    for (int column = 0; column < sqlite3_column_count(statement); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      row.emplace_back(text == nullptr ? "" : text, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
    }
    on_row(row);
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return result == SQLITE_DONE;
}

std::string Database::error() const {
  return connection_ == nullptr ? "not open" : sqlite3_errmsg(connection_);
}

}  // namespace penstock

// What penstockd finds again after its restart, or after being killed.
#include "control/store/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "control/room/json.h"

namespace penstock {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string name = "/dev/shm/penstock-store-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/control.sqlite";
  }
  ~StoreTest() override { std::filesystem::remove_all(directory_); }
  void wait() {
    context_.restart();
    context_.run_for(std::chrono::milliseconds(60));
  }

  std::string directory_, path_;
  boost::asio::io_context context_;
};

Codec codec() {
  return {.name = "H264",
          .clock_rate_hz = 90'000,
          .channels = 1,
          .payload_type = 102,
          .rtx_payload_type = 103,
          .fmtp = "packetization-mode=1;profile-level-id=42e01f",
          .rtcp_feedback = {"nack", "nack pli"}};
}

/// Every member set to something that is not its default.
Participant participant(const std::string& id) {
  Participant p;
  p.id = id;
  p.identity = "user \"1\"\n\u00e9";
  p.name = "N";
  p.protocol = "websocket";
  p.resume_token = "secret";
  p.permissions = {.publish = false, .subscribe = false, .moderate = true};
  p.auto_subscribe = false;
  p.joined_unix_ms = 1'700'000'000'123;
  p.expires_unix_ms = 1'800'000'000'000;
  p.tracks = {{.id = "t",
               .kind = Kind::video,
               .source = Source::screen,
               .name = "s",
               .mid = "1",
               .codecs = {codec()},
               .encodings = {{.ssrc = 4'000'000'000, .rtx_ssrc = 2, .rid = "h"}},
               .muted_by_self = true,
               .muted_by_moderator = true}};
  p.subscriptions = {{.track = "x",
                      .mid = "2",
                      .ssrc = 5,
                      .rtx_ssrc = 6,
                      .codecs = {codec()},
                      .active = true,
                      .wish = {.paused = true, .width_max = 640, .height_max = 480, .frame_rate_max = 15}}};
  Transport t;
  t.id = "p-" + id;
  t.purpose = Purpose::subscribe;
  t.ice_ufrag = "ufrag";
  t.ice_pwd = "pwd";
  t.remote_fingerprint = "sha-256 AB";
  t.dtls_role = DtlsRole::client;
  t.extension_id[3] = 14;
  t.rtcp_ssrc = 9;
  t.receive_bitrate_max_bps = 1;
  p.publish_transport = t;
  t.keys = SrtpKeys{.profile = 7, .receive_key = "00", .receive_salt = "01", .send_key = "02", .send_salt = "03"};
  p.subscribe_transport = t;
  p.publish_session.version = 3;
  p.publish_session.sections.push_back({.mid = "0", .kind = Kind::video, .track = "t"});
  p.subscribe_session.next_ssrc = 0xfffffff0;
  return p;
}

Room room(const std::string& name) {
  Room r;
  r.name = name;
  r.settings = {.participants_max = 3, .tracks_max = 2};
  r.keep_when_empty = true;
  r.created_unix_ms = 5;
  return r;
}

std::string text(const auto& value) {
  return boost::json::serialize(boost::json::value_from(value));
}

TEST_F(StoreTest, a_whole_room_comes_back_as_it_was) {
  Room whole = room("one");
  for (const char* id : {"a", "b"}) whole.participants[id] = participant(id);
  {
    Store store(context_.get_executor(), path_);
    EXPECT_TRUE(store.load().empty());
    store.saveRoom(whole);
    for (const auto& [id, p] : whole.participants) store.saveParticipant("one", p);
    wait();
  }
  Store store(context_.get_executor(), path_);
  const auto rooms = store.load();
  ASSERT_EQ(rooms.size(), 1u);
  EXPECT_EQ(text(rooms.at("one")), text(whole));
  EXPECT_EQ(rooms.at("one").participants.at("a").tracks[0].encodings[0].ssrc, 4'000'000'000u);
}

TEST_F(StoreTest, removals_and_later_changes_win_whatever_waits) {
  {
    Store store(context_.get_executor(), path_);
    store.saveRoom(room("kept"));
    store.saveRoom(room("gone"));
    store.saveParticipant("kept", participant("stays"));
    store.saveParticipant("kept", participant("leaves"));
    store.saveParticipant("gone", participant("x"));
    wait();
    Participant renamed = participant("stays");
    renamed.name = "first";
    store.saveParticipant("kept", renamed);
    renamed.name = "second";
    store.saveParticipant("kept", renamed);
    store.removeParticipant("kept", "leaves");
    store.saveParticipant("gone", participant("y"));
    store.removeRoom("gone");
    store.saveRoom(room("gone"));  // made again at once, and empty
    store.saveParticipant("gone", participant("z"));
  }
  Store store(context_.get_executor(), path_);
  const auto rooms = store.load();
  ASSERT_EQ(rooms.size(), 2u);
  ASSERT_EQ(rooms.at("kept").participants.size(), 1u);
  EXPECT_EQ(rooms.at("kept").participants.at("stays").name, "second");
  ASSERT_EQ(rooms.at("gone").participants.size(), 1u);
  EXPECT_TRUE(rooms.at("gone").participants.contains("z"));
}

TEST_F(StoreTest, writes_are_counted_once_they_are_written) {
  Store store(context_.get_executor(), path_);
  for (int i = 0; i < 10; ++i) store.saveRoom(room("one"));
  store.saveParticipant("one", participant("a"));
  EXPECT_EQ(store.writes(), 0u);
  ASSERT_TRUE(store.flush());
  EXPECT_EQ(store.writes(), 2u) << "ten changes of one room are one write";
  ASSERT_TRUE(store.flush());
  EXPECT_EQ(store.writes(), 2u);
  store.removeParticipant("one", "a");
  ASSERT_TRUE(store.flush());
  ASSERT_TRUE(store.setMeta("key", "value"));
  EXPECT_EQ(store.writes(), 4u);
}

TEST_F(StoreTest, meta_is_written_at_once_and_the_file_is_ours_alone) {
  Store store(context_.get_executor(), path_);
  EXPECT_FALSE(store.meta("certificate"));
  EXPECT_TRUE(store.setMeta("certificate", "-----BEGIN"));
  EXPECT_TRUE(store.setMeta("certificate", "-----BEGIN 2"));
  EXPECT_EQ(*store.meta("certificate"), "-----BEGIN 2");
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    struct stat status {};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << entry.path();
  }
}

TEST_F(StoreTest, has_one_writer) {
  Store store(context_.get_executor(), path_);
  try {
    Store second(context_.get_executor(), path_);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("another penstockd"), std::string::npos) << error.what();
  }
}

TEST_F(StoreTest, a_damaged_file_or_one_of_another_version_is_moved_aside) {
  for (const bool damaged : {true, false}) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    if (damaged) {
      std::ofstream(path_) << std::string(5000, 'x');
    } else {
      sqlite3* other = nullptr;
      ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
      sqlite3_exec(other, "CREATE TABLE room (x); PRAGMA user_version = 999", nullptr, nullptr, nullptr);
      sqlite3_close(other);
    }
    Store store(context_.get_executor(), path_);
    EXPECT_TRUE(store.load().empty());
    EXPECT_TRUE(std::filesystem::exists(path_ + ".unreadable"));
    store.saveRoom(room("one"));
    EXPECT_TRUE(store.flush());
  }
}

TEST_F(StoreTest, an_entry_that_cannot_be_read_is_left_out_alone) {
  {
    Store store(context_.get_executor(), path_);
    store.saveRoom(room("one"));
    store.saveParticipant("one", participant("a"));
    store.saveParticipant("one", participant("b"));
  }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "UPDATE participant SET json = '{\"id\": 5}' WHERE id = 'a'", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  Store store(context_.get_executor(), path_);
  const auto rooms = store.load();
  EXPECT_FALSE(rooms.at("one").participants.contains("a"));
  EXPECT_TRUE(rooms.at("one").participants.contains("b"));
}

TEST_F(StoreTest, participants_of_an_earlier_and_of_a_later_version_come_back) {
  {
    Store store(context_.get_executor(), path_);
    store.saveRoom(room("one"));
    store.saveParticipant("one", participant("a"));
  }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
  // Members that are missing, and one that nobody knows, on each floor.
  sqlite3_exec(database,
               "UPDATE participant SET json = json_set(json_remove(json, '$.expires_unix_ms', '$.tracks[0].name',"
               " '$.tracks[0].codecs[0].fmtp', '$.subscribe_transport.keys.profile'), '$.later', 1,"
               " '$.tracks[0].codecs[0].later', 1, '$.publish_transport.later', 1, '$.permissions.later', 1)",
               nullptr, nullptr, nullptr);
  ASSERT_EQ(sqlite3_changes(database), 1);
  sqlite3_close(database);
  Store store(context_.get_executor(), path_);
  Participant expected = participant("a");
  expected.expires_unix_ms.reset();
  expected.tracks.at(0).name = expected.tracks.at(0).codecs.at(0).fmtp = "";
  expected.subscribe_transport->keys->profile = 0;
  const auto rooms = store.load();
  ASSERT_TRUE(rooms.at("one").participants.contains("a"));
  EXPECT_EQ(text(rooms.at("one").participants.at("a")), text(expected));
}

TEST_F(StoreTest, a_path_that_cannot_be_is_refused_in_words) {
  EXPECT_THROW(Store(context_.get_executor(), directory_ + "/no/such/place"), std::runtime_error);
}

TEST_F(StoreTest, survives_kill_in_the_middle_of_writing) {
  for (int round = 0; round < 10; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      boost::asio::io_context context;
      Store store(context.get_executor(), path_);
      store.saveRoom(room("one"));
      for (uint64_t i = 1;; ++i) {
        for (const char* id : {"a", "b"}) {
          Participant p = participant(id);
          p.joined_unix_ms = i;
          store.saveParticipant("one", p);
        }
        store.flush();
        if (::write(pipe_ends[1], &i, sizeof(i)) < 0) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    uint64_t written = 0, now = 0;
    const uint64_t enough = 20 + static_cast<uint64_t>(round) * 3;
    while (written < enough && ::read(pipe_ends[0], &now, sizeof(now)) == sizeof(now)) written = now;
    ::usleep(static_cast<useconds_t>(37 * round));
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &now, sizeof(now)) == sizeof(now)) written = now;
    ::waitpid(child, nullptr, 0);
    ::close(pipe_ends[0]);

    Store store(context_.get_executor(), path_);
    const auto rooms = store.load();
    ASSERT_EQ(rooms.size(), 1u);
    ASSERT_EQ(rooms.at("one").participants.size(), 2u);
    const uint64_t a = rooms.at("one").participants.at("a").joined_unix_ms;
    EXPECT_GE(a, written) << "what was flushed is there";
    EXPECT_EQ(a, rooms.at("one").participants.at("b").joined_unix_ms) << "a flush is there whole or not at all";
    EXPECT_FALSE(std::filesystem::exists(path_ + ".unreadable"));
  }
}

}  // namespace
}  // namespace penstock

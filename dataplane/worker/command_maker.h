// From believed rows to commands for the worker: opens the crypto objects that each needs, and finds in the flows
// region where an earlier process stopped. Allocates; runs on the housekeeping thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/contract/regions.h"
#include "dataplane/relay/command.h"
#include "dataplane/srtp/crypto.h"
#include "dataplane/worker/row_reader.h"

namespace penstock {

class CommandMaker final : public RowSink {
 public:
  /// `send` takes every command in order; it may wait for room.
  CommandMaker(srtp::Backend& backend, const contract::FlowsRegion& flows, std::function<void(Command)> send);

  void putTransport(uint32_t index, const contract::TransportRow& row, const contract::TransportRow* before) override;
  void putTrack(uint32_t index, const contract::TrackRow& row, const contract::TrackRow* before,
                bool keys_changed) override;
  void putSubscription(uint32_t index, const contract::SubscriptionRow& row, const contract::SubscriptionRow* before,
                       bool keys_changed) override;
  void close(contract::RowKind kind, uint32_t index) override;

  /// Crypto objects that the backend refused to open.
  uint64_t refusals() const { return refusals_; }

 private:
  /// Expanded once for a transport, shared by its streams.
  struct TransportKeys {
    std::shared_ptr<const srtp::Keys> receive, send;
  };
  /// The streams of withdrawn tracks that an earlier process remembered.
  void resumeRetired(uint32_t index, TransportCommand& command);
  std::unique_ptr<srtp::ReceiveStream> openReceive(const TransportKeys& keys, uint32_t ssrc, uint64_t highest_index,
                                                   contract::MediaKind kind);
  std::unique_ptr<srtp::SendStream> openSend(const TransportKeys& keys, uint32_t ssrc, uint64_t first_index);
  template <class Object>
  Object counted(Object object);

  srtp::Backend& backend_;
  const contract::FlowsRegion& flows_;
  std::function<void(Command)> send_;
  std::vector<TransportKeys> keys_;
  uint64_t refusals_ = 0;
};

}  // namespace penstock

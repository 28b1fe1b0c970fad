// Reports by the ids of the room model: what metrics, the API and the speaker detection read.
#pragma once

#include "control/metrics/report_source.h"
#include "control/seam/report_reader.h"
#include "control/seam/table_writer.h"
#include "control/signalling/edges.h"

namespace penstock {

class SeamReports final : public ReportSource, public ReportsIn {
 public:
  SeamReports(const ReportReader& reader, const TableWriter& writer) : reader_(reader), writer_(writer) {}

  DataplaneFigures figures() const override;
  std::optional<contract::TransportStats> transport(const std::string& transport) const override;
  std::optional<contract::TrackStats> track(const std::string& track) const override;
  std::optional<contract::SubscriptionStats> subscription(const std::string& transport,
                                                          const std::string& track) const override;
  Consent consent(const std::string& transport) const override;
  std::optional<uint64_t> sinceHeardMs(const std::string& track) const override;
  std::optional<uint64_t> sinceCheckMs(const std::string& transport) const override;
  std::optional<uint8_t> audioLevel(const std::string& track) const override;
  std::optional<contract::SpeakerStats> speaker(const std::string& transport) const override;
  bool held(const std::string& transport, const std::string& track) const override;

 private:
  const ReportReader& reader_;
  const TableWriter& writer_;
};

}  // namespace penstock

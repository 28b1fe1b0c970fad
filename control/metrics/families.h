// Facts that others hold, as metric families: rooms from the room model, packets from the dataplane's reports.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "control/metrics/load.h"
#include "control/metrics/report_source.h"
#include "control/room/model.h"

namespace penstock {

void appendRoomFamilies(const std::map<std::string, Room>& rooms, const ReportSource& reports,
                        std::vector<prometheus::MetricFamily>& to);
void appendDataplaneFamilies(const DataplaneFigures& figures, const Load& load,
                             std::vector<prometheus::MetricFamily>& to);

}  // namespace penstock

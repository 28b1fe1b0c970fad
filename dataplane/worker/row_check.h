// Whether a row, taken by itself, can be believed. Pure: what it refers to is somebody else's question (row_reader.h).
#pragma once

#include "dataplane/contract/rows.h"

namespace penstock {

enum class RowFault : uint8_t {
  kNone,
  kInvalid,          // a length, kind, count or value that cannot be
  kIndexOutOfRange,  // a reference beyond a table
};

RowFault check(const contract::TransportRow& row);
RowFault check(const contract::TrackRow& row);
RowFault check(const contract::SubscriptionRow& row);

}  // namespace penstock
